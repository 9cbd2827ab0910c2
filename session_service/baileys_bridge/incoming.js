import { createHash } from "node:crypto";
import { decryptPollVote, getBinaryNodeChildren, jidNormalizedUser, normalizeMessageContent, proto } from "baileys";
import { isGroup } from "./people.js";

const { REVOKE, MESSAGE_EDIT } = proto.Message.ProtocolMessage.Type;

// What the phone, the server and other devices tell each other; no person wrote it.
const NOT_FOR_PEOPLE = new Set([
  "senderKeyDistributionMessage",
  "fastRatchetKeySenderKeyDistributionMessage",
  "messageContextInfo",
  "protocolMessage",
  "keepInChatMessage",
  "pinInChatMessage",
]);

const FILES = {
  imageMessage: ["image", "image"],
  videoMessage: ["video", "video"],
  ptvMessage: ["video", "video"],
  audioMessage: ["audio", "audio"],
  documentMessage: ["document", "document"],
  stickerMessage: ["sticker", "sticker"],
};

const DELIVERED = new Set([undefined, "inactive"]);
const READ = new Set(["read", "played"]);

const toNumber = (value) => Number(value ?? 0);

/**
 * What a receipt says of messages of ours, or null where it says nothing of them.
 *
 * @returns {{ids: string[], status: 'delivered'|'read', at: number, group: string}|null}
 */
export function receiptOf(node, isMe) {
  const { from, participant, recipient, type, id, t } = node.attrs;
  if (recipient || isMe(participant ?? from)) return null; // another device of ours
  const status = DELIVERED.has(type) ? "delivered" : READ.has(type) ? "read" : null;
  if (!status || !id) return null;
  const list = Array.isArray(node.content) ? node.content[0] : undefined;
  const more = list ? getBinaryNodeChildren(list, "item").map((item) => item.attrs.id) : [];
  return { ids: [id, ...more], status, at: toNumber(t), group: isGroup(from) ? from : "" };
}

/** The server's answer to a message of ours. `error` is empty where it took it. */
export function ackOf(node) {
  const { id, error, t } = node.attrs;
  return { id, error: error && error !== "0" ? error : "", at: toNumber(t) };
}

/**
 * What a person wrote, in the words of README.md, or null where it is nothing for people.
 *
 * @param {proto.IMessage} message  decrypted
 * @returns {{kind: string, text: string, content: object, file?: object, quoted?: object, reacted?: object} |
 *   {changed: string, text: string|null, deleted: boolean} | {vote: object} | null}
 */
export function translate(message) {
  const content = normalizeMessageContent(message);
  if (!content) return null;
  if (content.protocolMessage) return translateChange(content.protocolMessage);
  const [name, part] = mainPart(content);
  if (!name) return null;
  const said = translatePart(name, part);
  const quoted = part?.contextInfo;
  if (said.kind && quoted?.stanzaId) {
    said.quoted = {
      author: quoted.participant ?? "",
      message: { whatsapp_id: quoted.stanzaId, text: textOf(quoted.quotedMessage) },
    };
  }
  return said;
}

function mainPart(content) {
  return (
    Object.entries(content).find(([name, part]) => !NOT_FOR_PEOPLE.has(name) && part !== null && part !== undefined) ??
    []
  );
}

function translateChange({ type, key, editedMessage }) {
  if (!key?.id) return null;
  if (type === REVOKE) return { changed: key.id, text: null, deleted: true };
  if (type === MESSAGE_EDIT) return { changed: key.id, text: textOf(editedMessage), deleted: false };
  return null;
}

function translatePart(name, part) {
  if (FILES[name]) return translateFile(name, part);
  switch (name) {
    case "conversation":
      return said("text", part);
    case "extendedTextMessage":
      return said("text", part.text ?? "");
    case "locationMessage":
    case "liveLocationMessage":
      return said("location", "", translateLocation(part));
    case "contactMessage":
      return said("contact", "", translateContact(part));
    case "contactsArrayMessage":
      return said("contact", "", translateContact(part.contacts?.[0] ?? {}));
    case "pollCreationMessage":
    case "pollCreationMessageV2":
    case "pollCreationMessageV3":
      return said("poll", "", translatePoll(part));
    case "reactionMessage":
      return {
        ...said("reaction", "", { to: part.key?.id ?? "", emoji: part.text ?? "" }),
        reacted: { theirs: Boolean(part.key?.fromMe), author: part.key?.participant ?? "" },
      };
    case "pollUpdateMessage":
      return { vote: part };
    default:
      return said("unsupported", "", { name });
  }
}

const said = (kind, text, content = {}) => ({ kind, text, content });

function translateFile(name, part) {
  const [kind, type] = FILES[name];
  return {
    ...said(name === "audioMessage" && part.ptt ? "voice" : kind, part.caption ?? ""),
    file: { type, message: part },
  };
}

function translateLocation({ degreesLatitude, degreesLongitude, name, address }) {
  const content = { latitude: degreesLatitude ?? 0, longitude: degreesLongitude ?? 0 };
  if (name) content.name = name;
  if (address) content.address = address;
  return content;
}

function translateContact({ displayName, vcard }) {
  const number = /waid=(\d+)/.exec(vcard ?? "")?.[1] ?? /^(?:item\d+\.)?TEL[^:]*:(.+)$/m.exec(vcard ?? "")?.[1] ?? "";
  const digits = number.replace(/\D/g, "");
  return { name: displayName ?? "", phone_number: digits ? `+${digits}` : "" };
}

function translatePoll({ name, options, selectableOptionsCount }) {
  return {
    question: name ?? "",
    options: (options ?? []).map((option) => option.optionName ?? ""),
    choices: selectableOptionsCount ?? 0,
  };
}

/** The text of a message of any kind, or '' where it has none. */
export function textOf(message) {
  const content = normalizeMessageContent(message);
  const [name, part] = content ? mainPart(content) : [];
  if (!name) return "";
  return typeof part === "string" ? part : (part.text ?? part.caption ?? part.name ?? "");
}

/**
 * The options that a person chose in a poll of ours.
 *
 * @param {object} vote  the pollUpdateMessage
 * @param {{secret: Uint8Array, options: string[]}} poll
 * @param {{ours: string[], theirs: string[]}} jids  as which each side may be known: by number or by LID
 * @returns {string[]|null}  null where it cannot be decrypted
 */
export function readVote(vote, { secret, options }, { ours, theirs }) {
  for (const creator of ours) {
    for (const voter of theirs) {
      try {
        const chosen = decryptPollVote(vote.vote, {
          pollCreatorJid: jidNormalizedUser(creator),
          pollMsgId: vote.pollCreationMessageKey.id,
          pollEncKey: secret,
          voterJid: jidNormalizedUser(voter),
        });
        const hashes = new Set(chosen.selectedOptions.map((hash) => Buffer.from(hash).toString("hex")));
        return options.filter((option) => hashes.has(createHash("sha256").update(option).digest("hex")));
      } catch {
        continue; // known by another name
      }
    }
  }
  return null;
}
