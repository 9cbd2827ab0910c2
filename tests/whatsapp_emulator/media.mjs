/** The media host: clients upload sealed files to it over TLS and fetch them. And what phones do with such files. */
import crypto from "node:crypto";
import fs from "node:fs";
import https from "node:https";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { makeTls } from "./certificates.mjs";
import { hkdf, hmac, sha256 } from "./curve.mjs";
import { node } from "./stanzas.mjs";

const KEY_NAMES = {
  image: "Image",
  sticker: "Image",
  video: "Video",
  audio: "Audio",
  voice: "Audio",
  document: "Document",
};
const MAC_BYTES = 10;

function keysFrom(mediaKey, kind) {
  const keys = hkdf(mediaKey, 112, { info: `WhatsApp ${KEY_NAMES[kind]} Keys` });
  return { iv: keys.subarray(0, 16), cipherKey: keys.subarray(16, 48), macKey: keys.subarray(48, 80) };
}

export class MediaHost {
  #folder;

  constructor(emulator) {
    this.emulator = emulator;
    this.#folder = path.join(emulator.state.folder, "media");
    fs.mkdirSync(this.#folder, { recursive: true });
  }

  /** Starts to listen on loopback, with a certificate of the state's own authority. */
  async listen(listenOn) {
    const { state } = this.emulator;
    if (!fs.existsSync(state.path("ca.pem"))) {
      const tls = await makeTls();
      state.replaceFile("media.key", tls.key);
      state.replaceFile("media.pem", tls.certificate);
      state.replaceFile("ca.pem", tls.ca);
    }
    this.caFile = path.resolve(state.path("ca.pem"));
    const tls = { key: state.file("media.key"), cert: state.file("media.pem") };
    this.server = https.createServer(tls, (request, response) =>
      this.#answer(request, response).catch((error) => {
        this.emulator.log(`media host: ${error.stack}`);
        response.destroy();
      }),
    );
    this.port = await listenOn(this.server, 0, state.get("media port"));
    state.set("media port", this.port);
  }

  async close() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get host() {
    return `localhost:${this.port}`;
  }

  /** The answer to a client that asks where to upload. */
  connection() {
    const attrs = { auth: "emulator", ttl: "3600", auth_ttl: "3600", max_buckets: "12" };
    return node("media_conn", attrs, [node("host", { hostname: this.host, maxContentLengthBytes: "104857600" })]);
  }

  async #answer(request, response) {
    const fault = this.emulator.faults.strike("media_error");
    const name = decodeURIComponent(new URL(request.url, "https://localhost").pathname.split("/").pop());
    const file = path.join(this.#folder, Buffer.from(name).toString("hex"));
    if (fault) {
      request.resume();
      response.writeHead(Number(fault.code ?? 500)).end();
    } else if (request.method === "POST") {
      const partial = `${file}.${crypto.randomUUID()}`;
      await pipeline(request, fs.createWriteStream(partial));
      await fs.promises.rename(partial, file);
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ url: this.#url(name), direct_path: this.#path(name) }));
    } else if (fs.existsSync(file)) {
      const { size } = await fs.promises.stat(file);
      const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
      const range = first === undefined ? {} : { start: Number(first), end: last ? Number(last) : size - 1 };
      response.writeHead(first === undefined ? 200 : 206, {
        "content-length": first === undefined ? size : range.end - range.start + 1,
      });
      if (request.method === "HEAD") response.end();
      else await pipeline(fs.createReadStream(file, range), response);
    } else response.writeHead(404).end();
  }

  #path(name) {
    return `/v/${encodeURIComponent(name)}`;
  }

  #url(name) {
    return `https://${this.host}${this.#path(name)}`;
  }

  /** A phone uploads a file: the fields that a message needs to name it. */
  seal(kind, bytes) {
    const mediaKey = crypto.randomBytes(32);
    const { iv, cipherKey, macKey } = keysFrom(mediaKey, kind);
    const cipher = crypto.createCipheriv("aes-256-cbc", cipherKey, iv);
    const sealed = Buffer.concat([cipher.update(bytes), cipher.final()]);
    const file = Buffer.concat([sealed, hmac(macKey, iv, sealed).subarray(0, MAC_BYTES)]);
    const name = sha256(file).toString("base64url");
    fs.writeFileSync(path.join(this.#folder, Buffer.from(name).toString("hex")), file);
    return {
      url: this.#url(name),
      directPath: this.#path(name),
      mediaKey,
      fileSha256: sha256(bytes),
      fileEncSha256: sha256(file),
      fileLength: bytes.length,
      mediaKeyTimestamp: Math.floor(Date.now() / 1000),
    };
  }

  /** A phone opens a file that a companion uploaded; throws when it is not there or not what the message says. */
  open(kind, { key, path: directPath, sealed_sha256: expected }) {
    const name = decodeURIComponent(new URL(directPath, "https://localhost").pathname.split("/").pop());
    const file = fs.readFileSync(path.join(this.#folder, Buffer.from(name).toString("hex")));
    const { iv, cipherKey, macKey } = keysFrom(Buffer.from(key), kind);
    const [sealed, mac] = [file.subarray(0, -MAC_BYTES), file.subarray(-MAC_BYTES)];
    if (!sha256(file).equals(Buffer.from(expected))) throw new Error("the file is not the one of the message");
    if (!hmac(macKey, iv, sealed).subarray(0, MAC_BYTES).equals(mac)) throw new Error("the file was changed");
    const decipher = crypto.createDecipheriv("aes-256-cbc", cipherKey, iv);
    return Buffer.concat([decipher.update(sealed), decipher.final()]);
  }
}
