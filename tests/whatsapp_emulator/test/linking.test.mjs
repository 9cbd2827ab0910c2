import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, startEmulator, until } from "./clients.mjs";

const [ANNA, BUDI] = ["6281110000001", "6281110000002"];

test("a client is linked by its QR code, restarts with 515 and logs in again", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  assert.deepEqual(client.closes, [515]);
  assert.equal(client.socket.user.id, `${ANNA}:1@s.whatsapp.net`);
  assert.equal(client.linked.phone, `+${ANNA}`);
  await client.close();
  await client.open();
  assert.equal((await emulator.get("/stats")).logins, 2);
});

test("texts go both ways, encrypted, with receipts", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  const id = await client.sendText(BUDI, "Halo Budi", { messageId: "3EB0AABBCCDDEEFF0011" });
  assert.equal(id, "3EB0AABBCCDDEEFF0011");
  const [line] = await until(async () => {
    const inbox = await emulator.inbox(BUDI);
    return inbox.length && inbox;
  });
  assert.deepEqual(
    {
      phone: line.phone,
      from: line.from,
      message_id: line.message_id,
      text: line.text,
      kind: line.kind,
      repeats: line.repeats,
    },
    { phone: `+${BUDI}`, from: `+${ANNA}`, message_id: id, text: "Halo Budi", kind: "text", repeats: 0 },
  );
  await client.ackOf(id);
  await until(() => client.statusOf(id) === 4, "read");
  await emulator.post("/say", { from: BUDI, to: ANNA, text: "Halo Anna" });
  const heard = await client.hears("Halo Anna");
  assert.equal(heard.key.remoteJidAlt, `${BUDI}@s.whatsapp.net`);
  assert.match(heard.key.remoteJid, /^\d+@lid$/);
  await client.sendText(heard.key.remoteJid, "Apa kabar?");
  await until(async () => (await emulator.inbox(BUDI)).some(({ text }) => text === "Apa kabar?"));
  assert.equal((await emulator.get("/stats")).unreadable, 0);
});
