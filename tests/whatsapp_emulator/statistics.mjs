/** What happened since the start, counted. */

const COUNTERS = [
  "linked",
  "logins",
  "refused_logins",
  "failures",
  "sent",
  "messages",
  "rejected_messages",
  "received",
  "repeats",
  "unreadable",
  "retries_asked",
  "retries_answered",
  "checked_numbers",
  "tokens",
];

export class Statistics {
  stanzas = {};

  constructor() {
    for (const name of COUNTERS) this[name] = 0;
  }

  /** Counts a stanza of a client under its tag and, of a query, its namespace. */
  count({ tag, attrs }) {
    const name = attrs.xmlns ? `${tag} ${attrs.xmlns}` : tag;
    this.stanzas[name] = (this.stanzas[name] ?? 0) + 1;
  }
}
