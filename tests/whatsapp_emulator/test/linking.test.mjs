import assert from "node:assert/strict";
import { test } from "node:test";
import { WA_CERT_DETAILS } from "baileys";
import { Client, newAuth, startEmulator, until } from "./clients.mjs";

const ANNA = "6281110000001";

test("a client is linked by its QR code, restarts with 515 and logs in again", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  assert.deepEqual(client.closes, [515]);
  assert.equal(client.socket.user.id, `${ANNA}:1@s.whatsapp.net`);
  assert.equal(client.linked.phone, `+${ANNA}`);
  await client.close();
  await client.open();
  assert.equal((await emulator.get("/stats")).logins, 2);
  const [account] = await emulator.get("/accounts");
  assert.equal(account.devices[0].prekeys, 811); // 812, of which its own phone took one
});

test("a client is linked by a pairing code", async (t) => {
  const emulator = await startEmulator(t);
  const client = new Client(t, emulator).connect();
  await until(() => client.qrs.length, "a QR code");
  const code = await client.socket.requestPairingCode(ANNA);
  const linked = await until(() => emulator.post("/pair", { code, phone: ANNA }).catch(() => null));
  assert.equal(linked.device, 1);
  await client.isOpen();
  await client.sendText("6281110000002", "Halo");
  await until(async () => (await emulator.inbox("6281110000002")).length === 1);
});

test("a wrong pairing code is refused", async (t) => {
  const emulator = await startEmulator(t);
  const client = new Client(t, emulator).connect();
  await until(() => client.qrs.length, "a QR code");
  await client.socket.requestPairingCode(ANNA, "ABCD1234");
  await assert.rejects(emulator.post("/pair", { code: "ABCD9999", phone: "6281110000009" }), /no client waits/);
  await assert.rejects(emulator.post("/pair", { code: "ABCD9999", phone: ANNA }), /not the one/);
  assert.deepEqual(await emulator.get("/accounts"), []);
});

test("a QR code is refused when its keys are not those of the client that shows it", async (t) => {
  const emulator = await startEmulator(t);
  const client = new Client(t, emulator).connect();
  const qr = await until(() => client.qrs.at(-1), "a QR code");
  const parts = qr.split(",");
  parts[2] = parts[1];
  await assert.rejects(emulator.post("/scan", { qr: parts.join(","), phone: ANNA }), /same identity/);
  await assert.rejects(emulator.post("/scan", { qr, phone: "6281110000000" }), /not on WhatsApp/);
  await client.close();
  await until(async () => (await emulator.get("/connections")).length === 0);
  await assert.rejects(emulator.post("/scan", { qr, phone: ANNA }), { status: 404 });
});

test("an account may have several companions", async (t) => {
  const emulator = await startEmulator(t);
  const first = await new Client(t, emulator).link(ANNA);
  const second = await new Client(t, emulator).link(ANNA);
  assert.equal(second.linked.device, 2);
  const id = await first.sendText("6281110000002", "Halo dari yang pertama");
  const copy = await second.hears("Halo dari yang pertama");
  assert.equal(copy.key.fromMe, true);
  assert.equal(copy.key.id, id);
  await emulator.post("/say", { from: "6281110000002", to: ANNA, text: "Halo kalian" });
  await Promise.all([first.hears("Halo kalian"), second.hears("Halo kalian")]);
});

test("the phone logs its companion out with 401, for good", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  await emulator.post("/logout", { phone: `+${ANNA}` });
  await until(() => client.closes.includes(401), "401");
  client.connect();
  await until(() => client.closes.filter((code) => code === 401).length === 2, "401 again");
  assert.deepEqual(await emulator.get("/accounts"), []);
});

test("a client logs itself out", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  await client.socket.logout();
  await until(async () => (await emulator.get("/accounts")).length === 0);
});

test("a client with other keys than those that were linked is refused", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  const thief = newAuth();
  thief.creds.me = client.auth.creds.me;
  const other = new Client(t, emulator, { auth: thief }).connect();
  await until(() => other.closes.includes(401), "401");
  assert.equal(client.state, "open");
});

test("a server with another root key is refused by the client", async (t) => {
  const emulator = await startEmulator(t);
  await emulator.post("/faults", { kind: "wrong_root", count: 1 });
  const client = new Client(t, emulator).connect();
  await until(() => client.closes.length, "a refusal");
  assert.match(client.error.message, /certificate signature invalid/);
  await new Client(t, emulator).link(ANNA);
  WA_CERT_DETAILS.PUBLIC_KEY = Buffer.alloc(32, 9);
  const stranger = new Client(t, emulator).connect();
  await until(() => stranger.closes.length, "a refusal");
  assert.equal(stranger.qrs.length, 0);
});
