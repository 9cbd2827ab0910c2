/**
 * What goes wrong on purpose. A fault is a rule with a kind, perhaps a phone number that it is for, and how many times it
 * strikes (`count`, else until it is removed). README.md lists the kinds.
 */
import { digitsOf } from "./addresses.mjs";

export const KINDS = {
  ack_error: "answers messages with an error instead of taking them: code (463, 475, ...), first_contacts",
  lose_ack: "takes messages and never acknowledges them",
  delay_ack: "acknowledges messages late: ms",
  drop_before: "cuts the connection as a message arrives; the message is lost",
  drop_after: "takes a message, then cuts the connection instead of acknowledging",
  refuse_login: "refuses connections: code (401, 403, 500, 503, ...)",
  wrong_root: "answers handshakes with a certificate of another root key",
  phone_cannot_decrypt: "phones cannot read what they get and ask for it again",
  silence: "reads and answers nothing",
  media_error: "answers uploads and downloads with an HTTP error: code",
  no_delivery: "takes and acknowledges messages, and no phone gets them",
};

export class Faults {
  #rules = new Map();
  #last = 0;

  /** Adds a rule; returns it with its id. */
  add({ kind, phone, count = Infinity, ...details }) {
    if (!KINDS[kind])
      throw Object.assign(new Error(`kind: ${kind} is none of ${Object.keys(KINDS).join(", ")}`), { status: 400 });
    const rule = { id: ++this.#last, kind, phone: phone ? digitsOf(phone) : null, count, struck: 0, ...details };
    this.#rules.set(rule.id, rule);
    return rule;
  }

  remove(id) {
    if (id === undefined) this.#rules.clear();
    else this.#rules.delete(Number(id));
  }

  get list() {
    return [...this.#rules.values()].map((rule) => ({ ...rule, count: rule.count === Infinity ? null : rule.count }));
  }

  /** The rule of this kind that strikes now, which is counted; null when none does. */
  strike(kind, phone, applies = () => true) {
    for (const rule of this.#rules.values()) {
      if (rule.kind !== kind || (rule.phone && rule.phone !== phone) || !applies(rule)) continue;
      rule.struck += 1;
      if (--rule.count <= 0) this.#rules.delete(rule.id);
      return rule;
    }
    return null;
  }
}
