/** The stanzas that a companion has not acknowledged yet, in order. Kept on disk; what is in memory is only their ids. */

/** What an acknowledgement of this stanza will name. */
function keyOf({ tag, attrs }) {
  return tag === "message"
    ? `message ${attrs.id}`
    : `${tag} ${attrs.id} ${attrs.type ?? ""} ${attrs.participant ?? ""}`;
}

/** What this acknowledgement names. */
function keyOfAck({ attrs }) {
  if (attrs.class === "message") return `message ${attrs.id}`;
  return `${attrs.class} ${attrs.id} ${attrs.type ?? ""} ${attrs.participant ?? ""}`;
}

export class DeviceQueue {
  #state;
  #prefix;
  #waiting = null; // sequences by key; null while the device is away, when nobody asks

  constructor(state, prefix) {
    this.#state = state;
    this.#prefix = prefix;
  }

  add(stanza) {
    const sequence = this.#state.next();
    this.#state.set(this.#prefix + sequence, stanza);
    this.#note(keyOf(stanza), sequence);
    return sequence;
  }

  /** Everything that waits, oldest first; from now on acknowledgements are understood. */
  open() {
    this.#waiting = new Map();
    const stanzas = [];
    for (const [key, stanza] of this.#state.entries(this.#prefix)) {
      this.#note(keyOf(stanza), key.slice(this.#prefix.length));
      stanzas.push(stanza);
    }
    return stanzas;
  }

  close() {
    this.#waiting = null;
  }

  acknowledge(ack) {
    this.#forget(keyOfAck(ack));
  }

  /** A receipt for a message acknowledges it, too. */
  acknowledgeMessages(ids) {
    for (const id of ids) this.#forget(`message ${id}`);
  }

  get length() {
    if (this.#waiting) return [...this.#waiting.values()].reduce((sum, each) => sum + each.length, 0);
    return [...this.#state.entries(this.#prefix)].length;
  }

  clear() {
    this.#state.clear(this.#prefix);
    this.#waiting = null;
  }

  #note(key, sequence) {
    const sequences = this.#waiting?.get(key);
    if (sequences) sequences.push(sequence);
    else this.#waiting?.set(key, [sequence]);
  }

  #forget(key) {
    const sequences = this.#waiting?.get(key);
    if (!sequences) return;
    this.#state.delete(this.#prefix + sequences.shift());
    if (!sequences.length) this.#waiting.delete(key);
  }
}
