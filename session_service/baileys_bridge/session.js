import makeWASocket, {
  BufferJSON,
  areJidsSameUser,
  initAuthCreds,
  isJidBroadcast,
  isJidNewsletter,
  jidNormalizedUser,
} from "baileys";
import { BoundedCache } from "./bounded.js";
import { textOfError } from "./errors.js";
import { Groups } from "./groups.js";
import { onBehalfOf } from "./guard.js";
import { ackOf, receiptOf } from "./incoming.js";
import { Keys } from "./keys.js";
import { Numbers } from "./numbers.js";
import { jidOf, lidOf, numberOf } from "./people.js";
import { Receiver } from "./receiver.js";
import { Sender } from "./sender.js";
import { silent } from "./silent_logger.js";

// WhatsApp hands out six references for codes: the first is good for a minute, each further one for 20 seconds.
const FIRST_QR_SECONDS = 60;
const QR_SECONDS = 20;
const PAIRING_CODE_SECONDS = 160;
const MOST_UNWRITTEN = 100; // events that the worker has not written yet; beyond it, the socket is not read
const SECONDS_TO_CLOSE = 1;
const STOPPED = Symbol("stopped");

/**
 * One WhatsApp connection: it lives from `open` to its end and is never opened again. It decides nothing; whether there
 * will be another, and when, is the worker's decision.
 */
export class Session {
  #unwritten = new Set();
  #paused = false;
  #ended = false;
  #codesShown = 0;

  /**
   * @param {object} order  the worker's `open`
   * @param {import("./channel.js").Channel} channel
   * @param {object} settings  the worker's `hello`, and what the process adds to it
   */
  constructor(order, channel, settings) {
    this.number = order.session;
    this.sender = order.sender;
    this.pairingNumber = order.pairing_number ?? "";
    this.channel = channel;
    this.settings = settings;
    this.creds = order.creds ? JSON.parse(order.creds, BufferJSON.reviver) : initAuthCreds();
    this.keys = new Keys(
      (wanted) => this.ask({ ask: "keys", wanted }),
      (keys) => this.tell({ event: "keys", keys }),
    );
    this.receiver = new Receiver(this);
    this.numbers = new Numbers(this);
    this.outbox = new Sender(this);
  }

  open() {
    onBehalfOf(this, () => {
      this.socket = makeWASocket(this.#config());
      this.groups = new Groups(this);
      // A message that is to be sent again is asked for over the protocol; a copy of each would fill the memory.
      if (this.socket.messageRetryManager) this.socket.messageRetryManager.addRecentMessage = () => {};
      this.#listen();
    });
  }

  #config() {
    const { websocket_url: url, web_version: version, keep_alive_seconds: seconds } = this.settings;
    return {
      auth: { creds: this.creds, keys: this.keys },
      logger: silent,
      ...(url ? { waWebSocketUrl: url } : {}),
      ...(version?.length ? { version } : {}),
      // Sessions that were opened together should not all wake up together.
      keepAliveIntervalMs: seconds * 1000 * (0.85 + 0.3 * Math.random()),
      defaultQueryTimeoutMs: 30_000,
      markOnlineOnConnect: false,
      syncFullHistory: false,
      shouldSyncHistoryMessage: () => false,
      emitOwnEvents: false,
      generateHighQualityLinkPreview: false,
      transactionOpts: { maxCommitRetries: 3, delayBetweenTriesMs: 200 },
      shouldIgnoreJid: (jid) => Boolean(isJidBroadcast(jid) || isJidNewsletter(jid)),
      cachedGroupMetadata: (jid) => this.groups.metadata(jid),
      getMessage: (key) => this.outbox.rebuild(key.id),
      // The counters of retries outlive a connection, so that a message is not asked for without end.
      msgRetryCounterCache: this.settings.retriesOf(this.sender),
      userDevicesCache: new BoundedCache(500, 300),
      callOfferCache: new BoundedCache(20, 300),
      placeholderResendCache: new BoundedCache(50, 3600),
      makeSignalRepository: (...parts) => this.receiver.repository(...parts),
    };
  }

  // -- What the socket says --

