/** One WebSocket of a client, from its handshake to its end. */
import { binaryNodeToString, proto } from "baileys";
import { lidJid } from "./addresses.mjs";
import { Frames, Handshake } from "./noise.mjs";
import { node, seconds } from "./stanzas.mjs";

let lastId = 0;

export class Connection {
  id = ++lastId;
  since = new Date().toISOString();
  device = null;
  registration = null; // what a client that is not linked yet says of itself
  active = false; // whether stanzas may be sent that nobody asked for

  #frames = new Frames();
  #handshake;
  #transport = null;
  #step = "hello";
  #work = Promise.resolve();

  constructor(emulator, socket) {
    this.emulator = emulator;
    this.socket = socket;
    const identity = emulator.faults.strike("wrong_root") ? emulator.otherIdentity : emulator.identity;
    this.#handshake = new Handshake(identity);
    socket.on("message", (data) => {
      this.#work = this.#work.then(() => this.#receive(data)).catch((error) => this.#fail(error));
    });
    socket.on("close", () => this.#ended());
    socket.on("error", () => {});
  }

  get isOpen() {
    return this.socket.readyState === 1;
  }

  send(stanza) {
    if (!this.isOpen || !this.#transport) return;
    if (this.#isSilent()) return;
    this.emulator.trace("to", this, stanza);
    this.socket.send(this.#transport.seal(stanza));
    this.emulator.statistics.sent += 1;
  }

  /** Sends bytes in place of a stanza; with `sealed: false` not even as the transport would. */
  sendRaw(bytes, { sealed = true } = {}) {
    if (this.isOpen) this.socket.send(sealed ? this.#transport.sealBytes(bytes) : bytes);
  }

  /** Says goodbye with a stanza and closes. */
  end(stanza) {
    if (stanza) this.send(stanza);
    this.#step = "over";
    this.#leave();
    setTimeout(() => this.socket.close(), 20);
  }

  /** Cuts the connection without a word. */
  cut() {
    this.#step = "over";
    this.#leave();
    this.socket.terminate();
  }

  /** A stanza that ends a connection with a code that clients know. */
  endWithCode(code) {
    if (code === 440) return this.end(node("stream:error", {}, [node("conflict", { type: "replaced" })]));
    if (code === 401)
      return this.end(node("stream:error", { code: "401" }, [node("conflict", { type: "device_removed" })]));
    return this.end(node("stream:error", { code: String(code) }));
  }

  #isSilent() {
    return this.device && this.emulator.faults.strike("silence", this.device.account.phone);
  }

  async #receive(data) {
    for (const frame of this.#frames.of(data)) {
      if (this.#step === "over") return;
      if (this.#step === "hello") {
        this.socket.send(this.#handshake.hello(frame));
        this.#step = "finish";
      } else if (this.#step === "finish") {
        const { clientKey, payload, transport } = this.#handshake.finish(frame);
        this.#handshake = null;
        this.#transport = transport;
        this.#step = "stanzas";
        this.#welcome(clientKey, payload);
      } else {
        const stanza = await this.#transport.open(frame);
        this.emulator.trace("from", this, stanza);
        if (!this.#isSilent()) await this.#handle(stanza);
      }
    }
  }

  #fail(error) {
    if (this.#step === "over") return;
    this.emulator.log(`connection ${this.id}: ${error.stack}`);
    this.emulator.statistics.failures += 1;
    this.cut();
  }

  #welcome(clientKey, payload) {
    const phone = String(payload.username ?? "");
    if (payload.devicePairingData && !Number(phone)) {
      const props = proto.DeviceProps.decode(payload.devicePairingData.deviceProps);
      this.registration = { noiseKey: clientKey, platform: props.os, ...payload.devicePairingData };
      this.emulator.pairing.offer(this);
      return;
    }
    const refused = this.emulator.faults.strike("refuse_login", phone);
    const account = this.emulator.accounts.get(phone);
    const device = account?.devices.get(payload.device ?? 0);
    const reason = refused?.code ?? this.#reasonToRefuse(account, device, clientKey);
    if (reason) {
      this.emulator.statistics.refused_logins += 1;
      this.end(node("failure", { reason: String(reason), location: "emulator", t: seconds() }));
    } else this.#logIn(device);
  }

  #reasonToRefuse(account, device, clientKey) {
    if (account?.banned) return 403;
    if (!device || !device.noiseKey.equals(clientKey)) return 401;
    return null;
  }

  #logIn(device) {
    if (device.connection) this.emulator.replace(device.connection, this);
    this.device = device;
    device.connection = this;
    this.emulator.statistics.logins += 1;
    this.send(
      node("success", {
        t: seconds(),
        lid: lidJid(device.account.phone, device.id),
        creation: seconds(),
        props: "1",
        location: "emulator",
      }),
    );
  }

  /** The client is ready: it gets what came while it was away. */
  activate() {
    if (this.active || !this.device) return;
    const waiting = this.device.queue.open();
    const count = String(waiting.length);
    const of = (tag) => String(waiting.filter((stanza) => stanza.tag === tag).length);
    this.send(
      node("ib", {}, [
        node("offline_preview", {
          count,
          message: of("message"),
          receipt: of("receipt"),
          notification: of("notification"),
          appdata: "0",
        }),
      ]),
    );
    for (const stanza of waiting) this.send({ ...stanza, attrs: { ...stanza.attrs, offline: "0" } });
    this.send(node("ib", {}, [node("offline", { count })]));
    this.active = true;
    this.emulator.phones.greet(this.device).catch((error) => this.emulator.log(error.stack));
  }

  async #handle(stanza) {
    this.emulator.statistics.count(stanza);
    switch (stanza.tag) {
      case "iq":
        if (stanza.attrs.type === "result" || stanza.attrs.type === "error")
          return this.emulator.pairing.answered(this, stanza);
        return this.emulator.queries.answer(this, stanza);
      case "message":
        return this.device && this.emulator.messages.take(this, stanza);
      case "receipt":
        return this.device && this.emulator.receipts.take(this, stanza);
      case "ack":
        return this.device?.queue.acknowledge(stanza);
      case "chatstate":
        return this.device && this.emulator.messages.showTyping(this.device, stanza);
      case "presence":
      case "ib":
        return;
      default:
        this.emulator.log(`connection ${this.id}: nobody answers ${binaryNodeToString(stanza)}`);
    }
  }

  #leave() {
    const { device } = this;
    if (device?.connection === this) {
      device.connection = null;
      device.queue.close();
    }
    this.active = false;
    this.emulator.pairing.withdraw(this);
    this.emulator.connections.delete(this);
  }

  #ended() {
    this.#step = "over";
    this.#leave();
  }
}
