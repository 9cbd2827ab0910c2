/** The certificates that clients check: WhatsApp's own chain for the handshake, and TLS for the media host. */
import crypto, { webcrypto } from "node:crypto";
import "reflect-metadata"; // x509 wants it to be there first
import * as x509 from "@peculiar/x509";
import { proto } from "baileys";
import { SigningKey } from "./curve.mjs";

const YEAR = 365 * 24 * 3600;

/**
 * The server's static key and a chain to the root key that clients pin.
 * @param {Buffer} seed 32 secret bytes: the same seed makes the same root and server key
 */
export function handshakeIdentity(seed) {
  const derived = (name) => crypto.createHmac("sha256", seed).update(name).digest();
  const [root, intermediate] = [new SigningKey(derived("root")), new SigningKey(derived("intermediate"))];
  const server = new SigningKey(derived("server"));
  const now = Math.floor(Date.now() / 1000);
  const details = (serial, issuerSerial, key) =>
    Buffer.from(
      proto.CertChain.NoiseCertificate.Details.encode({
        serial,
        issuerSerial,
        key,
        notBefore: now - 24 * 3600,
        notAfter: now + YEAR,
      }).finish(),
    );
  const [issued, leaf] = [details(1, 0, intermediate.public), details(2, 1, server.public)];
  const chain = proto.CertChain.encode({
    intermediate: { details: issued, signature: root.sign(issued) },
    leaf: { details: leaf, signature: intermediate.sign(leaf) },
  }).finish();
  return { rootKey: root.public, staticKey: server, chain: Buffer.from(chain) };
}

/** A new authority and a certificate of it for `localhost`: `{ca, key, certificate}` as PEM texts. */
export async function makeTls() {
  x509.cryptoProvider.set(webcrypto);
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const newKeys = () => webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const [authority, host] = [await newKeys(), await newKeys()];
  const dates = { notBefore: new Date(Date.now() - 24 * 3600e3), notAfter: new Date(Date.now() + 5 * YEAR * 1000) };
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name: "CN=Emulated media authority",
    keys: authority,
    signingAlgorithm: algorithm,
    ...dates,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: "02",
    subject: "CN=localhost",
    issuer: ca.subject,
    publicKey: host.publicKey,
    signingKey: authority.privateKey,
    signingAlgorithm: algorithm,
    ...dates,
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        { type: "dns", value: "localhost" },
        { type: "ip", value: "127.0.0.1" },
      ]),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    ],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", host.privateKey)).toString("base64");
  return {
    ca: ca.toString("pem"),
    key: `-----BEGIN PRIVATE KEY-----\n${key.match(/.{1,64}/g).join("\n")}\n-----END PRIVATE KEY-----\n`,
    certificate: certificate.toString("pem"),
  };
}
