/** What is in a message: read for the inbox, and made for what emulated people say. */
import { normalizeMessageContent, proto } from "baileys";
import { plus } from "./addresses.mjs";

const { Type } = proto.Message.ProtocolMessage;
const MEDIA = {
  imageMessage: "image",
  videoMessage: "video",
  audioMessage: "audio",
  documentMessage: "document",
  stickerMessage: "sticker",
};
// Parts that come along with a message and are none.
const ASIDE = ["messageContextInfo", "senderKeyDistributionMessage", "deviceSentMessage"];

const hex = (bytes) => (bytes?.length ? Buffer.from(bytes).toString("hex") : undefined);

/** The name of the part that says what a message is; undefined when it says nothing to a person. */
function partOf(message) {
  return Object.keys(message).find((name) => message[name] != null && !ASIDE.includes(name));
}

/** `{kind, text, content}` in the words of the inbox; null when there is nothing for a person to see. */
export function described(raw) {
  const message = normalizeMessageContent(proto.Message.toObject(raw, { longs: Number }));
  const name = message && partOf(message);
  if (!name) return null;
  const part = message[name];
  if (name === "conversation") return { kind: "text", text: part, content: {} };
  const described = DESCRIPTIONS[name]?.(part, name, message) ?? { kind: "unsupported", text: "", content: { name } };
  const quoted = part.contextInfo?.stanzaId;
  if (quoted) described.content.reply_to = quoted;
  return described;
}

const media = (part, name) => ({
  kind: name === "audioMessage" && part.ptt ? "voice" : MEDIA[name],
  text: part.caption ?? "",
  content: {
    mime_type: part.mimetype,
    size: part.fileLength,
    sha256: hex(part.fileSha256),
    ...(part.fileName ? { file_name: part.fileName } : {}),
  },
  media: { key: part.mediaKey, path: part.directPath, sealed_sha256: part.fileEncSha256 },
});

const poll = (part) => ({
  kind: "poll",
  text: part.name,
  content: {
    question: part.name,
    options: (part.options ?? []).map(({ optionName }) => optionName),
    choices: part.selectableOptionsCount ?? 0,
  },
});

const DESCRIPTIONS = {
  extendedTextMessage: (part) => ({ kind: "text", text: part.text, content: {} }),
  ...Object.fromEntries(Object.keys(MEDIA).map((name) => [name, media])),
  locationMessage: (part) => ({
    kind: "location",
    text: part.name ?? "",
    content: {
      latitude: part.degreesLatitude,
      longitude: part.degreesLongitude,
      ...(part.name ? { name: part.name } : {}),
      ...(part.address ? { address: part.address } : {}),
    },
  }),
  contactMessage: (part) => ({
    kind: "contact",
    text: part.displayName ?? "",
    content: { name: part.displayName, phone_number: plus(part.vcard.match(/waid=(\d+)/)?.[1] ?? "") },
  }),
  pollCreationMessage: poll,
  pollCreationMessageV2: poll,
  pollCreationMessageV3: poll,
  pollUpdateMessage: (part) => ({
    kind: "poll_vote",
    text: "",
    content: { to: part.pollCreationMessageKey.id },
    vote: part.vote,
  }),
  reactionMessage: (part) => ({
    kind: "reaction",
    text: part.text ?? "",
    content: { to: part.key.id, from_me: Boolean(part.key.fromMe), emoji: part.text ?? "" },
  }),
  protocolMessage: (part) => {
    if (part.type === Type.REVOKE) return { kind: "deletion", text: "", content: { to: part.key.id } };
    if (part.type === Type.MESSAGE_EDIT) {
      const edited = described(part.editedMessage);
      return { kind: "edit", text: edited?.text ?? "", content: { to: part.key.id } };
    }
    return { kind: "unsupported", text: "", content: { name: `protocol ${Type[part.type]}` } };
  },
};

/** The stanza's `type` for a message, and its `edit` attribute. */
export function stanzaAttributes(message) {
  const { protocolMessage } = message;
  if (protocolMessage?.type === Type.REVOKE) return { type: "text", edit: "7" };
  if (protocolMessage?.type === Type.MESSAGE_EDIT) return { type: "text", edit: "1" };
  if (message.reactionMessage) return { type: "reaction" };
  if (message.pollCreationMessageV3 || message.pollUpdateMessage) return { type: "poll" };
  const isMedia = Object.keys(MEDIA).some((name) => message[name]) || message.contactMessage || message.locationMessage;
  return { type: isMedia ? "media" : "text" };
}
