import { StringDecoder } from "node:string_decoder";

/** An answer of the other side that says no. */
export class Refused extends Error {}

/**
 * The conversation with the worker: one JSON object a line, both ways. README.md lists what is said.
 *
 * `onFull(true)` says that the worker does not read as fast as events come in, `onFull(false)` that it caught up.
 */
export class Channel {
  #output;
  #asked = new Map();
  #lastAsked = 0;
  #undelivered = new Map();
  #lastEvent = 0;

  /**
   * @param {NodeJS.ReadableStream} input
   * @param {NodeJS.WritableStream} output
   * @param {{onLine: (line: object) => void, onFull: (full: boolean) => void, onEnd: () => void}} listener
   */
  constructor(input, output, { onLine, onFull, onEnd }) {
    this.#output = output;
    output.on("drain", () => onFull(false));
    output.on("error", onEnd);
    this.onFull = onFull;
    const decoder = new StringDecoder("utf8");
    let rest = "";
    input.on("data", (data) => {
      const lines = (rest + decoder.write(data)).split("\n");
      rest = lines.pop();
      for (const line of lines) if (line) this.#read(JSON.parse(line), onLine);
    });
    input.on("end", onEnd);
    input.on("error", onEnd);
  }

  #read(line, onLine) {
    if (line.done) {
      for (const number of line.done) this.#settle(number);
    } else if (line.re !== undefined) {
      const waiting = this.#asked.get(line.re);
      this.#asked.delete(line.re);
      if (!waiting) return;
      line.error === undefined ? waiting.resolve(line.ok) : waiting.reject(new Refused(line.error));
    } else {
      onLine(line);
    }
  }

  #settle(number) {
    const waiting = this.#undelivered.get(number);
    this.#undelivered.delete(number);
    waiting?.();
  }

  tell(line) {
    if (!this.#output.write(JSON.stringify(line) + "\n")) this.onFull(true);
  }

  answer(re, work) {
    work.then(
      (ok) => this.tell({ re, ok: ok ?? null }),
      (error) => this.tell({ re, error: String(error?.message ?? error) }),
    );
  }

  /** Asks the worker and resolves with its answer. */
  ask(question) {
    const id = ++this.#lastAsked;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.tell({ id, ...question });
    });
  }

  /** Reports an event. Resolves once the worker has committed it. @returns {{number: number, written: Promise<void>}} */
  deliver(event) {
    const number = ++this.#lastEvent;
    const written = new Promise((resolve) => this.#undelivered.set(number, resolve));
    this.tell({ n: number, ...event });
    return { number, written };
  }

  /** Nobody waits any more for these events to be written. */
  forget(numbers) {
    for (const number of numbers) this.#undelivered.delete(number);
  }
}