  #listen() {
    const { ws, ev } = this.socket;
    ws.on("error", () => {}); // Baileys removes its own listeners when it ends, and an error may follow
    replace(ws, "message", (original) => async (data) => {
      try {
        await original(data);
      } catch (error) {
        this.fail(error); // a frame that cannot be decrypted or read
      }
    });
    ws.prependListener("CB:message", (node) => this.receiver.noteEnvelope(node));
    replace(ws, "CB:receipt", (original) => (node) => this.#onReceipt(node, original));
    ws.on("CB:ack,class:message", (node) => this.#onAck(node));
    ev.on("creds.update", () => this.#saveCredentials());
    ev.on("connection.update", (update) => this.#onConnection(update));
    ev.on("messages.upsert", (update) => this.receiver.onResent(update));
    ev.on("groups.update", (updates) => updates.forEach(({ id }) => this.groups.forget(id)));
    ev.on("group-participants.update", ({ id }) => this.groups.forget(id));
  }

  tell(line) {
    if (!this.#ended) this.channel.tell({ ...line, session: this.number });
  }

  ask(question) {
    return this.channel.ask({ ...question, session: this.number });
  }

  /** Reports an event and waits until the worker has written it: for ever, where the session ends before. */
  async deliver(event) {
    if (this.#ended) return new Promise(() => {});
    const { number, written } = this.channel.deliver({ ...event, session: this.number });
    this.#unwritten.add(number);
    this.regulate();
    await written;
    this.#unwritten.delete(number);
    this.regulate();
  }

  /** Reads the socket only while the worker keeps up with what is reported. */
  regulate() {
    const full = this.#unwritten.size >= MOST_UNWRITTEN || this.settings.isFull();
    if (full === this.#paused || this.#ended) return;
    this.#paused = full;
    full ? this.socket.ws.socket?.pause() : this.socket.ws.socket?.resume();
  }

  isMe(jid) {
    const { id, lid } = this.creds.me ?? {};
    return areJidsSameUser(jid, id) || areJidsSameUser(jid, lid);
  }

  #saveCredentials() {
    // Before it is linked there is nothing to keep: a connection that is lost then starts anew.
    if (this.creds.account) this.tell({ event: "creds", creds: JSON.stringify(this.creds, BufferJSON.replacer) });
  }

  #onConnection({ connection, qr, isNewLogin, lastDisconnect, reachoutTimeLock }) {
    if (qr) this.#onCode(qr);
    if (isNewLogin) this.#saveCredentials();
    if (connection === "open") {
      const { id, lid } = this.socket.user;
      this.tell({ event: "open", number: numberOf(jidNormalizedUser(id)), lid: lidOf(jidNormalizedUser(lid ?? "")) });
    }
    if (reachoutTimeLock) this.tell({ event: "limit", ...limitOf(reachoutTimeLock) });
    if (connection === "close") this.#onClose(lastDisconnect?.error);
  }

  /** A new QR code; or the moment to ask for a pairing code, once a connection. */
  #onCode(text) {
    this.#codesShown += 1;
    if (!this.pairingNumber) {
      const seconds = this.#codesShown === 1 ? FIRST_QR_SECONDS : QR_SECONDS;
      this.tell({ event: "qr", text, expires_in: seconds });
    } else if (this.#codesShown === 1) {
      this.socket.requestPairingCode(this.pairingNumber.replace(/\D/g, "")).then(
        (code) => this.tell({ event: "pairing_code", code, expires_in: PAIRING_CODE_SECONDS }),
        (error) => this.fail(error),
      );
    }
  }

  #onAck(node) {
    const ack = ackOf(node);
    if (!ack.error) this.settings.noteAcknowledged(this.sender, ack.id);
    this.tell({ event: "ack", ...ack });
  }

  async #onReceipt(node, original) {
    const receipt = receiptOf(node, (jid) => this.isMe(jid));
    if (receipt) await this.deliver({ event: "receipt", ...receipt });
    return original(node);
  }

  // -- Questions of the worker --

  async checkNumbers({ numbers }) {
    const found = await this.numbers.find(numbers);
    const existing = [...found.values()];
    const { lidMapping } = this.socket.signalRepository;
    const pairs = existing.length ? await lidMapping.getLIDsForPNs(existing.map((number) => jidOf({ number }))) : [];
    const lids = new Map(pairs?.map(({ pn, lid }) => [numberOf(jidNormalizedUser(pn)), lidOf(jidNormalizedUser(lid))]));
    return numbers.map(({ number, others = [] }) => {
      const known = found.get(number) ?? "";
      return { number, others, known, exists: Boolean(known), lid: lids.get(known) ?? "" };
    });
  }

  async limit() {
    return limitOf(await this.socket.fetchAccountReachoutTimelock());
  }

  // -- The end --

  /** What was being sent may have left: the keys' next state is reported before the end, so that it is not used twice. */
  async #onClose(error) {
    this.outbox.stop();
    await Promise.race([this.outbox.idle(), pause(SECONDS_TO_CLOSE)]);
    this.#end(error);
  }

  /** Something broke that belongs to this session: it ends, and the others go on. */
  fail(error) {
    this.tell({ event: "trouble", text: textOfError(error) });
    this.#end(error);
    this.#disconnect();
  }

  /** Unlinks this device from the phone. The connection then ends with the code for that. */
  logOut() {
    return this.socket.logout();
  }

  async close() {
    await Promise.race([this.outbox.idle(), pause(SECONDS_TO_CLOSE)]);
    this.#end(STOPPED);
    await this.#disconnect();
  }

  #end(error) {
    if (this.#ended) return;
    if (error !== STOPPED) {
      this.tell({ event: "closed", code: error?.output?.statusCode ?? 500, text: textOfError(error) });
    }
    this.#ended = true;
    this.outbox.stop();
    this.channel.forget(this.#unwritten);
    this.settings.forget(this);
  }

  /** Resolves when the socket is closed, in order or, where the server does not answer, at once. */
  async #disconnect() {
    const raw = this.socket.ws.socket;
    const ended = Promise.resolve(this.socket.end(undefined)).catch(() => {});
    raw?.resume();
    await Promise.race([ended, pause(SECONDS_TO_CLOSE)]);
    raw?.terminate();
  }
}

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000).unref());

/** Puts `wrap(original)` in the place of the one listener that there is. */
function replace(emitter, event, wrap) {
  const [original] = emitter.listeners(event);
  emitter.removeListener(event, original);
  emitter.on(event, wrap(original));
}

function limitOf({ isActive, timeEnforcementEnds }) {
  return { active: Boolean(isActive), until: isActive ? (timeEnforcementEnds?.getTime() ?? 0) / 1000 : 0 };
}
