/**
 * Who is who: phone numbers, LIDs and JIDs.
 *
 * A phone number is kept as digits without a plus. Its LID is computed from it and back, so that nothing has to be
 * stored for a person who only receives, and looks nothing like the number, as on WhatsApp.
 */
import { jidDecode } from "baileys";

const PEOPLE = "s.whatsapp.net";
export const SERVER = `@${PEOPLE}`; // who speaks when WhatsApp itself does
const LIDS = 10n ** 15n;
const FACTOR = 713_295_846_017_349n; // without a common divisor with LIDS: every number has its own LID
const INVERSE = power(FACTOR, (LIDS / 10n) * 4n - 1n);

function power(base, exponent) {
  let result = 1n;
  for (let square = base % LIDS; exponent > 0n; exponent >>= 1n, square = (square * square) % LIDS)
    if (exponent & 1n) result = (result * square) % LIDS;
  return result;
}

/**
 * The number under which its owner registered: in Brazil from area code 31 on without the ninth digit, in Mexico with the
 * 1 that is no longer dialled, as real accounts that are some years old.
 */
export function registeredAs(phone) {
  return phone.replace(/^55([3-9]\d)9([6-9]\d{7})$/, "55$1$2").replace(/^52([2-9]\d{9})$/, "521$1");
}

/** The digits of a phone number that a person typed; throws a text for that person. */
export function digitsOf(number, name = "phone") {
  const digits = String(number ?? "").replace(/[\s()+-]/g, "");
  if (!/^[1-9]\d{5,14}$/.test(digits))
    throw Object.assign(new Error(`${name}: ${JSON.stringify(number)} is not a phone number with its country code`), {
      status: 400,
    });
  return digits;
}

export const plus = (phone) => `+${phone}`;
export const lidOf = (phone) => String((BigInt(phone) * FACTOR) % LIDS);
export const phoneOfLid = (lid) => String((BigInt(lid) * INVERSE) % LIDS);
export const exists = (phone) => !phone.endsWith("0000") && registeredAs(phone) === phone;
export const groupJid = (id) => `${id}@g.us`;

export function phoneJid(phone, device = 0) {
  return `${phone}${device ? `:${device}` : ""}@${PEOPLE}`;
}

export function lidJid(phone, device = 0) {
  return `${lidOf(phone)}${device ? `:${device}` : ""}@lid`;
}

/** The JID of a person's device in the way that `asLid` says. */
export function jidOf(phone, device, asLid) {
  return asLid ? lidJid(phone, device) : phoneJid(phone, device);
}

/** `{phone, device, asLid}` of a person's JID; null for groups, servers and nonsense. */
export function personOf(jid) {
  const decoded = jid ? jidDecode(jid) : undefined;
  if (!decoded || !/^\d{1,15}$/.test(decoded.user)) return null;
  if (decoded.server === "lid") return { phone: phoneOfLid(decoded.user), device: decoded.device ?? 0, asLid: true };
  if (decoded.server === PEOPLE || decoded.server === "c.us")
    return { phone: decoded.user, device: decoded.device ?? 0, asLid: false };
  return null;
}

export const isGroup = (jid) => typeof jid === "string" && jid.endsWith("@g.us");
