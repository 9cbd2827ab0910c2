/** Real Baileys clients for the tests, and an emulator to connect them to. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import makeWASocket, { Curve, DisconnectReason, generateSignalPubKey, initAuthCreds, WA_CERT_DETAILS } from "baileys";
import libsignal from "libsignal";
import pino from "pino";
import { Emulator } from "../emulator.mjs";

// As the bridge does: without this a client of this version accepts any signature.
Curve.verify = (key, message, signature) => {
  try {
    return libsignal.curve.verifySignature(generateSignalPubKey(key), message, Buffer.from(signature)) === true;
  } catch {
    return false;
  }
};
for (const name of ["log", "info", "warn", "error"]) console[name] = () => {};

const LOGGER = pino({ level: process.env.BAILEYS_LOG ?? "silent" }, pino.destination(2));

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `look` returns something; fails after some seconds with `what`. */
export async function until(look, what = look.toString(), timeoutMs = 20_000) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain for: ${what}`);
    await sleep(15);
  }
}

/** An emulator in this process, which ends with the test `t`. */
export async function startEmulator(t) {
  const folder = newFolder(t);
  const emulator = new Emulator({
    folder,
    quiet: !process.env.EMULATOR_LOG,
    trace: Boolean(process.env.EMULATOR_TRACE),
  });
  const ready = await emulator.listen();
  trust(ready);
  t.after(() => emulator.close());
  return { ...ready, folder, emulator, ...callsTo(ready) };
}

/** An emulator in a process of its own, which can be killed and started again. */
export async function spawnEmulator(t) {
  const folder = newFolder(t);
  const running = { folder };
  const main = new URL("../main.mjs", import.meta.url).pathname;
  running.start = async () => {
    running.process = spawn(process.execPath, [main, "--state", folder, "--until-stdin-closes", "--quiet"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const [line] = await once(createInterface(running.process.stdout), "line");
    const ready = JSON.parse(line);
    trust(ready);
    Object.assign(running, ready, callsTo(ready));
  };
  running.end = async (signal) => {
    running.process.kill(signal);
    await once(running.process, "exit");
  };
  await running.start();
  t.after(() => running.process.kill("SIGKILL"));
  return running;
}

/** An emulator that runs elsewhere, from what it said when it was ready. */
export function connectedTo(ready) {
  trust(ready);
  return { ...ready, ...callsTo(ready) };
}

function newFolder(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "emulator-"));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  return folder;
}

const trust = ({ root_key: key }) => (WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(key, "hex"));

function callsTo({ admin_url: url }) {
  const call = async (method, path, body) => {
    const response = await fetch(url + path, { method, body: body && JSON.stringify(body) });
    if (response.headers.get("content-type") === "application/jsonl")
      return (await response.text())
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    if (response.headers.get("content-type") !== "application/json") return Buffer.from(await response.arrayBuffer());
    const answer = await response.json();
    if (!response.ok) throw Object.assign(new Error(answer.error), { status: response.status });
    return answer;
  };
  return {
    get: (path) => call("GET", path),
    post: (path, body) => call("POST", path, body),
    remove: (path) => call("DELETE", path),
    inbox: (phone) => call("GET", `/inbox${phone ? `?phone=${phone}` : ""}`),
    /** Waits for a line of the inbox. */
    got: (phone, wanted) =>
      until(async () => (await call("GET", `/inbox?phone=${phone}`)).find(wanted), `${phone} to get ${wanted}`),
  };
}

/** Credentials and keys in memory, which stand for what a client keeps between its connections. */
export function newAuth() {
  const rows = {};
  return {
    creds: initAuthCreds(),
    rows,
    keys: {
      get: async (type, ids) =>
        Object.fromEntries(ids.map((id) => [id, rows[type]?.[id]]).filter(([, value]) => value !== undefined)),
      set: async (changes) => {
        for (const [type, values] of Object.entries(changes))
          for (const [id, value] of Object.entries(values)) {
            rows[type] ??= {};
            if (value == null) delete rows[type][id];
            else rows[type][id] = value;
          }
      },
    },
  };
}

/** A Baileys client that keeps what happens to it. */
export class Client {
  received = []; // messages
  updates = []; // changes of messages
  receipts = []; // in groups
  acks = [];
  closes = []; // codes
  typing = [];
  qrs = [];
  state = "new";

  constructor(t, emulator, { auth = newAuth(), options = {} } = {}) {
    this.emulator = emulator;
    this.auth = auth;
    this.options = options;
    this.stored = new Map();
    t.after(() => this.close());
  }

  /** Opens the connection; 515 is followed at once, as clients must. */
  connect() {
    this.state = "connecting";
    this.socket = makeWASocket({
      auth: this.auth,
      logger: LOGGER,
      waWebSocketUrl: this.emulator.websocket_url,
      markOnlineOnConnect: false,
      shouldSyncHistoryMessage: () => false,
      getMessage: async ({ id }) => this.stored.get(id),
      ...this.options,
    });
    const { ev, ws } = this.socket;
    ev.on("creds.update", (update) => Object.assign(this.auth.creds, update));
    ev.on("connection.update", (update) => {
      if (update.qr) this.qrs.push(update.qr);
      if (update.connection) this.state = update.connection;
      if (update.connection !== "close") return;
      const code = update.lastDisconnect?.error?.output?.statusCode;
      this.closes.push(code);
      this.error = update.lastDisconnect?.error;
      if (code === DisconnectReason.restartRequired) this.connect();
    });
    ev.on("messages.upsert", ({ messages }) => this.received.push(...messages));
    ev.on("messages.update", (updates) => this.updates.push(...updates));
    ev.on("message-receipt.update", (updates) => this.receipts.push(...updates));
    ev.on("presence.update", (update) => this.typing.push(update));
    ws.on("CB:ack,class:message", ({ attrs }) => this.acks.push(attrs));
    return this;
  }

  async open() {
    this.connect();
    await this.isOpen();
    return this;
  }

  isOpen() {
    return until(() => this.state === "open", "an open connection");
  }

  /** Shows a QR code and has the phone scan it. */
  async link(phone) {
    this.connect();
    const qr = await until(() => this.qrs.at(-1), "a QR code");
    this.linked = await this.emulator.post("/scan", { qr, phone });
    await this.isOpen();
    return this;
  }

  /** Sends and keeps the content, which a retry asks for. */
  async send(to, content, options = {}) {
    const sent = await this.socket.sendMessage(to.includes("@") ? to : `${to}@s.whatsapp.net`, content, options);
    this.stored.set(sent.key.id, sent.message);
    return sent.key.id;
  }

  async sendText(to, text, options) {
    return this.send(to, { text }, options);
  }

  ackOf(id) {
    return until(() => this.acks.find((ack) => ack.id === id), `an acknowledgement of ${id}`);
  }

  /**
   * The highest status that was told of a message: 2 server, 3 delivered, 4 read, 5 played. Baileys folds an early one
   * into the message itself when it still holds that back.
   */
  statusOf(id) {
    const told = this.updates.filter(({ key }) => key.id === id).map(({ update }) => update.status ?? 0);
    const folded = this.received.filter(({ key }) => key.id === id).map(({ status }) => status ?? 0);
    return Math.max(0, ...told, ...folded);
  }

  textOf(message) {
    return message.message?.conversation ?? message.message?.extendedTextMessage?.text;
  }

  hears(text) {
    return until(() => this.received.find((message) => this.textOf(message) === text), `to hear ${text}`);
  }

  /** Closes without a word, as a killed process does. */
  async close() {
    const { socket } = this;
    if (!socket || this.state === "close") return;
    socket.ev.removeAllListeners("connection.update");
    this.state = "close";
    await socket.end(undefined);
  }
}
