/** Linking a companion: by the QR code that it shows, or by the code that a person types into the phone. */
import crypto from "node:crypto";
import { promisify } from "node:util";
import { proto, WA_ADV_ACCOUNT_SIG_PREFIX, WA_ADV_DEVICE_SIG_PREFIX } from "baileys";
import libsignal from "libsignal";
import { lidJid, personOf, phoneJid, SERVER } from "./addresses.mjs";
import { decryptGcm, hkdf, hmac, newKeyPair, sharedSecret } from "./curve.mjs";
import { bytesOf, child, newId, node, result, seconds } from "./stanzas.mjs";

const REFS = 6;
const WAIT_MS = 15_000;
const CODE_ITERATIONS = 131_072;
const pbkdf2 = promisify(crypto.pbkdf2);

const refused = (text, status = 400) => Object.assign(new Error(text), { status });

export class Pairing {
  #offers = new Map(); // connections by ref
  #hellos = new Map(); // what waits for a code, by phone number

  constructor(emulator) {
    this.emulator = emulator;
  }

  /** Gives a new client the refs that its QR codes carry. */
  offer(connection) {
    connection.refs = Array.from({ length: REFS }, () => `2@${crypto.randomBytes(48).toString("base64")}`);
    for (const ref of connection.refs) this.#offers.set(ref, connection);
    const refs = connection.refs.map((ref) => node("ref", {}, Buffer.from(ref)));
    const attrs = { from: SERVER, type: "set", id: newId(), xmlns: "md" };
    connection.send(node("iq", attrs, [node("pair-device", {}, refs)]));
  }

