/** Accounts and their companion devices. A person who has no companion needs no row: their keys are derived. */
import { exists, lidJid, phoneJid, plus } from "./addresses.mjs";
import { DeviceQueue } from "./device_queue.mjs";

const PREKEY_BYTES = 35; // 3 of id, 32 of key

/** One linked companion, such as a Baileys client. */
class Device {
  connection = null;
  isAskedForKeys = false; // for more one-time keys

  /** @param row what `toRow` returns */
  constructor(state, account, row) {
    this.state = state;
    this.account = account;
    Object.assign(this, row);
    this.queue = new DeviceQueue(state, `queue/${account.phone}/${row.id}/`);
  }

  get jid() {
    return phoneJid(this.account.phone, this.id);
  }

  get address() {
    return `${this.account.phone}.${this.id}`;
  }

  toRow() {
    const { state, account, queue, connection, isAskedForKeys, ...row } = this;
    return row;
  }

  /** Appends one-time keys, each `{id, value}` of 3 and 32 bytes. */
  addPreKeys(keys) {
    this.isAskedForKeys = false;
    const batch = {
      key: `prekeys/${this.account.phone}/${this.id}/${this.state.next()}`,
      taken: 0,
      count: keys.length,
    };
    this.state.set(batch.key, Buffer.concat(keys.flatMap(({ id, value }) => [id, value])));
    this.preKeyBatches = [...this.preKeyBatches, batch];
    this.account.save();
  }

  get preKeyCount() {
    return this.preKeyBatches.reduce((sum, { taken, count }) => sum + count - taken, 0);
  }

  /** The next one-time key, which nobody gets again; null when they have run out. */
  takePreKey() {
    const [batch, ...others] = this.preKeyBatches;
    if (!batch) return null;
    const start = batch.taken * PREKEY_BYTES;
    const bytes = this.state.get(batch.key).subarray(start, start + PREKEY_BYTES);
    const taken = { ...batch, taken: batch.taken + 1 };
    if (taken.taken === taken.count) this.state.delete(batch.key);
    this.preKeyBatches = taken.taken === taken.count ? others : [taken, ...others];
    this.account.save();
    return { id: bytes.subarray(0, 3), value: bytes.subarray(3) };
  }

  /** Hands a stanza over now or when the device is back. It stays until the device acknowledges it. */
  deliver(stanza) {
    const sequence = this.queue.add(stanza);
    if (this.connection?.active) this.connection.send(stanza);
    return sequence;
  }

  /** Sends what is only of interest now, such as typing. */
  show(stanza) {
    if (this.connection?.active) this.connection.send(stanza);
  }
}

/** The account of one phone number. */
export class Account {
  constructor(state, phone, row = {}) {
    this.state = state;
    this.phone = phone;
    this.nextDevice = row.nextDevice ?? 1;
    this.banned = row.banned ?? false;
    this.timelockUntil = row.timelockUntil ?? 0;
    this.devices = new Map((row.devices ?? []).map((each) => [each.id, new Device(state, this, each)]));
  }

  get lid() {
    return lidJid(this.phone);
  }

  get name() {
    return `Phone ${plus(this.phone)}`;
  }

  get isLinked() {
    return this.devices.size > 0;
  }

  addDevice(row) {
    const device = new Device(this.state, this, row);
    this.devices.set(row.id, device);
    this.save();
    return device;
  }

  removeDevice(device) {
    this.devices.delete(device.id);
    device.queue.clear();
    for (const { key } of device.preKeyBatches) this.state.delete(key);
    this.save();
  }

  save() {
    this.state.set(`account/${this.phone}`, {
      nextDevice: this.nextDevice,
      banned: this.banned,
      timelockUntil: this.timelockUntil,
      devices: [...this.devices.values()].map((device) => device.toRow()),
    });
  }
}

/** All accounts. Those that ever had a companion are kept in memory. */
export class Accounts {
  #state;
  #known = new Map();

  constructor(state) {
    this.#state = state;
    for (const [key, row] of state.entries("account/")) {
      const phone = key.slice("account/".length);
      this.#known.set(phone, new Account(state, phone, row));
    }
  }

  /** The account of a number; null when the number is not on WhatsApp. */
  get(phone) {
    if (!exists(phone)) return null;
    return this.#known.get(phone) ?? new Account(this.#state, phone);
  }

  /** As `get`, for an account that is about to change. */
  toChange(phone) {
    const account = this.get(phone);
    if (account) this.#known.set(phone, account);
    return account;
  }

  get linked() {
    return [...this.#known.values()].filter((account) => account.isLinked);
  }

  /** Notes that two people have a chat; returns whether it is new. */
  meet(phone, other) {
    const key = `chat/${phone}/${other}`;
    if (this.#state.get(key)) return false;
    this.#state.set(key, 1);
    this.#state.set(`chat/${other}/${phone}`, 1);
    return true;
  }

  haveMet(phone, other) {
    return Boolean(this.#state.get(`chat/${phone}/${other}`));
  }
}
