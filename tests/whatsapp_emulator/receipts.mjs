/** Receipts of companions: what they got, showed, played, or could not read. */
import { isGroup, jidOf, personOf } from "./addresses.mjs";
import { child, children, node, seconds } from "./stanzas.mjs";

/** The ids that a receipt is about. */
export function idsOf(stanza) {
  return [stanza.attrs.id, ...children(child(stanza, "list"), "item").map(({ attrs }) => attrs.id)];
}

export class Receipts {
  constructor(emulator) {
    this.emulator = emulator;
  }

  take(connection, stanza) {
    const { device } = connection;
    const { id, to, type, participant, recipient } = stanza.attrs;
    if (type !== "retry") device.queue.acknowledgeMessages(idsOf(stanza));
    this.#forward(device, stanza);
    const attrs = { class: "receipt", id, from: to, t: seconds() };
    for (const [name, value] of Object.entries({ type, participant, recipient })) if (value) attrs[name] = value;
    this.emulator.state.committed().then(() => connection.send(node("ack", attrs)));
  }

  #forward(device, stanza) {
    const { to, type, participant } = stanza.attrs;
    if (["sender", "peer_msg", "hist_sync", "read-self", "server-error"].includes(type)) return;
    const author = personOf(isGroup(to) ? participant : to);
    const account = author && this.emulator.accounts.get(author.phone);
    if (!account) return;
    if (author.device === 0) this.emulator.phones.takeReceipt(account, device, stanza);
    const attrs = { ...stanza.attrs, t: stanza.attrs.t ?? seconds() };
    delete attrs.to;
    const reader = jidOf(device.account.phone, device.id, author.asLid);
    if (isGroup(to)) Object.assign(attrs, { from: to, participant: reader });
    else attrs.from = reader;
    for (const companion of account.devices.values())
      if (companion !== device && (!author.device || author.device === companion.id))
        companion.deliver(node("receipt", attrs, stanza.content));
  }
}
