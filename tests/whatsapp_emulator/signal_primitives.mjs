/**
 * libsignal's primitives, replaced by faster ones with the same results.
 *
 * libsignal hands raw bytes to Node as keys, which Node imports each time; that takes longer than what is then done with
 * them. With thousands of phones it was most of the work.
 */
import crypto from "node:crypto";
import { createRequire } from "node:module";
import { newKeyPair, sharedSecret } from "./curve.mjs";

const require = createRequire(import.meta.url);
const signalCrypto = require("libsignal/src/crypto.js");
const signalCurve = require("libsignal/src/curve.js");

const TYPE = Buffer.from([5]);

function mac(key, ...parts) {
  const hmac = crypto.createHmac("sha256", crypto.createSecretKey(key));
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

function deriveSecrets(input, salt, info, chunks = 3) {
  const key = crypto.createSecretKey(mac(salt, input));
  const secrets = [];
  for (let count = 1; count <= chunks; count++) {
    const hmac = crypto.createHmac("sha256", key);
    if (secrets.length) hmac.update(secrets.at(-1));
    secrets.push(
      hmac
        .update(info)
        .update(Buffer.from([count]))
        .digest(),
    );
  }
  return secrets;
}

function run(cipher, data) {
  return Buffer.concat([cipher.update(data), cipher.final()]);
}

/** From here on libsignal uses these. */
export function useFastPrimitives() {
  signalCrypto.calculateMAC = mac;
  signalCrypto.deriveSecrets = deriveSecrets;
  signalCrypto.verifyMAC = (data, key, expected, length) => {
    const actual = mac(key, data).subarray(0, length);
    if (expected.length !== length || !crypto.timingSafeEqual(actual, expected)) throw new Error("Bad MAC");
  };
  signalCrypto.encrypt = (key, data, iv) =>
    run(crypto.createCipheriv("aes-256-cbc", crypto.createSecretKey(key), iv), data);
  signalCrypto.decrypt = (key, data, iv) =>
    run(crypto.createDecipheriv("aes-256-cbc", crypto.createSecretKey(key), iv), data);
  signalCurve.calculateAgreement = (theirs, ours) => sharedSecret(ours, theirs);
  signalCurve.generateKeyPair = () => {
    const pair = newKeyPair();
    return { privKey: pair.private, pubKey: Buffer.concat([TYPE, pair.public]) };
  };
}
