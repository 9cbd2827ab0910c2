/**
 * The Signal side of an emulated phone: its keys, and its sessions with companions.
 *
 * The keys of a phone are derived from the state's secret and its number, so that creating an account costs nothing and
 * stores nothing. Sessions are rows in the state.
 */
import crypto from "node:crypto";
import libsignal from "libsignal";
import {
  GroupCipher,
  GroupSessionBuilder,
  SenderKeyDistributionMessage,
  SenderKeyName,
  SenderKeyRecord,
} from "baileys/lib/Signal/Group/index.js";
import { BufferJSON } from "baileys";
import { hmac, keyPairFrom, SigningKey } from "./curve.mjs";
import { useFastPrimitives } from "./signal_primitives.mjs";
import { bigEndian } from "./stanzas.mjs";

useFastPrimitives();

const TYPE = Buffer.from([5]);
const SIGNED_PREKEY = 1;
const MOST_SESSIONS = 3; // with one device; older ones that were replaced are of no use any more
// Of each phone, given out in turn: nobody can see that they come again, and making one takes long.
const ONE_TIME_KEYS = 3;
const MOST_PHONES = 2000; // whose keys are kept in memory

const typed = (key) => (key.length === 33 ? key : Buffer.concat([TYPE, key]));
const asSignal = (pair) => ({ privKey: pair.private, pubKey: typed(pair.public) });

/** Keys of all phones; the same secret gives the same keys again. */
export class PhoneKeys {
  #state;
  #secret;
  #recent = new Map();

  constructor(state) {
    this.#state = state;
    this.#secret = crypto.createSecretKey(state.file("phones.secret", () => crypto.randomBytes(32)));
  }

  /** @returns {PhoneSignal} */
  of(phone) {
    const known = this.#recent.get(phone);
    this.#recent.delete(phone); // what was used last goes last
    const signal = known ?? new PhoneSignal(this.#state, phone, (name) => hmac(this.#secret, `${phone}/${name}`));
    if (this.#recent.size >= MOST_PHONES) this.#recent.delete(this.#recent.keys().next().value);
    this.#recent.set(phone, signal);
    return signal;
  }
}

/** One phone. Other devices are named by their address, `number.device`. */
class PhoneSignal {
  #state;
  #derive;
  #signedPreKey;
  #signature;
  #bundles = 0;

  constructor(state, phone, derive) {
    this.#state = state;
    this.#derive = derive;
    this.phone = phone;
    this.identity = new SigningKey(derive("identity"));
    this.registrationId = derive("registration").readUInt16BE(0) & 16383 || 1;
  }

  /** What another device needs to start a session with this phone. */
  bundle() {
    const id = 1 + (this.#bundles++ % ONE_TIME_KEYS);
    return {
      registrationId: bigEndian(this.registrationId),
      identity: this.identity.public,
      signedPreKey: {
        id: bigEndian(SIGNED_PREKEY, 3),
        value: this.signedPreKey.public,
        signature: (this.#signature ??= this.identity.sign(typed(this.signedPreKey.public))),
      },
      preKey: { id: bigEndian(id, 3), value: this.#preKey(id).public },
    };
  }

  get signedPreKey() {
    return (this.#signedPreKey ??= keyPairFrom(this.#derive("signed prekey")));
  }

  #preKey(id) {
    return keyPairFrom(this.#derive(`prekey ${id}`));
  }

  hasSession(address) {
    return this.loadSession(address)?.haveOpenSession() ?? false;
  }

  /** Starts a session with a device from its bundle, in the shape of `bundle`. */
  async startSession(address, { registrationId, identity, signedPreKey, preKey }) {
    const keyOf = ({ id, value, signature }) => ({ keyId: id.readUIntBE(0, 3), publicKey: typed(value), signature });
    await new libsignal.SessionBuilder(this, protocolAddress(address)).initOutgoing({
      registrationId: registrationId.readUInt32BE(0),
      identityKey: typed(identity),
      signedPreKey: keyOf(signedPreKey),
      preKey: preKey ? keyOf(preKey) : undefined,
    });
  }

  /** `{type, ciphertext}` for one device. */
  async encrypt(address, plain) {
    const { type, body } = await new libsignal.SessionCipher(this, protocolAddress(address)).encrypt(
      Buffer.from(plain),
    );
    return { type: type === 3 ? "pkmsg" : "msg", ciphertext: body };
  }

  /** Plain bytes; throws when this phone cannot read it. */
  async decrypt(address, type, ciphertext) {
    const cipher = new libsignal.SessionCipher(this, protocolAddress(address));
    if (type === "pkmsg") return cipher.decryptPreKeyWhisperMessage(ciphertext);
    if (type === "msg") return cipher.decryptWhisperMessage(ciphertext);
    throw new Error(`a phone does not know ${type}`);
  }

  async decryptGroup(group, address, ciphertext) {
    return new GroupCipher(this, senderKeyName(group, address)).decrypt(ciphertext);
  }

  async learnSenderKey(group, address, distribution) {
    const message = new SenderKeyDistributionMessage(null, null, null, null, Buffer.from(distribution));
    await new GroupSessionBuilder(this).process(senderKeyName(group, address), message);
  }

  /** `{ciphertext, distribution}`: a message to a group, and the key that its readers need. */
  async encryptGroup(group, plain) {
    const name = senderKeyName(group, `${this.phone}.0`);
    const distribution = await new GroupSessionBuilder(this).create(name);
    const ciphertext = await new GroupCipher(this, name).encrypt(Buffer.from(plain));
    return { ciphertext, distribution: distribution.serialize() };
  }

  // What libsignal asks of a store.

  loadSession(address) {
    const row = this.#state.get(`session/${this.phone}/${address}`);
    return row ? libsignal.SessionRecord.deserialize(row) : undefined;
  }

  storeSession(address, record) {
    const closed = Object.entries(record.sessions).filter(([, session]) => session.indexInfo.closed !== -1);
    closed.sort(([, a], [, b]) => b.indexInfo.closed - a.indexInfo.closed);
    for (const [key] of closed.slice(MOST_SESSIONS - 1)) delete record.sessions[key];
    this.#state.set(`session/${this.phone}/${address}`, record.serialize());
  }

  isTrustedIdentity() {
    return true;
  }

  loadPreKey(id) {
    return id ? asSignal(this.#preKey(id)) : undefined;
  }

  removePreKey() {}

  loadSignedPreKey(id) {
    return id === SIGNED_PREKEY ? asSignal(this.signedPreKey) : undefined;
  }

  getOurRegistrationId() {
    return this.registrationId;
  }

  getOurIdentity() {
    return asSignal(this.identity);
  }

  loadSenderKey(name) {
    const text = this.#state.get(`sender-key/${this.phone}/${name}`);
    return text ? new SenderKeyRecord(JSON.parse(text, BufferJSON.reviver)) : new SenderKeyRecord();
  }

  storeSenderKey(name, record) {
    this.#state.set(`sender-key/${this.phone}/${name}`, JSON.stringify(record.serialize(), BufferJSON.replacer));
  }
}

function protocolAddress(address) {
  const [name, device] = address.split(".");
  return new libsignal.ProtocolAddress(name, Number(device));
}

const senderKeyName = (group, address) => new SenderKeyName(group, protocolAddress(address));
