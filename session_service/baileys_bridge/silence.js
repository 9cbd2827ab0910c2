/**
 * libsignal prints whole sessions, private keys included, to the console. Standard output carries the protocol, and
 * nothing else may be written by this process, so this module is imported before every other.
 */
for (const [name, member] of Object.entries(console)) {
  if (typeof member === "function") console[name] = () => {};
}
