/**
 * Keys on Curve25519, made and used with Node's own cryptography.
 *
 * WhatsApp signs with X25519 keys (XEdDSA). An Ed25519 key and an X25519 key that share one scalar do the same: Node
 * signs with the first, and the sign of its public key goes into the signature's last bit, where verifiers look for it.
 */
import crypto from "node:crypto";

const MOST_KEYS = 3000; // that are remembered

/** Remembers what `make` made of the last keys: importing one takes longer than using it. */
function remembering(make) {
  const made = new Map();
  const remember = (bytes, key) => {
    if (made.size >= MOST_KEYS) made.delete(made.keys().next().value);
    made.set(bytes.toString("latin1"), key);
    return key;
  };
  const get = (bytes) => {
    const name = bytes.toString("latin1");
    const key = made.get(name) ?? make(bytes);
    made.delete(name); // what was used last goes last
    return remember(bytes, key);
  };
  return { get, remember };
}

// Node imports a JWK faster than DER, and does not look at `x` of a private one.
const imported = (curve, secret) =>
  crypto.createPrivateKey({ key: { kty: "OKP", crv: curve, d: secret.toString("base64url"), x: "" }, format: "jwk" });
const privateKeys = remembering((secret) => imported("X25519", secret));
const publicKeys = remembering((raw) =>
  crypto.createPublicKey({ key: { kty: "OKP", crv: "X25519", x: raw.toString("base64url") }, format: "jwk" }),
);
const publicOf = (key) => Buffer.from(crypto.createPublicKey(key).export({ format: "jwk" }).x, "base64url");

/** `{private, public}`, 32 bytes each, from 32 bytes of secret. */
export function keyPairFrom(secret) {
  const scalar = Buffer.from(secret);
  scalar[0] &= 248;
  scalar[31] = (scalar[31] & 127) | 64;
  return { private: scalar, public: publicOf(privateKeys.get(scalar)) };
}

export function newKeyPair() {
  const { privateKey } = crypto.generateKeyPairSync("x25519");
  const { d, x } = privateKey.export({ format: "jwk" });
  const pair = { private: Buffer.from(d, "base64url"), public: Buffer.from(x, "base64url") };
  privateKeys.remember(pair.private, privateKey);
  return pair;
}

/** What two sides share, from one's private key (32 bytes) and the other's public key (32, or 33 with its type). */
export function sharedSecret(privateBytes, publicBytes) {
  const raw = Buffer.from(publicBytes.length === 33 ? publicBytes.subarray(1) : publicBytes);
  if (raw.length !== 32) throw new Error("a public key has 32 bytes");
  return crypto.diffieHellman({ privateKey: privateKeys.get(privateBytes), publicKey: publicKeys.get(raw) });
}

/** A key pair that also signs. */
export class SigningKey {
  #signer;
  #sign;

  constructor(seed) {
    this.#signer = imported("Ed25519", seed);
    this.#sign = publicOf(this.#signer)[31] & 128;
    const pair = keyPairFrom(crypto.createHash("sha512").update(seed).digest().subarray(0, 32));
    this.private = pair.private;
    this.public = pair.public;
  }

  /** 64 bytes. */
  sign(message) {
    const signature = crypto.sign(null, message, this.#signer);
    signature[63] |= this.#sign;
    return signature;
  }
}

export function hkdf(secret, length, { salt = Buffer.alloc(0), info = "" } = {}) {
  return Buffer.from(crypto.hkdfSync("sha256", secret, salt, info, length));
}

export function encryptGcm(plain, key, iv, authenticated) {
  const cipher = crypto.createCipheriv("aes-256-gcm", key, iv);
  cipher.setAAD(authenticated);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

export function decryptGcm(sealed, key, iv, authenticated) {
  const decipher = crypto.createDecipheriv("aes-256-gcm", key, iv);
  decipher.setAAD(authenticated);
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

export const sha256 = (...parts) => {
  const hash = crypto.createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

export const hmac = (key, ...parts) => {
  const mac = crypto.createHmac("sha256", key);
  for (const part of parts) mac.update(part);
  return mac.digest();
};
