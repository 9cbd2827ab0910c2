/**
 * Everything that must survive: a folder with an LMDB database and a few files.
 *
 * Writes are gathered for some milliseconds and committed together; `committed()` resolves once everything written
 * so far is in the hands of the operating system. What is acknowledged to a client waits for that, so `kill -9` loses
 * nothing that was acknowledged. (A power cut may: nobody runs an emulator for that, and fsync is expensive.)
 */
import fs from "node:fs";
import path from "node:path";
import { open } from "lmdb";

const GATHER_MS = 8;

export class StateFolder {
  #database;
  #dirty = new Map();
  #waiting = [];
  #timer = null;
  #sequence;

  constructor(folder) {
    fs.mkdirSync(folder, { recursive: true });
    this.folder = folder;
    this.#database = open({
      path: path.join(folder, "state.mdb"),
      noSync: true,
      compression: false,
      maxReaders: 16,
    });
    this.#sequence = this.#database.get("sequence") ?? 0;
  }

  get(key) {
    return this.#dirty.has(key) ? this.#dirty.get(key) : this.#database.get(key);
  }

  /** Stores plain data (buffers included). The value must not be changed afterwards. */
  set(key, value) {
    this.#dirty.set(key, value);
    this.#timer ??= setTimeout(() => this.flush(), GATHER_MS);
  }

  delete(key) {
    this.set(key, undefined);
  }

  /** A number that is never given twice, also after a crash; as text that sorts. */
  next() {
    this.#sequence += 1;
    this.set("sequence", this.#sequence);
    return String(this.#sequence).padStart(12, "0");
  }

  /** Resolves when everything written before is committed. */
  committed() {
    if (!this.#dirty.size) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  flush() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const [dirty, waiting] = [this.#dirty, this.#waiting];
    if (dirty.size)
      this.#database.transactionSync(() => {
        for (const [key, value] of dirty)
          if (value === undefined) this.#database.removeSync(key);
          else this.#database.putSync(key, value);
      });
    this.#dirty = new Map();
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** `[key, value]` of every key with this prefix, in order; from `after` on, which is excluded. */
  *entries(prefix, { after = prefix, limit = Infinity } = {}) {
    this.flush();
    const end = `${prefix}\uffff`;
    let count = 0;
    for (const { key, value } of this.#database.getRange({ start: after, end })) {
      if (key === after) continue;
      if (++count > limit) return;
      yield [key, value];
    }
  }

  /** Removes every key with this prefix. */
  clear(prefix) {
    for (const [key] of [...this.entries(prefix)]) this.delete(key);
  }

  /** A small file beside the database, made by `make` when it is not there yet. */
  file(name, make) {
    const file = path.join(this.folder, name);
    if (!fs.existsSync(file)) this.replaceFile(name, make());
    return fs.readFileSync(file);
  }

  /** Writes a small file, whole or not at all. */
  replaceFile(name, content) {
    const file = path.join(this.folder, name);
    fs.writeFileSync(`${file}.new`, content, { mode: 0o600 });
    fs.renameSync(`${file}.new`, file);
  }

  path(name) {
    return path.join(this.folder, name);
  }

  async close() {
    this.flush();
    await this.#database.close();
  }
}
