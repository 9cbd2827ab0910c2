/**
 * The emulated phones. They read what they get, as WhatsApp's own clients do: a message that came before under the same id
 * is dropped and counted, one that cannot be read is asked for again. And they write to companions.
 */
import crypto from "node:crypto";
import { deflateSync } from "node:zlib";
import { encodeWAMessage, proto, unpadRandomMax16 } from "baileys";
import { jidOf, lidJid, personOf, phoneJid, plus } from "./addresses.mjs";
import { described, stanzaAttributes } from "./contents.mjs";
import { keyNode } from "./queries.mjs";
import { idsOf } from "./receipts.mjs";
import { bigEndian, bytesOf, child, node, seconds } from "./stanzas.mjs";

const MOST_RETRIES = 5;
const MOST_TYPING = 1000;
const UNREAD_KINDS = ["reaction", "edit", "deletion", "poll_vote"]; // nobody opens these, so nobody sends a read receipt

const newMessageId = () => crypto.randomBytes(16).toString("hex").toUpperCase();

export class Phones {
  typing = [];

  constructor(emulator) {
    this.emulator = emulator;
    this.state = emulator.state;
  }

  // What phones receive.

  /**
   * A message of a companion arrives at a phone.
   * @param {{account, device, stanza, group, sealed}} delivery whose phone, from which companion, in which group if any,
   * and the sealed parts for this phone
   */
  async receive(delivery) {
    const { account, device, stanza, group } = delivery;
    const seenKey = `seen/${account.phone}/${device.account.phone}/${stanza.attrs.id}`;
    const seen = this.state.get(seenKey);
    let message;
    try {
      message = await this.#open(delivery);
    } catch (error) {
      this.emulator.statistics.unreadable += 1;
      if (seen === undefined) return this.#askAgain(delivery, error);
    }
    if (account === device.account || stanza.attrs.category === "peer") return; // its own companion's doing: nothing to show
    if (seen !== undefined) {
      this.#countRepeat(seen);
      return this.#acknowledge(delivery);
    }
    const { phone } = account;
    const kind = this.#store({ phone, from: device.account.phone, id: stanza.attrs.id, message, group });
    if (kind) this.#acknowledge(delivery, kind);
  }

