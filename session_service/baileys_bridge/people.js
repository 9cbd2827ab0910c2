import { isLidUser, isPnUser, jidDecode, jidNormalizedUser } from "baileys";

const GROUP = /@g\.us$/;

export const isGroup = (jid) => GROUP.test(jid ?? "");

/** Where a message goes, by `group`, `number` or `lid` of the worker's words. */
export function jidOf({ group, number, lid }) {
  if (group) return isGroup(group) ? group : `${group}@g.us`;
  if (number) return `${number.replace(/\D/g, "")}@s.whatsapp.net`;
  return `${lid}@lid`;
}

/** E.164 of a phone-number jid, else ''. */
export const numberOf = (jid) => (jid && isPnUser(jid) ? `+${jidDecode(jid).user}` : "");

/** The digits of a LID, else ''. */
export const lidOf = (jid) => (jid && isLidUser(jid) ? jidDecode(jid).user : "");

/**
 * Number and LID of a person from the jids that a stanza gives, and, where one of them is missing, from what this
 * session learnt before.
 *
 * @returns {Promise<{number: string, lid: string}>}
 */
export async function identify(jids, mapping) {
  const all = jids.filter(Boolean).map((jid) => jidNormalizedUser(jid));
  const known = { number: all.map(numberOf).find(Boolean) ?? "", lid: all.map(lidOf).find(Boolean) ?? "" };
  if (!known.number && known.lid) known.number = numberOf(await mapping.getPNForLID(`${known.lid}@lid`));
  return known;
}
