/** Messages that companions send: taken, acknowledged and handed to every device they are for. */
import { isGroup, jidOf, lidJid, personOf, phoneJid } from "./addresses.mjs";
import { child, children, node, seconds } from "./stanzas.mjs";

export class Messages {
  constructor(emulator) {
    this.emulator = emulator;
  }

  async take(connection, stanza) {
    const { faults, statistics } = this.emulator;
    const { account } = connection.device;
    if (faults.strike("drop_before", account.phone)) return connection.cut();
    const code = this.#rejection(account, stanza);
    if (code) {
      statistics.rejected_messages += 1;
      return connection.send(acknowledgement(stanza, { error: String(code) }));
    }
    statistics.messages += 1;
    if (!faults.strike("no_delivery", account.phone)) await this.#deliver(connection.device, stanza);
    this.#acknowledge(connection, stanza);
  }

  /** The code to answer with in place of taking the message; null when all is well. */
  #rejection(account, stanza) {
    const other = personOf(stanza.attrs.to);
    const isOwn = other?.phone === account.phone;
    const isFirst = other && !isOwn && !this.emulator.accounts.haveMet(account.phone, other.phone);
    if (isFirst && account.timelockUntil > Date.now()) return 463;
    const applies = ({ first_contacts: only }) => !isOwn && (!only || isFirst);
    return this.emulator.faults.strike("ack_error", account.phone, applies)?.code ?? null;
  }

  #acknowledge(connection, stanza) {
    const { faults, state } = this.emulator;
    const { phone } = connection.device.account;
    const isLost = faults.strike("lose_ack", phone);
    const isCut = faults.strike("drop_after", phone);
    const late = faults.strike("delay_ack", phone)?.ms ?? 0;
    state.committed().then(() => {
      if (isCut) return connection.cut();
      if (isLost) return;
      const acknowledge = () => connection.send(acknowledgement(stanza));
      if (late) setTimeout(acknowledge, late);
      else acknowledge();
    });
  }

  async #deliver(device, stanza) {
    const group = isGroup(stanza.attrs.to) ? this.emulator.groups.get(stanza.attrs.to) : null;
    const other = group ? null : personOf(stanza.attrs.to);
    if (other && other.phone !== device.account.phone) this.emulator.accounts.meet(device.account.phone, other.phone);
    for (const { account, id, sealed } of this.#targets(device, stanza, group).values()) {
      if (id === 0) await this.emulator.phones.receive({ account, device, stanza, group, sealed });
      else this.#deliverTo(account, id, device, stanza, group, sealed);
    }
  }

  /** Which device of whom gets which sealed parts: `{account, id, sealed}` by device. */
  #targets(device, stanza, group) {
    const targets = new Map();
    const add = (person, sealed) => {
      const account = person && this.emulator.accounts.get(person.phone);
      if (!account || !sealed) return;
      const key = `${person.phone}.${person.device}`;
      const target = targets.get(key) ?? { account, id: person.device, sealed: [] };
      target.sealed.push(sealed);
      targets.set(key, target);
    };
    for (const to of children(child(stanza, "participants"), "to")) add(personOf(to.attrs.jid), child(to, "enc"));
    const shared = child(stanza, "enc");
    if (!shared) return targets;
    if (!group) add(personOf(stanza.attrs.to), shared);
    else if (stanza.attrs.participant) add(personOf(stanza.attrs.participant), shared);
    else
      for (const phone of group.phones)
        for (const id of [0, ...this.emulator.accounts.get(phone).devices.keys()])
          if (phone !== device.account.phone || id !== device.id) add({ phone, device: id }, shared);
    return targets;
  }

  #deliverTo(account, id, device, stanza, group, sealed) {
    const to = account.devices.get(id);
    if (!to) return;
    const sender = device.account;
    const { type, edit, category, recipient, to: addressed } = stanza.attrs;
    const attrs = { id: stanza.attrs.id, t: seconds(), type, notify: sender.name };
    if (edit) attrs.edit = edit;
    if (category) attrs.category = category;
    const asLid = group ? group.asLid : Boolean(personOf(addressed)?.asLid);
    const from = jidOf(sender.phone, device.id, asLid);
    const number = asLid ? { pn: phoneJid(sender.phone) } : { lid: lidJid(sender.phone) };
    if (group) {
      Object.assign(attrs, { from: group.jid, participant: from, addressing_mode: asLid ? "lid" : "pn" });
      for (const [name, jid] of Object.entries(number)) attrs[`participant_${name}`] = jid;
    } else {
      attrs.from = from;
      for (const [name, jid] of Object.entries(number)) attrs[`sender_${name}`] = jid;
      if (account === sender && category !== "peer") attrs.recipient = recipient ?? addressed;
    }
    const identity = sealed.some((each) => each.attrs.type === "pkmsg") ? child(stanza, "device-identity") : undefined;
    to.deliver(node("message", attrs, identity ? [...sealed, identity] : sealed));
  }

  /** Somebody types: the other person's companions see it, and the emulator remembers it. */
  showTyping(device, stanza) {
    const person = personOf(stanza.attrs.to);
    const account = person && this.emulator.accounts.get(person.phone);
    if (!account) return;
    const [what] = children(stanza);
    this.emulator.phones.noteTyping(
      account.phone,
      device.account.phone,
      what.attrs.media === "audio" ? "recording" : what.tag,
    );
    const from = jidOf(device.account.phone, 0, person.asLid);
    for (const companion of account.devices.values()) companion.show(node("chatstate", { from }, stanza.content));
  }
}

function acknowledgement(stanza, more = {}) {
  const { id, to, participant } = stanza.attrs;
  const attrs = { class: "message", id, from: to, t: seconds(), ...more };
  if (participant) attrs.participant = participant;
  return node("ack", attrs);
}
