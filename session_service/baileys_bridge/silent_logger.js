const nothing = () => {};

/** A logger for Baileys that writes nothing: what matters is told as an event, and the rest holds keys and texts. */
export const silent = {
  level: "silent",
  child: () => silent,
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
};