  withdraw(connection) {
    for (const ref of connection.refs ?? []) this.#offers.delete(ref);
    for (const [phone, hello] of this.#hellos) if (hello.connection === connection) this.#hellos.delete(phone);
    connection.linking?.reject(refused("the client left while it was being linked", 409));
  }

  /** The phone scans a QR code. Resolves with the new device once the client has signed. */
  async scan(qr, phone) {
    const [ref, noiseKey, identity, secret] = String(qr)
      .replace(/^https?:.*?#/, "")
      .split(",");
    const connection = this.#offers.get(ref);
    if (!connection) throw refused("no client shows this QR code (any more)", 404);
    const { registration } = connection;
    if (!secret || !registration.noiseKey.equals(Buffer.from(noiseKey, "base64")))
      throw refused("the QR code and the client that shows it do not have the same keys");
    if (!Buffer.from(registration.eIdent).equals(Buffer.from(identity, "base64")))
      throw refused("the QR code and the client that shows it do not have the same identity");
    return this.#link(connection, phone, Buffer.from(secret, "base64"));
  }

  /** The client asks for a pairing code: it sends its key, hidden by the code that it shows. */
  hello(connection, query, request) {
    const person = personOf(request.attrs.jid);
    const hello = {
      connection,
      ref: crypto.randomBytes(16),
      wrapped: bytesOf(request, "link_code_pairing_wrapped_companion_ephemeral_pub"),
    };
    this.#hellos.set(person.phone, hello);
    connection.send(
      result(query, [
        node("link_code_companion_reg", { stage: "companion_hello" }, [node("link_code_pairing_ref", {}, hello.ref)]),
      ]),
    );
  }

  /** A person types the code into the phone. Resolves with the new device. */
  async enter(code, phone) {
    const hello = this.#hellos.get(phone);
    if (!hello) throw refused(`no client waits for a pairing code of ${phone}`, 404);
    this.#hellos.delete(phone);
    const typed = String(code).replace(/[\s-]/g, "").toUpperCase();
    const secretOf = (salt) => pbkdf2(typed, salt, CODE_ITERATIONS, 32, "sha256");
    const cipher = (key, iv) => crypto.createCipheriv("aes-256-ctr", key, iv);
    const { wrapped } = hello;
    const companionKey = cipher(await secretOf(wrapped.subarray(0, 32)), wrapped.subarray(32, 48)).update(
      wrapped.subarray(48),
    );
    hello.ephemeral = newKeyPair();
    const [salt, iv] = [crypto.randomBytes(32), crypto.randomBytes(16)];
    const ours = cipher(await secretOf(salt), iv).update(hello.ephemeral.public);
    hello.shared = sharedSecret(hello.ephemeral.private, companionKey);
    hello.phone = phone;
    hello.connection.hello = hello;
    const finished = this.#promise(hello.connection);
    hello.connection.send(
      node("notification", { from: SERVER, id: newId(), type: "link_code_companion_reg", t: seconds() }, [
        node("link_code_companion_reg", { stage: "primary_hello" }, [
          node("link_code_pairing_ref", {}, hello.ref),
          node("link_code_pairing_wrapped_primary_ephemeral_pub", {}, Buffer.concat([salt, iv, ours])),
          node("primary_identity_pub", {}, this.emulator.keys.of(phone).identity.public),
        ]),
      ]),
    );
    return finished;
  }

  /** The client answers the phone: both know now that the code was the same, or not. */
  finish(connection, query, request) {
    const { hello } = connection;
    const bundle = bytesOf(request, "link_code_pairing_wrapped_key_bundle");
    const companion = bytesOf(request, "companion_identity_public");
    connection.send(result(query));
    try {
      const { identity } = this.emulator.keys.of(hello.phone);
      const key = hkdf(hello.shared, 32, {
        salt: bundle.subarray(0, 32),
        info: "link_code_pairing_key_bundle_encryption_key",
      });
      const opened = decryptGcm(bundle.subarray(44), key, bundle.subarray(32, 44), Buffer.alloc(0));
      if (!opened.subarray(0, 32).equals(companion) || !opened.subarray(32, 64).equals(identity.public))
        throw new Error("other identities");
      const shared = sharedSecret(identity.private, companion);
      const secret = hkdf(Buffer.concat([hello.shared, shared, opened.subarray(64, 96)]), 32, { info: "adv_secret" });
      this.#send(connection, hello.phone, secret);
    } catch {
      connection.linking?.reject(refused("the code is not the one that the client shows"));
    }
  }

  async #link(connection, phone, secret) {
    const linked = this.#promise(connection);
    this.#send(connection, phone, secret);
    return linked;
  }

  #promise(connection) {
    if (connection.linking) throw refused("the client is being linked already", 409);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => connection.linking?.reject(refused("the client did not answer", 504)), WAIT_MS);
      const settle = (how) => (value) => {
        clearTimeout(timer);
        connection.linking = null;
        how(value);
      };
      connection.linking = { resolve: settle(resolve), reject: settle(reject) };
    });
  }

  /** The phone signs the companion's identity; only a client that knows the secret will believe it. */
  #send(connection, phone, secret) {
    const account = this.emulator.accounts.toChange(phone);
    if (!account) return connection.linking.reject(refused(`${phone} is not on WhatsApp`, 404));
    if (account.banned) return connection.linking.reject(refused(`${phone} is banned`, 403));
    const { identity } = this.emulator.keys.of(phone);
    const { registration } = connection;
    const id = account.nextDevice++;
    account.save();
    const details = Buffer.from(
      proto.ADVDeviceIdentity.encode({
        rawId: crypto.randomInt(2 ** 31),
        timestamp: Number(seconds()),
        keyIndex: id,
        accountType: 0,
        deviceType: 0,
      }).finish(),
    );
    const signature = identity.sign(Buffer.concat([WA_ADV_ACCOUNT_SIG_PREFIX, details, registration.eIdent]));
    const signed = proto.ADVSignedDeviceIdentity.encode({
      details,
      accountSignatureKey: identity.public,
      accountSignature: signature,
    }).finish();
    const sealed = proto.ADVSignedDeviceIdentityHMAC.encode({ details: signed, hmac: hmac(secret, signed) }).finish();
    connection.signing = { account, id, details, signature, query: newId() };
    connection.send(
      node("iq", { from: SERVER, type: "set", id: connection.signing.query, t: seconds(), xmlns: "md" }, [
        node("pair-success", {}, [
          node("device-identity", {}, sealed),
          node("device", { jid: phoneJid(phone, id), lid: lidJid(phone, id) }),
          node("platform", { name: "android" }),
        ]),
      ]),
    );
  }

  /** A client answered a query of ours: with its own signature it is linked, and must connect again. */
  answered(connection, stanza) {
    const { signing, registration } = connection;
    if (!signing || stanza.attrs.id !== signing.query) return;
    const { account, id, details, signature } = signing;
    const answer = child(child(stanza, "pair-device-sign"), "device-identity");
    const { deviceSignature } = answer ? proto.ADVSignedDeviceIdentity.decode(answer.content) : {};
    const { identity } = this.emulator.keys.of(account.phone);
    const companion = Buffer.from(registration.eIdent);
    const message = Buffer.concat([WA_ADV_DEVICE_SIG_PREFIX, details, companion, identity.public]);
    const verified =
      deviceSignature?.length === 64 &&
      libsignal.curve.verifySignature(
        Buffer.concat([Buffer.from([5]), companion]),
        message,
        Buffer.from(deviceSignature),
      );
    if (!verified) return connection.linking?.reject(refused("the client did not sign"));
    const full = proto.ADVSignedDeviceIdentity.encode({
      details,
      accountSignatureKey: identity.public,
      accountSignature: signature,
      deviceSignature,
    }).finish();
    const device = account.addDevice({
      id,
      noiseKey: registration.noiseKey,
      identity: companion,
      registrationId: Buffer.from(registration.eRegid),
      signedPreKey: {
        id: Buffer.from(registration.eSkeyId),
        value: Buffer.from(registration.eSkeyVal),
        signature: Buffer.from(registration.eSkeySig),
      },
      signedIdentity: Buffer.from(full),
      platform: registration.platform,
      linkedAt: new Date().toISOString(),
      preKeyBatches: [],
      greeted: false,
    });
    connection.signing = null;
    this.emulator.statistics.linked += 1;
    this.emulator.announceDevices(account);
    this.emulator.state.committed().then(() => {
      connection.linking?.resolve(device);
      connection.endWithCode(515);
    });
  }
}
