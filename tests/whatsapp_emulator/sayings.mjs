/** What emulated people say, made into messages: text and every other kind. */
import crypto from "node:crypto";
import fs from "node:fs";
import { proto } from "baileys";
import { digitsOf, jidOf, plus } from "./addresses.mjs";
import { encryptGcm, hmac, sha256 } from "./curve.mjs";

const { Type } = proto.Message.ProtocolMessage;
const MEDIA_PARTS = {
  image: "imageMessage",
  video: "videoMessage",
  audio: "audioMessage",
  voice: "audioMessage",
  document: "documentMessage",
  sticker: "stickerMessage",
};
const MIME_TYPES = {
  image: "image/jpeg",
  video: "video/mp4",
  audio: "audio/mpeg",
  voice: "audio/ogg; codecs=opus",
  document: "application/octet-stream",
  sticker: "image/webp",
};

const bad = (text) => Object.assign(new Error(text), { status: 400 });
const need = (saying, name) => {
  if (saying[name] === undefined) throw bad(`${name}: a ${saying.kind} needs it`);
  return saying[name];
};

/**
 * A message of the protocol buffer.
 * @param emulator
 * @param saying `{kind, text, ...}` as README.md describes
 * @param {{account, other: string, chat: string, asLid: boolean}} context who says it, the phone number it goes to (of a
 * group, of its owner), the JID of the chat
 */
export function messageOf(emulator, saying, context) {
  const kind = saying.kind ?? "text";
  const make = MAKERS[kind];
  if (!make) throw bad(`kind: ${kind} is none of ${Object.keys(MAKERS).join(", ")}`);
  const message = make({ ...saying, kind }, { emulator, ...context });
  if (saying.reply_to) quote(emulator, message, saying.reply_to, context);
  return proto.Message.fromObject(message);
}

/** A message of this chat as its two sides know it: who wrote it, and what it said. */
function found(emulator, { account, other }, id) {
  const inbox = emulator.state.get(`seen/${account.phone}/${other}/${id}`);
  const received = inbox && emulator.state.get(inbox);
  if (received) return { fromMe: false, author: other, text: received.text, row: received };
  const said = emulator.state.get(`said/${account.phone}/${id}`);
  if (!said) throw bad(`there is no message ${id} between these two`);
  const message = proto.Message.decode(said.bytes);
  return {
    fromMe: true,
    author: account.phone,
    text: message.conversation ?? message.extendedTextMessage?.text ?? "",
    message,
  };
}

function keyOf(context, id) {
  const { fromMe, author } = found(context.emulator, context, id);
  const key = { remoteJid: context.chat, fromMe, id };
  if (context.chat.endsWith("@g.us")) key.participant = jidOf(author, 0, context.asLid);
  return key;
}

function quote(emulator, message, id, context) {
  const { author, text } = found(emulator, context, id);
  const contextInfo = {
    stanzaId: id,
    participant: jidOf(author, 0, context.asLid),
    quotedMessage: { conversation: text },
  };
  if (message.conversation !== undefined) {
    message.extendedTextMessage = { text: message.conversation, contextInfo };
    delete message.conversation;
  } else Object.values(message)[0].contextInfo = contextInfo;
}

function media(saying, { emulator }) {
  const { kind, text, mime_type: mimetype = MIME_TYPES[kind], file_name: fileName } = saying;
  const bytes = saying.path ? fs.readFileSync(saying.path) : Buffer.from(need(saying, "data"), "base64");
  const part = { ...emulator.media.seal(kind, bytes), mimetype };
  if (text && kind !== "audio" && kind !== "voice" && kind !== "sticker") part.caption = text;
  if (kind === "document") part.fileName = part.title = fileName ?? "file";
  if (kind === "audio" || kind === "voice")
    Object.assign(part, { ptt: kind === "voice", seconds: saying.seconds ?? 1 });
  return { [MEDIA_PARTS[kind]]: part };
}

/** A vote, sealed with the secret that the poll carried. */
function vote(saying, context) {
  const { emulator, account, asLid } = context;
  const id = need(saying, "to_message");
  const { author, row, message } = found(emulator, context, id);
  const secret = row?.secret ?? message?.messageContextInfo?.messageSecret;
  if (!secret) throw bad(`to_message: ${id} is not a poll`);
  const [creator, voter] = [jidOf(author, 0, asLid), jidOf(account.phone, 0, asLid)];
  const key = hmac(hmac(Buffer.alloc(32), Buffer.from(secret)), id, creator, voter, "Poll Vote", Buffer.from([1]));
  const plain = proto.Message.PollVoteMessage.encode({
    selectedOptions: need(saying, "options").map((option) => sha256(Buffer.from(option))),
  }).finish();
  const encIv = crypto.randomBytes(12);
  return {
    pollUpdateMessage: {
      pollCreationMessageKey: keyOf(context, id),
      vote: { encPayload: encryptGcm(plain, key, encIv, Buffer.from(`${id}\0${voter}`)), encIv },
      senderTimestampMs: Date.now(),
    },
  };
}

const MAKERS = {
  text: (saying) => ({ conversation: need(saying, "text") }),
  ...Object.fromEntries(Object.keys(MEDIA_PARTS).map((kind) => [kind, media])),
  location: (saying) => ({
    locationMessage: {
      degreesLatitude: need(saying, "latitude"),
      degreesLongitude: need(saying, "longitude"),
      name: saying.name,
      address: saying.address,
    },
  }),
  contact: (saying) => {
    const digits = digitsOf(need(saying, "phone_number"), "phone_number");
    const name = need(saying, "name");
    const lines = [
      "BEGIN:VCARD",
      "VERSION:3.0",
      `FN:${name}`,
      `TEL;type=CELL;waid=${digits}:${plus(digits)}`,
      "END:VCARD",
    ];
    return { contactMessage: { displayName: name, vcard: lines.join("\n") } };
  },
  poll: (saying) => ({
    pollCreationMessageV3: {
      name: need(saying, "question"),
      options: need(saying, "options").map((optionName) => ({ optionName })),
      selectableOptionsCount: saying.choices ?? 1,
    },
    messageContextInfo: { messageSecret: crypto.randomBytes(32) },
  }),
  poll_vote: vote,
  reaction: (saying, context) => ({
    reactionMessage: {
      key: keyOf(context, need(saying, "to_message")),
      text: saying.emoji ?? saying.text ?? "",
      senderTimestampMs: Date.now(),
    },
  }),
  edit: (saying, context) => ({
    protocolMessage: {
      key: keyOf(context, need(saying, "to_message")),
      type: Type.MESSAGE_EDIT,
      editedMessage: { conversation: need(saying, "text") },
      timestampMs: Date.now(),
    },
  }),
  deletion: (saying, context) => ({
    protocolMessage: { key: keyOf(context, need(saying, "to_message")), type: Type.REVOKE },
  }),
  unsupported: () => ({
    groupInviteMessage: { groupJid: "120363000000000000@g.us", inviteCode: "none", groupName: "A group" },
  }),
};
