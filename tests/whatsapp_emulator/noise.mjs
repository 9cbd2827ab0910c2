/** The server's side of the Noise handshake (XX, 25519, AES-GCM, SHA-256), and the frames after it. */
import { createSecretKey } from "node:crypto";
import { decodeBinaryNode, encodeBinaryNode, NOISE_MODE, NOISE_WA_HEADER, proto } from "baileys";
import { decryptGcm, encryptGcm, hkdf, newKeyPair, sha256, sharedSecret } from "./curve.mjs";

const NOTHING = Buffer.alloc(0);
const LARGEST_FRAME = 4 * 1024 * 1024;

function counted(counter) {
  const iv = Buffer.alloc(12);
  iv.writeUInt32BE(counter, 8);
  return iv;
}

function framed(data) {
  const frame = Buffer.allocUnsafe(3 + data.length);
  frame.writeUIntBE(data.length, 0, 3);
  frame.set(data, 3);
  return frame;
}

/** Cuts what arrives into frames; knows the introduction that comes before the first. */
export class Frames {
  #rest = NOTHING;
  #introduced = false;

  /** The frames that are complete now. */
  *of(data) {
    this.#rest = this.#rest.length ? Buffer.concat([this.#rest, data]) : data;
    if (!this.#introduced && !this.#skipIntroduction()) return;
    while (this.#rest.length >= 3) {
      const length = this.#rest.readUIntBE(0, 3);
      if (length > LARGEST_FRAME) throw new Error(`a frame of ${length} bytes`);
      if (this.#rest.length < 3 + length) return;
      const frame = this.#rest.subarray(3, 3 + length);
      this.#rest = this.#rest.subarray(3 + length);
      yield frame;
    }
  }

  #skipIntroduction() {
    let start = 0;
    if (this.#rest.subarray(0, 2).toString() === "ED") {
      if (this.#rest.length < 7) return false;
      start = 7 + this.#rest.readUIntBE(4, 3);
    }
    if (this.#rest.length < start + 4) return false;
    if (!this.#rest.subarray(start, start + 4).equals(Buffer.from(NOISE_WA_HEADER)))
      throw new Error("this is not a client of WhatsApp");
    this.#rest = this.#rest.subarray(start + 4);
    this.#introduced = true;
    return true;
  }
}

/** Answers one client's handshake, then seals and opens stanzas. */
export class Handshake {
  #identity;
  #ephemeral = newKeyPair();
  #hash;
  #salt;
  #key;
  #counter = 0;

  /** @param identity what `handshakeIdentity` of certificates.mjs returns */
  constructor(identity) {
    this.#identity = identity;
    const mode = Buffer.from(NOISE_MODE);
    this.#hash = mode.length === 32 ? mode : sha256(mode);
    this.#salt = this.#key = this.#hash;
    this.#authenticate(NOISE_WA_HEADER);
  }

  /** Takes the client's first frame; returns ours. */
  hello(frame) {
    const { clientHello } = proto.HandshakeMessage.decode(frame);
    if (clientHello?.ephemeral?.length !== 32) throw new Error("a handshake without a key");
    this.#authenticate(clientHello.ephemeral);
    this.#authenticate(this.#ephemeral.public);
    this.#mix(sharedSecret(this.#ephemeral.private, clientHello.ephemeral));
    const key = this.#seal(this.#identity.staticKey.public);
    this.#mix(sharedSecret(this.#identity.staticKey.private, clientHello.ephemeral));
    const payload = this.#seal(this.#identity.chain);
    return framed(
      proto.HandshakeMessage.encode({
        serverHello: { ephemeral: this.#ephemeral.public, static: key, payload },
      }).finish(),
    );
  }

  /** Takes the client's second frame: its static key, what it says of itself, and the way to go on talking. */
  finish(frame) {
    const { clientFinish } = proto.HandshakeMessage.decode(frame);
    const clientKey = Buffer.from(this.#open(clientFinish.static));
    this.#mix(sharedSecret(this.#ephemeral.private, clientKey));
    const payload = proto.ClientPayload.decode(this.#open(clientFinish.payload));
    const keys = hkdf(NOTHING, 64, { salt: this.#salt });
    return { clientKey, payload, transport: new Transport(keys.subarray(0, 32), keys.subarray(32)) };
  }

  #authenticate(data) {
    this.#hash = sha256(this.#hash, data);
  }

  #mix(secret) {
    const keys = hkdf(secret, 64, { salt: this.#salt });
    this.#salt = keys.subarray(0, 32);
    this.#key = keys.subarray(32);
    this.#counter = 0;
  }

  #seal(plain) {
    const sealed = encryptGcm(plain, this.#key, counted(this.#counter++), this.#hash);
    this.#authenticate(sealed);
    return sealed;
  }

  #open(sealed) {
    const plain = decryptGcm(Buffer.from(sealed), this.#key, counted(this.#counter++), this.#hash);
    this.#authenticate(sealed);
    return plain;
  }
}

/** Stanzas to frames and back. */
class Transport {
  #received = 0;
  #sent = 0;

  constructor(readKey, writeKey) {
    this.readKey = createSecretKey(readKey); // as bytes it would be imported for every frame
    this.writeKey = createSecretKey(writeKey);
  }

  open(frame) {
    return decodeBinaryNode(decryptGcm(frame, this.readKey, counted(this.#received++), NOTHING));
  }

  seal(stanza) {
    return this.sealBytes(encodeBinaryNode(stanza));
  }

  sealBytes(bytes) {
    return framed(encryptGcm(bytes, this.writeKey, counted(this.#sent++), NOTHING));
  }
}
