import assert from "node:assert/strict";
import { test } from "node:test";
import { jidNormalizedUser } from "baileys";
import { Client, sleep, startEmulator, until } from "./clients.mjs";

const [ANNA, BUDI, CITRA] = ["6281110000001", "6281110000002", "6281110000003"];

test("texts go both ways, encrypted, with receipts", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  const id = await client.sendText(BUDI, "Halo Budi", { messageId: "3EB0AABBCCDDEEFF0011" });
  assert.equal(id, "3EB0AABBCCDDEEFF0011");
  const { seq, at, ...line } = await emulator.got(BUDI, () => true);
  assert.deepEqual(line, {
    phone: `+${BUDI}`,
    from: `+${ANNA}`,
    message_id: id,
    text: "Halo Budi",
    kind: "text",
    content: {},
    repeats: 0,
  });
  await client.ackOf(id);
  await until(() => client.statusOf(id) === 4, "read");
  const { message_id: said } = await emulator.post("/say", { from: BUDI, to: ANNA, text: "Halo Anna" });
  const heard = await client.hears("Halo Anna");
  assert.equal(heard.pushName, `Phone +${BUDI}`);
  await client.socket.readMessages([heard.key]);
  await until(async () => (await emulator.get(`/said?phone=${BUDI}&message_id=${said}`)).receipts[`${ANNA}.1`]?.read);
  await client.sendText(heard.key.remoteJid, "Apa kabar?");
  await emulator.got(BUDI, ({ text }) => text === "Apa kabar?");
  assert.equal((await emulator.get("/stats")).unreadable, 0);
});

test("people write from their LID with the number beside it, or from their number", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  await emulator.post("/say", { from: BUDI, to: ANNA, text: "dari LID" });
  const byLid = await client.hears("dari LID");
  assert.match(byLid.key.remoteJid, /^\d+@lid$/);
  assert.equal(jidNormalizedUser(byLid.key.remoteJidAlt), `${BUDI}@s.whatsapp.net`);
  await emulator.post("/behaviour", { phone: CITRA, lid_chats: false });
  await emulator.post("/say", { from: CITRA, to: ANNA, text: "dari nomor" });
  const byNumber = await client.hears("dari nomor");
  assert.equal(byNumber.key.remoteJid, `${CITRA}@s.whatsapp.net`);
  assert.match(byNumber.key.remoteJidAlt, /^\d+@lid$/);
  const { lidMapping } = client.socket.signalRepository;
  assert.equal(jidNormalizedUser(await lidMapping.getPNForLID(byLid.key.remoteJid)), `${BUDI}@s.whatsapp.net`);
  assert.equal(await lidMapping.getLIDForPN(`${BUDI}@s.whatsapp.net`), byLid.key.remoteJid);
});

test("numbers are checked", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  const answers = await client.socket.onWhatsApp(`+${BUDI}`, "+6281110000000");
  assert.deepEqual(answers, [{ jid: `${BUDI}@s.whatsapp.net`, exists: true }]);
  assert.equal((await emulator.get("/stats")).checked_numbers, 2);
});

test("two linked accounts write to each other", async (t) => {
  const emulator = await startEmulator(t);
  const [anna, budi] = [await new Client(t, emulator).link(ANNA), await new Client(t, emulator).link(BUDI)];
  const id = await anna.sendText(BUDI, "Antar klien");
  const heard = await budi.hears("Antar klien");
  await budi.socket.readMessages([heard.key]);
  await until(() => anna.statusOf(id) === 4, "read");
  await budi.sendText(heard.key.remoteJid, "Balas");
  await anna.hears("Balas");
});

test("a phone drops a repeated id and counts it", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  for (let time = 0; time < 3; time++)
    await client.sendText(BUDI, "Sekali saja", { messageId: "3EB0000000000000000001" });
  const line = await emulator.got(BUDI, ({ repeats }) => repeats === 2);
  assert.equal(line.text, "Sekali saja");
  assert.equal((await emulator.inbox(BUDI)).length, 1);
});

test("what comes while a client is away waits for it, also when it leaves before it acknowledged", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  await emulator.post("/behaviour", { delivered_ms: 200 });
  const id = await client.sendText(BUDI, "Sebelum pergi");
  await client.ackOf(id);
  await client.close();
  for (const text of ["satu", "dua", "tiga"]) await emulator.post("/say", { from: BUDI, to: ANNA, text });
  await sleep(500);
  const [account] = await emulator.get("/accounts");
  assert.equal(account.devices[0].waiting, 5); // three texts, a receipt each for delivered and read
  await client.open();
  for (const text of ["satu", "dua", "tiga"]) await client.hears(text);
  await until(() => client.statusOf(id) === 4, "read");
  await until(async () => (await emulator.get("/accounts"))[0].devices[0].waiting === 0, "an empty queue");
  assert.deepEqual(client.received.map((message) => client.textOf(message)).filter(Boolean), ["satu", "dua", "tiga"]);
});

test("a phone that cannot read a message asks for it again", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  await emulator.post("/faults", { kind: "phone_cannot_decrypt", phone: BUDI, count: 1 });
  const id = await client.sendText(BUDI, "Tidak terbaca");
  const line = await emulator.got(BUDI, ({ message_id }) => message_id === id);
  assert.deepEqual([line.text, line.repeats], ["Tidak terbaca", 0]);
  await until(() => client.statusOf(id) === 4, "read");
  assert.equal((await emulator.get("/stats")).retries_asked, 1);
});

