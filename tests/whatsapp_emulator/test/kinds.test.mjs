import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import crypto from "node:crypto";
import { test } from "node:test";
import { promisify } from "node:util";
import { decryptPollVote, jidNormalizedUser } from "baileys";
import { Client, startEmulator, until } from "./clients.mjs";

const [ANNA, BUDI] = ["6281110000001", "6281110000002"];
const PICTURE = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==",
  "base64",
);
const FILE = crypto.randomBytes(70_001);
const sha256 = (bytes) => crypto.createHash("sha256").update(bytes).digest("hex");

/** The message that carries this part, in a client that heard it. */
function hears(client, part) {
  return until(() => client.received.find(({ key, message }) => !key.fromMe && message?.[part]), `to hear ${part}`);
}

/** An emulated BUDI and a linked ANNA who know each other; `jid` is BUDI as ANNA sees him. */
async function chat(t) {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  const say = async (saying) => (await emulator.post("/say", { from: BUDI, to: ANNA, ...saying })).message_id;
  const said = await say({ text: "Halo" });
  const { key } = await client.hears("Halo");
  return { emulator, client, say, said, key, jid: key.remoteJid };
}

test("phones get every kind", async (t) => {
  const { emulator, client, jid, key, said } = await chat(t);
  const arrives = async (content, options) => {
    const id = await client.send(jid, content, options);
    const { kind, text, content: described } = await emulator.got(BUDI, ({ message_id }) => message_id === id);
    return { id, kind, text, content: described };
  };
  const textId = await client.sendText(jid, "Awal");
  await emulator.got(BUDI, ({ message_id }) => message_id === textId);

  const location = { degreesLatitude: -6.2, degreesLongitude: 106.8, name: "Monas", address: "Jakarta" };
  const { id: _, ...place } = await arrives({ location });
  assert.deepEqual(place, {
    kind: "location",
    text: "Monas",
    content: { latitude: -6.2, longitude: 106.8, name: "Monas", address: "Jakarta" },
  });

  const vcard = "BEGIN:VCARD\nVERSION:3.0\nFN:Citra\nTEL;type=CELL;waid=6281110000003:+6281110000003\nEND:VCARD";
  const contact = await arrives({ contacts: { displayName: "Citra", contacts: [{ vcard, displayName: "Citra" }] } });
  assert.deepEqual(contact.content, { name: "Citra", phone_number: "+6281110000003" });

  const poll = await arrives({ poll: { name: "Makan?", values: ["Ya", "Tidak"], selectableCount: 1 } });
  assert.deepEqual(poll.content, { question: "Makan?", options: ["Ya", "Tidak"], choices: 1 });

  const reaction = await arrives({ react: { text: "👍", key } });
  assert.deepEqual([reaction.kind, reaction.text, reaction.content.to], ["reaction", "👍", said]);

  const quoted = client.received.find((message) => message.key.id === said);
  const reply = await arrives({ text: "Balasan" }, { quoted });
  assert.deepEqual([reply.kind, reply.text, reply.content.reply_to], ["text", "Balasan", said]);

  const own = { remoteJid: jid, fromMe: true, id: textId };
  const edit = await arrives({ text: "Akhir", edit: own });
  assert.deepEqual([edit.kind, edit.text, edit.content.to], ["edit", "Akhir", textId]);
  const deletion = await arrives({ delete: own });
  assert.deepEqual([deletion.kind, deletion.content.to], ["deletion", textId]);
});

test("clients hear every kind", async (t) => {
  const { client, jid, key, say, said } = await chat(t);
  const own = await client.sendText(jid, "Dari saya");
  await client.ackOf(own);

  await say({ kind: "location", latitude: -6.2, longitude: 106.8, name: "Monas" });
  const { locationMessage } = (await hears(client, "locationMessage")).message;
  assert.deepEqual([locationMessage.degreesLatitude, locationMessage.name], [-6.2, "Monas"]);

  await say({ kind: "contact", name: "Citra", phone_number: "+62 811-1000-0003" });
  assert.match((await hears(client, "contactMessage")).message.contactMessage.vcard, /waid=6281110000003/);

  await say({ kind: "reaction", to_message: own, emoji: "❤" });
  const { reactionMessage } = (await hears(client, "reactionMessage")).message;
  assert.deepEqual([reactionMessage.text, reactionMessage.key.id, reactionMessage.key.fromMe], ["❤", own, true]);

  await say({ text: "Balasan", reply_to: own });
  const reply = (await client.hears("Balasan")).message.extendedTextMessage.contextInfo;
  assert.deepEqual([reply.stanzaId, reply.quotedMessage.conversation], [own, "Dari saya"]);

  await say({ kind: "edit", to_message: said, text: "Halo, Anna" });
  const edited = await until(() => client.updates.find(({ update }) => update.message?.editedMessage), "an edit");
  assert.equal(edited.key.id, said);
  await say({ kind: "deletion", to_message: said });
  await until(() => client.updates.find(({ key, update }) => key.id === said && update.message === null), "a deletion");

  await say({ kind: "unsupported" });
  await hears(client, "groupInviteMessage");
  await assert.rejects(say({ kind: "song" }), /kind: song is none of text/);
  await assert.rejects(say({ kind: "reaction", to_message: "nothing", emoji: "?" }), /no message nothing/);
  await assert.rejects(say({ kind: "location" }), /latitude: a location needs it/);
  assert.equal(key.fromMe, false);
});

