/** What is said of an error: never more than its first line, for a library may put a stanza into the rest. */
export function textOfError(error) {
  return String(error?.message ?? error ?? "")
    .split("\n")[0]
    .slice(0, 200);
}
