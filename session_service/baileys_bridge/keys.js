import { BufferJSON, proto } from "baileys";
import { BoundedMap } from "./bounded.js";

const KEPT = 256 * 1024; // characters a session: the chats it is busy with
const EACH = 60; // for the name, and for what is known not to exist
// Used once each, and there are hundreds.
const NOT_KEPT = new Set(["pre-key"]);

/**
 * The Signal keys of one session, as Baileys asks for them. The worker holds them; here is only a small cache. What is
 * read in one turn of the event loop goes out as one question, and writes go out as they happen: lines are read in
 * their order, so a later question sees them.
 */
export class Keys {
  #kept = new BoundedMap(KEPT, (text) => EACH + (text?.length ?? 0));
  #wanted = null;

  /** @param {(wanted: object) => Promise<object>} fetch  @param {(data: object) => void} store  texts by type and id */
  constructor(fetch, store) {
    this.fetch = fetch;
    this.store = store;
  }

  get = async (type, ids) => {
    const found = {};
    const missing = [];
    for (const id of ids) {
      const name = `${type}/${id}`;
      if (this.#kept.has(name)) this.#add(found, type, id, this.#kept.get(name));
      else missing.push(id);
    }
    if (missing.length) {
      const texts = await this.#fetchLater(type, missing);
      for (const id of missing) {
        const text = texts[id] ?? null;
        // What was written meanwhile is newer than the answer.
        const name = `${type}/${id}`;
        const newest = this.#kept.has(name) ? this.#kept.get(name) : text;
        if (!NOT_KEPT.has(type)) this.#kept.set(name, newest);
        this.#add(found, type, id, newest);
      }
    }
    return found;
  };

  set = async (data) => {
    const texts = {};
    for (const [type, entries] of Object.entries(data)) {
      texts[type] = {};
      for (const [id, value] of Object.entries(entries)) {
        const text = value === null || value === undefined ? null : JSON.stringify(value, BufferJSON.replacer);
        texts[type][id] = text;
        if (!NOT_KEPT.has(type)) this.#kept.set(`${type}/${id}`, text);
      }
    }
    this.store(texts);
  };

  #add(found, type, id, text) {
    if (text === null) return;
    const value = JSON.parse(text, BufferJSON.reviver);
    found[id] = type === "app-state-sync-key" ? proto.Message.AppStateSyncKeyData.fromObject(value) : value;
  }

  async #fetchLater(type, ids) {
    this.#wanted ??= {
      byType: {},
      answer: new Promise((resolve) => setImmediate(resolve)).then(() => this.#fetchNow()),
    };
    const { byType, answer } = this.#wanted;
    const wanted = (byType[type] ??= new Set());
    for (const id of ids) wanted.add(id);
    return (await answer)[type] ?? {};
  }

  #fetchNow() {
    const { byType } = this.#wanted;
    this.#wanted = null;
    return this.fetch(Object.fromEntries(Object.entries(byType).map(([type, ids]) => [type, [...ids]])));
  }
}
