/**
 * A map that forgets those entries that were not used for longest. It holds at most `most` of them, or, where `weigh`
 * says how much each is, entries of that much together.
 */
export class BoundedMap {
  #entries = new Map();
  #weight = 0;

  constructor(most, weigh = () => 1) {
    this.most = most;
    this.weigh = weigh;
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
    this.delete(key);
    this.#entries.set(key, value);
    this.#weight += this.weigh(value);
    while (this.#weight > this.most) this.delete(this.#entries.keys().next().value);
  }

  delete(key) {
    if (this.#entries.has(key)) this.#weight -= this.weigh(this.#entries.get(key));
    return this.#entries.delete(key);
  }

  clear() {
    this.#entries.clear();
    this.#weight = 0;
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
