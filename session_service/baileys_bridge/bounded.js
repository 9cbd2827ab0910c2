/** A map that holds at most `most` entries and forgets those that were not used for longest. */
export class BoundedMap {
  #entries = new Map();

  constructor(most) {
    this.most = most;
  }

  get(key) {
    if (!this.#entries.has(key)) return undefined;
    const value = this.#entries.get(key);
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  has(key) {
    return this.#entries.has(key);
  }

  set(key, value) {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size > this.most) this.#entries.delete(this.#entries.keys().next().value);
  }

  delete(key) {
    return this.#entries.delete(key);
  }

  clear() {
    this.#entries.clear();
  }
}

/** A cache in the shape that Baileys asks for, without the timers of the one it would make itself. */
export class BoundedCache {
  #entries;

  constructor(most, seconds) {
    this.#entries = new BoundedMap(most);
    this.milliseconds = seconds * 1000;
  }

  get(key) {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.until > Date.now()) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  set(key, value) {
    this.#entries.set(key, { value, until: Date.now() + this.milliseconds });
  }

  del(key) {
    this.#entries.delete(key);
  }

  flushAll() {
    this.#entries.clear();
  }
}
