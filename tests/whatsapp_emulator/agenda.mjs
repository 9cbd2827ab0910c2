/** What phones will do in a moment, such as reading a message. Survives a restart: what was due meanwhile is done at once. */

export class Agenda {
  #state;
  #act;
  #timers = new Set();

  /** @param act is called with an entry when it is due */
  constructor(state, act) {
    this.#state = state;
    this.#act = act;
  }

  /** Does what a former run left undone. */
  resume() {
    for (const [key, { at, entry }] of [...this.#state.entries("agenda/")]) this.#wait(key, at, entry);
  }

  add(delayMs, entry) {
    const key = `agenda/${this.#state.next()}`;
    const at = Date.now() + delayMs;
    this.#state.set(key, { at, entry });
    this.#wait(key, at, entry);
  }

  stop() {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #wait(key, at, entry) {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        this.#act(entry);
        this.#state.delete(key);
      },
      Math.max(0, at - Date.now()),
    );
    this.#timers.add(timer);
  }
}
