import { createHash, randomUUID } from "node:crypto";
import { open, unlink } from "node:fs/promises";
import path from "node:path";
import { downloadContentFromMessage } from "baileys";

const WHATSAPP = /^https:\/\/[a-z0-9.-]+\.whatsapp\.net(\/.*)$/i;
const TOO_LARGE = Symbol("too large");

/** How many files a process fetches at the same time. */
const AT_ONCE = 4;
const waiting = [];
let fetching = 0;

/**
 * Fetches and decrypts a file into `folder`. Never throws: what went wrong is the `error` of the answer.
 *
 * @param {{type: string, message: object}} file  as `translate` gives it
 * @param {{folder: string, most: number, seconds: number, host: () => Promise<string>}} limits
 * @returns {Promise<{path: string, mime_type: string, file_name: string, size: number, sha256: string, error: string}>}
 */
export async function fetchFile({ type, message }, limits) {
  const described = {
    path: "",
    mime_type: (message.mimetype ?? "").split(";")[0],
    file_name: message.fileName ?? "",
    size: Number(message.fileLength ?? 0),
    sha256: "",
    error: "",
  };
  if (described.size > limits.most) return { ...described, error: "too_large" };
  await turn();
  try {
    return { ...described, ...(await within(limits.seconds, (signal) => store(type, message, limits, signal))) };
  } catch (error) {
    return { ...described, error: error === TOO_LARGE ? "too_large" : "failed" };
  } finally {
    fetching -= 1;
    waiting.shift()?.();
  }
}

async function turn() {
  if (fetching >= AT_ONCE) await new Promise((resolve) => waiting.push(resolve));
  fetching += 1;
}

async function within(seconds, work) {
  const aborting = new AbortController();
  const timer = setTimeout(() => aborting.abort(), seconds * 1000);
  try {
    return await work(aborting.signal);
  } finally {
    clearTimeout(timer);
  }
}

async function store(type, message, { folder, most, host }, signal) {
  const stream = await downloadContentFromMessage(
    { mediaKey: message.mediaKey, directPath: pathOnServer(message) },
    type,
    { host: await host(), options: { signal } },
  );
  signal.addEventListener("abort", () => stream.destroy(new Error("too slow")), { once: true });
  const target = path.join(folder, randomUUID());
  const file = await open(target, "wx", 0o600);
  const hash = createHash("sha256");
  let size = 0;
  let sha256 = "";
  try {
    for await (const chunk of stream) {
      size += chunk.length;
      if (size > most) throw TOO_LARGE;
      hash.update(chunk);
      await file.write(chunk);
    }
    sha256 = hash.digest("hex");
    if (sha256 !== Buffer.from(message.fileSha256 ?? []).toString("hex")) throw new Error("another file");
  } catch (error) {
    await unlink(target);
    throw error;
  } finally {
    await file.close();
  }
  return { path: target, size, sha256 };
}

/**
 * The person who sent the message wrote its address, so only the path is taken from it: the host is WhatsApp's.
 */
function pathOnServer({ directPath, url }) {
  const found = directPath || WHATSAPP.exec(url ?? "")?.[1];
  if (!found?.startsWith("/") || found.startsWith("//")) throw new Error("no usable address");
  return found;
}
