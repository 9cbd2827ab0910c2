import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, sleep, startEmulator, until } from "./clients.mjs";

const [ANNA, BUDI, CITRA] = ["6281110000001", "6281110000002", "6281110000003"];

test("of two connections of one device the older is told that it was replaced", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  const twin = await new Client(t, emulator, { auth: client.auth }).open();
  await until(() => client.closes.includes(440), "440");
  assert.equal(twin.state, "open");
  const [event, ...others] = await emulator.get("/replaced");
  assert.equal(others.length, 0);
  assert.equal(event.phone, `+${ANNA}`);
  assert.equal((await emulator.get("/stats")).replaced, 1);
  assert.equal((await emulator.get("/connections")).length, 1);
});

test("a connection that ended first is not replaced", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  for (let time = 0; time < 3; time++) {
    await client.close();
    await client.open();
  }
  assert.deepEqual(await emulator.get("/replaced"), []);
});

for (const code of [403, 500, 503])
  test(`a connection ends with ${code}`, async (t) => {
    const emulator = await startEmulator(t);
    const client = await new Client(t, emulator).link(ANNA);
    await emulator.post("/disconnect", { phone: ANNA, code });
    await until(() => client.closes.includes(code), String(code));
    await client.open();
  });

test("logins are refused as often as asked", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  await client.close();
  await emulator.post("/faults", { kind: "refuse_login", code: 503, count: 2, phone: ANNA });
  for (const times of [1, 2]) {
    client.connect();
    await until(() => client.closes.filter((code) => code === 503).length === times, "503");
  }
  await client.open();
});

test("a banned number is thrown out and refused with 403 until it is forgiven", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  await emulator.post("/ban", { phone: ANNA });
  await until(() => client.closes.includes(403), "403");
  client.connect();
  await until(() => client.closes.filter((code) => code === 403).length === 2, "403 again");
  await emulator.post("/ban", { phone: ANNA, lift: true });
  await client.open();
});

test("messages are refused with the code that was asked for, first contacts only", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  await emulator.post("/say", { from: BUDI, to: ANNA, text: "Halo" });
  await client.hears("Halo");
  await emulator.post("/faults", { kind: "ack_error", code: 463, first_contacts: true });
  const known = await client.sendText(BUDI, "Kita kenal");
  assert.equal((await client.ackOf(known)).error, undefined);
  const cold = await client.sendText(CITRA, "Kita belum kenal");
  assert.equal((await client.ackOf(cold)).error, "463");
  await emulator.remove("/faults");
  await emulator.post("/faults", { kind: "ack_error", code: 475, count: 1 });
  assert.equal((await client.ackOf(await client.sendText(BUDI, "Satu"))).error, "475");
  assert.equal((await client.ackOf(await client.sendText(BUDI, "Dua"))).error, undefined);
  assert.deepEqual(
    (await emulator.inbox()).map(({ text }) => text),
    ["Kita kenal", "Dua"],
  );
});

test("an account that may not start chats can ask until when", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  await emulator.post("/timelock", { phone: ANNA, seconds: 3600 });
  assert.equal((await client.ackOf(await client.sendText(BUDI, "Halo"))).error, "463");
  const { isActive, timeEnforcementEnds } = await client.socket.fetchAccountReachoutTimelock();
  assert.equal(isActive, true);
  assert.ok(Math.abs(timeEnforcementEnds - Date.now() - 3600e3) < 10e3);
});

test("acknowledgements are lost, late, or cut off; the message is taken", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  await emulator.post("/faults", { kind: "lose_ack", count: 1 });
  const lost = await client.sendText(BUDI, "Tanpa jawaban");
  await until(() => client.statusOf(lost) === 4, "read, though never acknowledged");
  assert.equal(client.acks.length, 0);

  await emulator.post("/faults", { kind: "delay_ack", ms: 300, count: 1 });
  const before = Date.now();
  await client.ackOf(await client.sendText(BUDI, "Terlambat"));
  assert.ok(Date.now() - before >= 290);

  await emulator.post("/faults", { kind: "drop_after", count: 1 });
  const cut = await client.sendText(BUDI, "Terputus");
  await until(() => client.state === "close", "the end");
  assert.equal(
    client.acks.some(({ id }) => id === cut),
    false,
  );
  await client.open();
  assert.equal(await client.sendText(BUDI, "Terputus", { messageId: cut }), cut);
  await client.ackOf(cut);
  const line = await until(async () =>
    (await emulator.inbox(BUDI)).find(({ message_id: id, repeats }) => id === cut && repeats),
  );
  assert.equal(line.repeats, 1);
});

test("a connection is cut as a message arrives, which is lost", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  await emulator.post("/faults", { kind: "drop_before", count: 1 });
  const id = await client.sendText(BUDI, "Hilang");
  await until(() => client.state === "close", "the end");
  assert.deepEqual(await emulator.inbox(), []);
  await client.open();
  await client.sendText(BUDI, "Hilang", { messageId: id });
  const line = await until(async () => (await emulator.inbox(BUDI))[0]);
  assert.deepEqual([line.message_id, line.repeats], [id, 0]);
});

test("a silent server answers nothing until it is told to", async (t) => {
  const emulator = await startEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  const { id } = await emulator.post("/faults", { kind: "silence", phone: ANNA });
  const sending = client.sendText(BUDI, "Halo?").catch(() => null);
  await sleep(300);
  assert.deepEqual(await emulator.inbox(), []);
  await emulator.remove(`/faults?id=${id}`);
  await emulator.post("/disconnect", { phone: ANNA });
  await sending;
  await client.open();
});

for (const what of ["bad_jid", "bad_ciphertext", "no_id", "empty"])
  test(`a client survives ${what}`, async (t) => {
    const emulator = await startEmulator(t);
    const client = await new Client(t, emulator).link(ANNA);
    await emulator.post("/malformed", { phone: ANNA, what });
    await client.ackOf(await client.sendText(BUDI, "Masih di sini"));
    assert.equal(client.state, "open");
  });

for (const what of ["bad_mac", "garbage"])
  test(`a client without a guard throws on ${what}`, async (t) => {
    const emulator = await startEmulator(t);
    const client = await new Client(t, emulator).link(ANNA);
    const thrown = [];
    const runners = process.listeners("unhandledRejection"); // the test runner's, which would call it a failure
    process.removeAllListeners("unhandledRejection");
    process.on("unhandledRejection", (error) => thrown.push(error));
    try {
      await emulator.post("/malformed", { phone: ANNA, what });
      await until(() => thrown.length, "something that nobody caught");
      await client.close();
    } finally {
      process.removeAllListeners("unhandledRejection");
      for (const listener of runners) process.on("unhandledRejection", listener);
    }
    await client.open();
  });

test("there is no such fault", async (t) => {
  const emulator = await startEmulator(t);
  await assert.rejects(emulator.post("/faults", { kind: "rain" }), /none of ack_error/);
  await assert.rejects(emulator.get("/weather"), { status: 404 });
});
