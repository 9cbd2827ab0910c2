import { jidNormalizedUser } from "baileys";
import { BoundedCache } from "./bounded.js";
import { jidOf, numberOf } from "./people.js";

const REMEMBERED = 10_000;
const SECONDS = 24 * 3600;

/**
 * Under which of its forms WhatsApp knows a number that can be registered in two ways, as in Brazil, Argentina and
 * Mexico. A message to the other form reaches nobody, although the server takes it.
 */
export class Numbers {
  #known = new BoundedCache(REMEMBERED, SECONDS);

  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.session = session;
  }

  /** The jid of a person or a group, asking WhatsApp where the number has other forms and none of them was seen. */
  async jidFor(to) {
    return this.seen(to) ?? (await this.look(to)) ?? jidOf(to);
  }

  /** The jid as far as it is known without asking; undefined where WhatsApp would have to be asked. */
  seen(to) {
    if (!to.others?.length) return jidOf(to);
    const known = this.#known.get(to.number) ?? to.known;
    return known ? jidOf({ number: known }) : undefined;
  }

  /** Asks WhatsApp for the number, then for its other forms; undefined where none is on WhatsApp. */
  async look({ number, others = [] }) {
    const known = (await this.find([{ number, others }])).get(number);
    if (!known) return undefined;
    this.session.tell({ event: "known_as", number, known });
    return jidOf({ number: known });
  }

  /**
   * Looks numbers up, other forms only of those that were not found: the fewer look-ups, the better.
   *
   * @returns {Promise<Map<string, string>>} the forms that are on WhatsApp, by number
   */
  async find(people) {
    const found = new Map();
    for (const formsOf of [({ number }) => [number], ({ others }) => others ?? []]) {
      const open = people.filter(({ number }) => !found.has(number));
      const asked = open.flatMap(formsOf);
      if (!asked.length) continue;
      const existing = await this.#existing(asked);
      for (const { number, others = [] } of open) {
        // WhatsApp may answer with the form that it knows instead of the one that it was asked for.
        const known = [number, ...others].find((form) => existing.has(form));
        if (known) found.set(number, known);
        if (known && others.length) this.#known.set(number, known);
      }
    }
    return found;
  }

  async #existing(numbers) {
    const answers = (await this.session.socket.onWhatsApp(...numbers.map((number) => jidOf({ number })))) ?? [];
    return new Set(answers.filter(({ exists }) => exists).map(({ jid }) => numberOf(jidNormalizedUser(jid))));
  }
}