  async #open({ account, device, group, sealed }) {
    if (this.emulator.faults.strike("phone_cannot_decrypt", account.phone)) throw new Error("a fault");
    const keys = this.emulator.keys.of(account.phone);
    const merged = {};
    for (const { attrs, content } of sealed) {
      const bytes = Buffer.from(content);
      const plain =
        attrs.type === "skmsg"
          ? await keys.decryptGroup(group.jid, device.address, bytes)
          : await keys.decrypt(device.address, attrs.type, bytes);
      const message = proto.Message.decode(unpadRandomMax16(plain));
      const given = message.senderKeyDistributionMessage;
      if (given) await keys.learnSenderKey(given.groupId, device.address, given.axolotlSenderKeyDistributionMessage);
      Object.assign(merged, message);
    }
    return proto.Message.fromObject(merged);
  }

  /** Puts a message into the inbox; returns its kind, or null when a person would see nothing. */
  #store({ phone, from, id, message, group }) {
    const what = described(message);
    if (!what) return null;
    const key = `inbox/${this.state.next()}`;
    const secret = message.messageContextInfo?.messageSecret;
    this.state.set(key, {
      phone,
      from,
      message_id: id,
      text: what.text ?? "",
      kind: what.kind,
      content: what.content,
      ...(group ? { group: group.jid } : {}),
      ...(what.media ? { media: what.media } : {}),
      ...(what.vote ? { vote: what.vote } : {}),
      ...(secret?.length ? { secret: Buffer.from(secret) } : {}),
      repeats: 0,
      at: new Date().toISOString(),
    });
    this.state.set(`seen/${phone}/${from}/${id}`, key);
    this.emulator.statistics.received += 1;
    return what.kind;
  }

  #countRepeat(key) {
    const row = this.state.get(key);
    if (!row) return; // the inbox was emptied
    this.state.set(key, { ...row, repeats: row.repeats + 1 });
    this.emulator.statistics.repeats += 1;
  }

  /** Plans the receipts for a message; one that came before is only delivered again. */
  #acknowledge({ account, device, stanza, group }, kind = null) {
    const { delivered_ms: delivered, read_ms: read } = this.emulator.behaviourOf(account.phone);
    if (delivered === null) return;
    const receipt = {
      phone: account.phone,
      to: device.account.phone,
      id: stanza.attrs.id,
      asLid: group ? group.asLid : Boolean(personOf(stanza.attrs.to)?.asLid),
      group: group?.jid ?? null,
    };
    this.emulator.agenda.add(delivered, { ...receipt, type: null });
    if (read === null || !kind || UNREAD_KINDS.includes(kind)) return;
    this.emulator.agenda.add(delivered + read, { ...receipt, type: "read" });
    if (kind === "voice") this.emulator.agenda.add(delivered + read * 2, { ...receipt, type: "played" });
  }

  /** A receipt is due: every companion of the sender's account gets it. */
  sendReceipt({ phone, to, id, asLid, group, type }) {
    const attrs = { id, from: jidOf(phone, 0, asLid), t: seconds() };
    if (group) Object.assign(attrs, { from: group, participant: attrs.from });
    if (type) attrs.type = type;
    for (const device of this.emulator.accounts.get(to)?.devices.values() ?? []) device.deliver(node("receipt", attrs));
  }

  /** A phone that cannot read a message asks the device that sent it for another try, later with new keys. */
  #askAgain({ account, device, stanza, group }, error) {
    const { id, to } = stanza.attrs;
    const counter = `retries/${account.phone}/${device.account.phone}/${id}`;
    const count = (this.state.get(counter) ?? 0) + 1;
    this.emulator.log(`${plus(account.phone)} cannot read ${id} of ${device.jid} (${error.message}), time ${count}`);
    if (count > MOST_RETRIES) return;
    this.state.set(counter, count);
    this.emulator.statistics.retries_asked += 1;
    const keys = this.emulator.keys.of(account.phone);
    const asLid = group ? group.asLid : Boolean(personOf(to)?.asLid);
    const attrs = { id, from: jidOf(account.phone, 0, asLid), type: "retry", t: seconds() };
    if (group) Object.assign(attrs, { from: to, participant: attrs.from });
    else if (account === device.account) attrs.recipient = stanza.attrs.recipient ?? to;
    const content = [
      node("retry", { count: String(count), id, t: seconds(), v: "1" }),
      node("registration", {}, bigEndian(keys.registrationId)),
    ];
    if (count > 1) {
      const { identity, signedPreKey, preKey } = keys.bundle();
      content.push(
        node("keys", {}, [
          node("type", {}, Buffer.from([5])),
          node("identity", {}, identity),
          keyNode("key", preKey),
          keyNode("skey", signedPreKey),
        ]),
      );
    }
    device.deliver(node("receipt", attrs, content));
  }

  noteTyping(phone, from, what) {
    this.typing.push({ phone: plus(phone), from: plus(from), state: what, at: new Date().toISOString() });
    if (this.typing.length > MOST_TYPING) this.typing.shift();
  }

  // What phones say.

  /** A person types, records (`recording`) or stops (`paused`). */
  type(account, to, state) {
    const asLid = this.emulator.behaviourOf(account.phone).lid_chats;
    const what = state === "recording" ? node("composing", { media: "audio" }) : node(state);
    for (const device of to.devices.values())
      device.show(node("chatstate", { from: jidOf(account.phone, 0, asLid) }, [what]));
  }

  /**
   * A phone sends a message to all companions of an account, and its own companions learn of it.
   * @param {Account} account whose phone speaks
   * @param {{to?: Account, group?: Group}} chat
   * @param message of the protocol buffer
   * @returns {Promise<{message_id: string, devices: number}>}
   */
  async send(account, { to, group }, message, { id = newMessageId(), asLid = true } = {}) {
    const chat = group ? group.jid : jidOf(to.phone, 0, asLid);
    const bytes = Buffer.from(proto.Message.encode(message).finish());
    this.state.set(`said/${account.phone}/${id}`, {
      to: to?.phone ?? null,
      group: group?.jid ?? null,
      asLid,
      bytes,
      receipts: {},
    });
    let devices = 0;
    if (group) devices = await this.emulator.groups.say(account, group, message, id);
    else
      for (const device of to.devices.values()) {
        const attrs = { ...this.#attributes(account, asLid), id, ...stanzaAttributes(message) };
        device.deliver(node("message", attrs, [await this.seal(account, device, message)]));
        devices += 1;
      }
    if (to) this.emulator.accounts.meet(account.phone, to.phone);
    if (to && !to.isLinked) this.#store({ phone: to.phone, from: account.phone, id, message });
    for (const device of account.devices.values()) {
      if (group) break;
      const own = { deviceSentMessage: { destinationJid: chat, message } };
      const attrs = { ...this.#attributes(account, asLid), id, ...stanzaAttributes(message), recipient: chat };
      device.deliver(node("message", attrs, [await this.seal(account, device, own)]));
      devices += 1;
    }
    await this.state.committed();
    return { message_id: id, devices };
  }

  #attributes(account, asLid) {
    const number = asLid ? { sender_pn: phoneJid(account.phone) } : { sender_lid: lidJid(account.phone) };
    return { from: jidOf(account.phone, 0, asLid), ...number, t: seconds(), notify: account.name };
  }

  /** An `enc` for one device. */
  async seal(account, device, message, attributes = {}) {
    const keys = this.emulator.keys.of(account.phone);
    if (!keys.hasSession(device.address)) await keys.startSession(device.address, this.emulator.bundleOf(device));
    const { type, ciphertext } = await keys.encrypt(device.address, encodeWAMessage(message));
    return node("enc", { v: "2", type, ...attributes }, ciphertext);
  }

  /** A companion tells what became of a message that a phone sent. */
  takeReceipt(account, device, stanza) {
    if (stanza.attrs.type === "retry") return this.#sendAgain(account, device, stanza);
    for (const id of idsOf(stanza)) {
      const key = `said/${account.phone}/${id}`;
      const said = this.state.get(key);
      if (!said) continue;
      const word = stanza.attrs.type ?? "delivered";
      const receipts = {
        ...said.receipts,
        [device.address]: { ...said.receipts[device.address], [word]: new Date().toISOString() },
      };
      this.state.set(key, { ...said, receipts });
    }
  }

  /** A companion could not read it: it gets it again, with the keys that it sent along or with new ones. */
  async #sendAgain(account, device, stanza) {
    const { id } = stanza.attrs;
    const said = this.state.get(`said/${account.phone}/${id}`);
    const count = Number(child(stanza, "retry")?.attrs.count ?? 1);
    if (!said || count > MOST_RETRIES) return;
    this.emulator.statistics.retries_answered += 1;
    const keys = this.emulator.keys.of(account.phone);
    await keys.startSession(device.address, keysIn(stanza) ?? this.emulator.bundleOf(device));
    const message = proto.Message.decode(said.bytes);
    if (said.group) return this.emulator.groups.sayAgain(account, said.group, device, message, id, count);
    const attrs = { ...this.#attributes(account, said.asLid), id, ...stanzaAttributes(message) };
    const isOwn = device.account === account;
    const chat = jidOf(said.to, 0, said.asLid);
    if (isOwn) attrs.recipient = chat;
    const content = isOwn ? { deviceSentMessage: { destinationJid: chat, message } } : message;
    device.deliver(node("message", attrs, [await this.seal(account, device, content, { count: String(count) })]));
  }

  /** What a phone sends to a new companion of its own: the key for its settings, and its history, which is empty. */
  async greet(device) {
    if (device.greeted) return;
    device.greeted = true;
    device.account.save();
    const { Type } = proto.Message.ProtocolMessage;
    const keyId = { keyId: Buffer.from([0, 0, 0, 0, 0, 1]) };
    const keyData = {
      keyData: this.emulator.appState.keyOf(device.account.phone),
      fingerprint: { rawId: 1, currentIndex: 0, deviceIndexes: [0] },
      timestamp: Date.now(),
    };
    await this.#tellCompanion(device, {
      type: Type.APP_STATE_SYNC_KEY_SHARE,
      appStateSyncKeyShare: { keys: [{ keyId, keyData }] },
    });
    const history = proto.HistorySync.encode({
      syncType: proto.HistorySync.HistorySyncType.INITIAL_BOOTSTRAP,
      chunkOrder: 1,
      progress: 100,
      phoneNumberToLidMappings: [{ pnJid: phoneJid(device.account.phone), lidJid: lidJid(device.account.phone) }],
    }).finish();
    await this.#tellCompanion(device, {
      type: Type.HISTORY_SYNC_NOTIFICATION,
      historySyncNotification: {
        syncType: proto.Message.HistorySyncType?.INITIAL_BOOTSTRAP ?? 0,
        chunkOrder: 1,
        progress: 100,
        initialHistBootstrapInlinePayload: deflateSync(history),
      },
    });
  }

  async #tellCompanion(device, protocolMessage) {
    const attrs = {
      from: phoneJid(device.account.phone),
      id: newMessageId(),
      t: seconds(),
      type: "protocol",
      category: "peer",
    };
    device.deliver(node("message", attrs, [await this.seal(device.account, device, { protocolMessage })]));
  }
}

/** The keys in a retry receipt, in the shape of a bundle; null when it carries none. */
function keysIn(stanza) {
  const keys = child(stanza, "keys");
  if (!keys) return null;
  const read = (tag) => {
    const key = child(keys, tag);
    return key && { id: bytesOf(key, "id"), value: bytesOf(key, "value"), signature: bytesOf(key, "signature") };
  };
  return {
    registrationId: bytesOf(stanza, "registration"),
    identity: bytesOf(keys, "identity"),
    signedPreKey: read("skey"),
    preKey: read("key"),
  };
}
