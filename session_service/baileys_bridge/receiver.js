import { DEFAULT_CONNECTION_CONFIG, getBinaryNodeChildren, proto } from "baileys";
import { readVote, translate } from "./incoming.js";
import { fetchFile } from "./media.js";
import { pollSecret } from "./outgoing.js";
import { identify, isGroup, jidOf } from "./people.js";

const NAMES_OF_AUTHOR = ["sender_pn", "participant_pn", "sender_lid", "participant_lid"];

/** What people write to one session, reported before WhatsApp hears that it arrived. */
export class Receiver {
  #envelopes = new WeakMap();

  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.session = session;
  }

  /** Remembers which stanza a ciphertext came in: decryption is given the ciphertext alone. */
  noteEnvelope(node) {
    for (const part of getBinaryNodeChildren(node, "enc")) {
      if (part.content instanceof Uint8Array) this.#envelopes.set(part.content, node);
    }
  }

  /**
   * Baileys' Signal repository, with a difference. Baileys acknowledges a message to WhatsApp right after it was
   * decrypted, and keeps the keys' next state. Here both wait until the worker has written the message: a process that
   * is killed before that gets it again and can read it.
   */
  repository(auth, logger, lookUp) {
    const stock = DEFAULT_CONNECTION_CONFIG.makeSignalRepository(auth, logger, lookUp);
    const deliverInside = (decrypt, ciphertext, key) =>
      auth.keys.transaction(async () => {
        const plain = await decrypt();
        const node = this.#envelopes.get(ciphertext);
        if (node) await this.#onPlain(node, plain, stock.lidMapping);
        return plain;
      }, key);
    return {
      ...stock,
      decryptMessage: (given) => deliverInside(() => stock.decryptMessage(given), given.ciphertext, given.jid),
      decryptGroupMessage: (given) => deliverInside(() => stock.decryptGroupMessage(given), given.msg, given.group),
    };
  }

  async #onPlain({ attrs }, plain, mapping) {
    const author = attrs.participant ?? attrs.from;
    if (this.session.isMe(author)) return this.#onOwn(attrs, decode(plain));
    if (attrs.recipient) return;
    const from = await identify([author, ...NAMES_OF_AUTHOR.map((name) => attrs[name])], mapping);
    await this.#onMessage(envelope(attrs.id, attrs.t, attrs.notify, attrs.from, from), decode(plain));
  }

  /** What another device of ours sent: only what it changes concerns the ledger. */
  async #onOwn({ t }, message) {
    const said = translated(message.deviceSentMessage?.message ?? message);
    if (said?.changed === undefined) return;
    const { changed: id, text, deleted } = said;
    const nobody = { number: "", lid: "" };
    await this.session.deliver({
      event: "changed",
      id,
      at: Number(t ?? 0),
      from: nobody,
      text,
      deleted,
      from_me: true,
    });
  }

  /** A message that the phone sent again because this device could not read it; the others were reported before. */
  async onResent({ messages, requestId }) {
    if (!requestId) return;
    for (const { key, message, messageTimestamp, pushName } of messages) {
      if (key.fromMe || !message) continue;
      const jids = [key.participant ?? key.remoteJid, key.participantAlt, key.remoteJidAlt];
      const from = await identify(jids, this.session.socket.signalRepository.lidMapping);
      await this.#onMessage(envelope(key.id, messageTimestamp, pushName, key.remoteJid, from), message);
    }
  }

  async #onMessage(where, message) {
    const said = translated(message);
    if (!said) return;
    if (said.changed !== undefined) {
      const { changed: id, text, deleted } = said;
      await this.session.deliver({
        event: "changed",
        id,
        at: where.at,
        from: where.from,
        text,
        deleted,
        from_me: false,
      });
      return;
    }
    const { file, vote, quoted, reacted, ...rest } = said;
    const event = { event: "inbound", ...where, ...(vote ? await this.#readVote(vote, where.from) : rest) };
    if (quoted) event.content.reply_to = { ...quoted.message, from_me: this.session.isMe(quoted.author) };
    if (reacted) event.content.from_me = this.#isOurs(reacted, where);
    if (file) event.media = await this.#fetch(file);
    await this.session.deliver(event);
  }

  /** Whether we wrote what somebody reacts to. They name it as they see it: theirs, or somebody else's. */
  #isOurs({ theirs, author }, { group }) {
    if (theirs) return false;
    return group ? this.session.isMe(author) : true;
  }

  #fetch(file) {
    const { media_folder: folder, media_most_bytes: most, media_seconds: seconds } = this.session.settings;
    const { socket } = this.session;
    const host = async () => {
      await socket.refreshMediaConn();
      return socket.getMediaHost();
    };
    return fetchFile(file, { folder, most, seconds, host });
  }

  async #readVote(vote, { number, lid }) {
    const id = vote.pollCreationMessageKey?.id ?? "";
    const { creds } = this.session;
    const poll = await this.session.ask({ ask: "message", whatsapp_id: id });
    const names = {
      ours: [creds.me.id, creds.me.lid].filter(Boolean),
      theirs: [number && jidOf({ number }), lid && jidOf({ lid })].filter(Boolean),
    };
    const options =
      poll?.kind === "poll"
        ? readVote(vote, { secret: pollSecret(creds, id), options: poll.content.options }, names)
        : null;
    if (options === null) return { kind: "unsupported", text: "", content: { name: "pollUpdateMessage" } };
    return { kind: "poll_vote", text: "", content: { to: id, options } };
  }
}

function envelope(id, at, name, chat, from) {
  return { id, at: Number(at ?? 0), name: name ?? "", group: isGroup(chat) ? chat : "", from };
}

function translated(message) {
  try {
    return translate(message);
  } catch {
    return { kind: "unsupported", text: "", content: { name: "unreadable" } };
  }
}

/** A decrypted message without its padding, whose length is its last byte. */
function decode(plain) {
  return proto.Message.decode(plain.subarray(0, plain.length - plain[plain.length - 1]));
}