test("a ratchet that was rolled back heals", async (t) => {
  const emulator = await startEmulator(t);
  // A client that has just connected starts new sessions by itself, unless it still knows everybody's devices.
  const options = { userDevicesCache: rememberedDevices() };
  const client = await new Client(t, emulator, { options }).link(ANNA);
  await emulator.post("/say", { from: BUDI, to: ANNA, text: "Halo" });
  const { key } = await client.hears("Halo");
  await client.ackOf(await client.sendText(key.remoteJid, "nol"));
  const before = structuredClone(client.auth.rows.session);
  for (const text of ["satu", "dua"]) await client.ackOf(await client.sendText(key.remoteJid, text));
  await client.close();
  client.auth.rows.session = before;
  await client.open();
  const ids = [];
  for (const text of ["tiga", "empat", "lima"]) ids.push(await client.sendText(key.remoteJid, text));
  for (const id of ids) await until(() => client.statusOf(id) === 4, "read");
  const texts = (await emulator.inbox(BUDI)).map(({ text }) => text);
  assert.deepEqual([...texts].sort(), ["nol", "satu", "dua", "tiga", "empat", "lima"].sort());
  assert.ok((await emulator.get("/stats")).retries_asked > 0);
});

function rememberedDevices() {
  const devices = new Map();
  return {
    get: (user) => devices.get(user),
    set: (user, value) => devices.set(user, value),
    del: (user) => devices.delete(user),
  };
}

test("a companion that cannot read a message gets it again", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  await emulator.post("/say", { from: BUDI, to: ANNA, text: "pertama" });
  const { key } = await client.hears("pertama");
  await client.sendText(key.remoteJid, "jawaban");
  await emulator.got(BUDI, ({ text }) => text === "jawaban");
  client.auth.rows.session = {}; // it lost its sessions
  client.auth.rows["pre-key"] = client.auth.rows["pre-key"] ?? {};
  await client.close();
  await client.open();
  await emulator.post("/say", { from: BUDI, to: ANNA, text: "kedua" });
  await client.hears("kedua");
  assert.ok((await emulator.get("/stats")).retries_answered > 0);
});

test("a client whose one-time keys run out is asked for more", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  const device = emulator.emulator.accounts.get(ANNA).devices.get(1);
  while (device.preKeyCount > 5) device.takePreKey();
  const taken = device.takePreKey();
  assert.deepEqual([taken.id.length, taken.value.length], [3, 32]);
  await emulator.post("/say", { from: BUDI, to: ANNA, text: "dengan kunci terakhir" });
  await client.hears("dengan kunci terakhir");
  await until(() => device.preKeyCount > 5, "more keys");
  while (device.preKeyCount) device.takePreKey();
  await emulator.post("/say", { from: CITRA, to: ANNA, text: "tanpa kunci" });
  await client.hears("tanpa kunci");
});

test("typing is seen on both sides", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  await client.socket.sendPresenceUpdate("composing", `${BUDI}@s.whatsapp.net`);
  const [typing] = await until(async () => {
    const seen = await emulator.get("/typing");
    return seen.length && seen;
  });
  assert.deepEqual([typing.phone, typing.from, typing.state], [`+${BUDI}`, `+${ANNA}`, "composing"]);
  await emulator.post("/type", { from: BUDI, to: ANNA, state: "recording" });
  const update = await until(() => client.typing.at(-1), "typing");
  assert.equal(Object.values(update.presences)[0].lastKnownPresence, "recording");
});

test("what the phone itself sends reaches its companions as their own", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  await emulator.post("/say", { from: ANNA, to: BUDI, text: "Dari ponsel" });
  const copy = await client.hears("Dari ponsel");
  assert.equal(copy.key.fromMe, true);
  const line = await emulator.got(BUDI, ({ text }) => text === "Dari ponsel");
  assert.equal(line.from, `+${ANNA}`);
});

test("phones behave as they are told", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  await emulator.post("/behaviour", { phone: BUDI, read_ms: null });
  await emulator.post("/behaviour", { phone: CITRA, delivered_ms: null });
  const [unread, undelivered] = [await client.sendText(BUDI, "a"), await client.sendText(CITRA, "b")];
  await until(() => client.statusOf(unread) === 3, "delivered");
  await sleep(400);
  assert.equal(client.statusOf(unread), 3);
  assert.ok(client.statusOf(undelivered) < 3);
});

test("settings are shared among companions", async (t) => {
  const emulator = await startEmulator(t);
  const [first, second] = [await new Client(t, emulator).link(ANNA), await new Client(t, emulator).link(ANNA)];
  const jid = `${BUDI}@s.whatsapp.net`;
  const changes = [];
  second.socket.ev.on("chats.update", (chats) => changes.push(...chats));
  await until(() => first.auth.creds.myAppStateKeyId && second.auth.creds.myAppStateKeyId, "the key of the settings");
  await first.socket.chatModify({ pin: true }, jid);
  await until(() => changes.some(({ id, pinned }) => id === jid && pinned), "the pinned chat");
});
