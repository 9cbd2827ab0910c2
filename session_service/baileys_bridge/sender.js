import { generateWAMessageContent, jidDecode, jidNormalizedUser } from "baileys";
import { textOfError } from "./errors.js";
import { contentOf, quotedBy } from "./outgoing.js";
import { isGroup } from "./people.js";
import { silent } from "./silent_logger.js";

/** What one session sends: messages one after the other. What came of each is told in an `ack` or an `unsent`. */
export class Sender {
  #sending = Promise.resolve();
  #stopped = false;
  #unavailable;

  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.session = session;
  }

  send(messages) {
    for (const message of messages) {
      this.#sending = this.#sending.then(() => (this.#stopped ? undefined : this.#sendOne(message)));
    }
  }

  /** Resolves when nothing waits to be sent. */
  idle() {
    return this.#sending;
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#unavailable);
  }

  async #sendOne(message) {
    const { socket, creds } = this.session;
    try {
      const jid = await this.#reachable(message.to);
      if (!jid) return this.#fail(message, "not_on_whatsapp", "");
      const options = { messageId: message.id, quoted: quotedBy(message, jid) };
      await socket.sendMessage(jid, contentOf(message, jid, creds), options);
    } catch (error) {
      this.#fail(message, String(error?.output?.statusCode ?? "failed"), textOfError(error));
    }
  }

  /** Where a message goes; undefined where nobody is there. Who registered anew is looked for under the other form. */
  async #reachable(to) {
    const { numbers } = this.session;
    const jid = await numbers.jidFor(to);
    if (isGroup(jid) || (await this.#hasDevices(jid))) return jid;
    const moved = to.others?.length ? await numbers.look(to) : undefined;
    return moved && moved !== jid && (await this.#hasDevices(moved)) ? moved : undefined;
  }

  #fail({ id }, code, text) {
    this.session.tell({ event: "unsent", id, code, text });
  }

  /**
   * Baileys would send a message to somebody without WhatsApp to nobody, and the server would acknowledge it. The
   * answer is kept for some minutes, and Baileys asks the same again when it sends.
   */
  async #hasDevices(jid) {
    const { socket, creds } = this.session;
    const own = jid.endsWith("@lid") && creds.me.lid ? creds.me.lid : creds.me.id;
    const devices = await socket.getUSyncDevices([jidNormalizedUser(own), jid], true, false);
    const { user } = jidDecode(jid);
    return devices.some((device) => device.user === user);
  }

  /** A message of ours that a device could not decrypt, made again from what the worker's ledger has. */
  async rebuild(id) {
    const message = await this.session.ask({ ask: "message", whatsapp_id: id });
    if (!message) return undefined;
    const content = contentOf({ ...message, id }, await this.session.numbers.jidFor(message.to), this.session.creds);
    return generateWAMessageContent(content, { logger: silent, upload: this.session.socket.waUploadToServer });
  }

  /** “typing…” is shown only for somebody who is online, so the session is for that while. */
  async typing({ to, seconds }) {
    const { socket } = this.session;
    clearTimeout(this.#unavailable);
    const jid = this.session.numbers.seen(to);
    if (!jid) return; // nobody was found under this number so far
    await socket.sendPresenceUpdate("available");
    await socket.sendPresenceUpdate("composing", jid);
    this.#unavailable = setTimeout(() => {
      socket.sendPresenceUpdate("unavailable").catch(() => {});
    }, seconds * 1000);
  }
}