test("people vote on polls, and ask some", async (t) => {
  const { client, jid, say } = await chat(t);
  const pollId = await client.send(jid, { poll: { name: "Makan?", values: ["Ya", "Tidak"], selectableCount: 1 } });
  await client.ackOf(pollId);
  await say({ kind: "poll_vote", to_message: pollId, options: ["Ya"] });
  const vote = (await hears(client, "pollUpdateMessage")).message.pollUpdateMessage;
  assert.equal(vote.pollCreationMessageKey.id, pollId);
  const { selectedOptions } = decryptPollVote(vote.vote, {
    pollCreatorJid: jidNormalizedUser(client.socket.user.lid),
    pollMsgId: pollId,
    pollEncKey: client.stored.get(pollId).messageContextInfo.messageSecret,
    voterJid: jid,
  });
  assert.deepEqual(
    selectedOptions.map((option) => Buffer.from(option).toString("hex")),
    [sha256("Ya")],
  );
  await say({ kind: "poll", question: "Kapan?", options: ["Pagi", "Sore"], choices: 2 });
  const poll = (await hears(client, "pollCreationMessageV3")).message;
  assert.equal(poll.pollCreationMessageV3.selectableOptionsCount, 2);
  assert.equal(poll.messageContextInfo.messageSecret.length, 32);
});

// Node reads NODE_EXTRA_CA_CERTS when it starts, so files need a client in a process of its own.
const inOwnProcess = process.env.EMULATED_FILES;

test("files go both ways over TLS", { skip: Boolean(inOwnProcess) }, async (t) => {
  const emulator = await startEmulator(t);
  const file = new URL(import.meta.url).pathname;
  const env = {
    ...process.env,
    NODE_TEST_CONTEXT: "",
    NODE_EXTRA_CA_CERTS: emulator.ca_file,
    EMULATED_FILES: JSON.stringify({ ...emulator, emulator: undefined }),
  };
  const run = promisify(execFile);
  const options = ["--test-force-exit", "--test-name-pattern", "files in their own process", file];
  const { stdout } = await run(process.execPath, options, { env }).catch((error) => assert.fail(error.stdout));
  assert.match(stdout, /pass 1/);
});

test("files in their own process", { skip: !inOwnProcess }, async (t) => {
  const { connectedTo } = await import("./clients.mjs");
  const emulator = connectedTo(JSON.parse(inOwnProcess));
  const client = await new Client(t, emulator).link(ANNA);
  const contents = {
    image: [PICTURE, { image: PICTURE, caption: "Gambar", mimetype: "image/png", jpegThumbnail: "" }],
    video: [FILE, { video: FILE, caption: "Film", mimetype: "video/mp4", jpegThumbnail: "" }],
    audio: [FILE, { audio: FILE, mimetype: "audio/mpeg", seconds: 2 }],
    voice: [
      FILE,
      { audio: FILE, mimetype: "audio/ogg; codecs=opus", ptt: true, seconds: 2, waveform: new Uint8Array(64) },
    ],
    document: [FILE, { document: FILE, fileName: "Laporan.pdf", mimetype: "application/pdf", caption: "Dokumen" }],
    sticker: [FILE, { sticker: FILE, mimetype: "image/webp" }],
  };
  for (const [kind, [bytes, content]] of Object.entries(contents)) {
    const id = await client.send(`${BUDI}@s.whatsapp.net`, content);
    const line = await emulator.got(BUDI, ({ message_id }) => message_id === id);
    assert.deepEqual([line.kind, line.text, line.content.sha256], [kind, content.caption ?? "", sha256(bytes)]);
    assert.ok((await emulator.get(`/media?phone=${BUDI}&message_id=${id}`)).equals(bytes), kind);
    if (kind === "voice") await until(() => client.statusOf(id) === 5, "played");
  }
  const { downloadMediaMessage } = await import("baileys");
  const parts = { image: "imageMessage", voice: "audioMessage", document: "documentMessage" };
  for (const [kind, part] of Object.entries(parts)) {
    const data = FILE.toString("base64");
    await emulator.post("/say", { from: BUDI, to: ANNA, kind, data, text: "Ini", file_name: "a.pdf" });
    const heard = await hears(client, part);
    assert.ok((await downloadMediaMessage(heard, "buffer", {})).equals(FILE), kind);
  }
  await emulator.post("/faults", { kind: "media_error", code: 503, count: 1 });
  await assert.rejects(client.send(`${BUDI}@s.whatsapp.net`, contents.document[1]), /upload failed/);
});
