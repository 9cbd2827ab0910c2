import { createRequire } from "node:module";
import { Curve, WA_CERT_DETAILS, generateSignalPubKey } from "baileys";

// The instance of libsignal that Baileys uses itself.
const libsignal = createRequire(import.meta.resolve("baileys"))("libsignal");

/**
 * Baileys' own check ignores libsignal's answer and accepts every signature: of the server's certificate, and of the
 * account at pairing. This one says what libsignal says.
 */
function verify(publicKey, message, signature) {
  try {
    return libsignal.curve.verifySignature(generateSignalPubKey(publicKey), message, signature) === true;
  } catch {
    return false;
  }
}

/** Mends the check of signatures, and trusts `rootKey` (hex) instead of WhatsApp's where one is given. */
export function harden(rootKey = "") {
  Curve.verify = verify;
  if (rootKey) WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(rootKey, "hex");
}
