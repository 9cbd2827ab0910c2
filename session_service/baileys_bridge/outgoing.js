import { createHmac } from "node:crypto";
import { jidOf } from "./people.js";

/**
 * The key with which votes in a poll are encrypted. It follows from the message's id and a secret of the session, so
 * that votes can be read after a restart and a repeated poll is the same poll.
 */
export const pollSecret = (creds, id) =>
  createHmac("sha256", creds.signedIdentityKey.private).update(`poll ${id}`).digest();

/**
 * The message as Baileys wants it. `message` is as in README.md.
 *
 * @returns {object} the content for `sendMessage` and `generateWAMessageContent`
 */
export function contentOf(message, jid, creds) {
  const { kind, text, content, media } = message;
  const file = media && { url: media.path };
  const mimetype = media?.mime_type;
  const caption = text || undefined;
  switch (kind) {
    case "text":
      return { text, linkPreview: null }; // a preview would fetch whatever address people write
    case "image":
      return { image: file, mimetype, caption };
    case "video":
      return { video: file, mimetype, caption };
    case "document":
      return { document: file, mimetype, fileName: media.file_name || "file", caption };
    case "audio":
      return { audio: file, mimetype };
    case "voice":
      return { audio: file, mimetype, ptt: true };
    case "sticker":
      return { sticker: file, mimetype };
    case "location":
      return {
        location: {
          degreesLatitude: content.latitude,
          degreesLongitude: content.longitude,
          name: content.name,
          address: content.address,
        },
      };
    case "contact":
      return { contacts: { displayName: content.name, contacts: [cardOf(content)] } };
    case "poll":
      return {
        poll: {
          name: content.question,
          values: content.options,
          selectableCount: content.choices,
          messageSecret: pollSecret(creds, message.id),
        },
      };
    case "reaction":
      return { react: { text: content.emoji, key: keyOf({ whatsapp_id: content.to, ...content }, jid) } };
    default:
      throw new Error(`This version cannot send messages of the kind ${kind}.`);
  }
}

/** How a quoted message is named to Baileys, or undefined. */
export function quotedBy(message, jid) {
  const quoted = message.content.reply_to;
  return quoted && { key: keyOf(quoted, jid), message: { conversation: quoted.text ?? "" } };
}

function keyOf({ whatsapp_id: id, from_me: fromMe, author }, jid) {
  return { remoteJid: jid, id, fromMe: Boolean(fromMe), participant: author ? jidOf(author) : undefined };
}

function cardOf({ name, phone_number: number }) {
  const escaped = name.replace(/[\\;,]/g, (character) => `\\${character}`).replace(/\s+/g, " ");
  const digits = number.replace(/\D/g, "");
  return {
    displayName: name,
    vcard: [
      "BEGIN:VCARD",
      "VERSION:3.0",
      `FN:${escaped}`,
      `TEL;type=CELL;type=VOICE;waid=${digits}:+${digits}`,
      "END:VCARD",
    ].join("\n"),
  };
}
