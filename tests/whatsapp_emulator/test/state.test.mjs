import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { Client, spawnEmulator, until } from "./clients.mjs";

const [ANNA, BUDI] = ["6281110000001", "6281110000002"];

for (const signal of ["SIGTERM", "SIGKILL"])
  test(`everything is where it was after ${signal}`, async (t) => {
    const emulator = await spawnEmulator(t);
    const client = await new Client(t, emulator).link(ANNA);
    const { root_key: root, websocket_url: url } = emulator;
    await emulator.post("/behaviour", { delivered_ms: 500, read_ms: 100 });
    const id = await client.sendText(BUDI, "Sebelum");
    await client.ackOf(id);
    await emulator.end(signal); // with both receipts still to come
    await until(() => client.state === "close", "the end");
    await emulator.start();
    assert.deepEqual([emulator.root_key, emulator.websocket_url], [root, url]);
    assert.deepEqual(
      (await emulator.inbox()).map(({ text }) => text),
      ["Sebelum"],
    );
    await emulator.post("/say", { from: BUDI, to: ANNA, text: "Selama pergi" });
    await client.open();
    await client.hears("Selama pergi");
    await until(() => client.statusOf(id) === 4, "read");
    await client.sendText(BUDI, "Sesudah");
    await emulator.got(BUDI, ({ text }) => text === "Sesudah");
    const stats = await emulator.get("/stats");
    assert.deepEqual([stats.unreadable, stats.retries_asked], [0, 0]);
  });

test("it listens elsewhere when its port was taken meanwhile", async (t) => {
  const emulator = await spawnEmulator(t);
  const { port } = new URL(emulator.admin_url);
  await emulator.end("SIGTERM");
  const other = net.createServer().listen(Number(port), "127.0.0.1");
  t.after(() => other.close());
  await once(other, "listening");
  await emulator.start();
  assert.notEqual(new URL(emulator.admin_url).port, port);
  assert.deepEqual(await emulator.inbox(), []);
});

test("nothing that was acknowledged is lost, whenever it is killed", async (t) => {
  const emulator = await spawnEmulator(t);
  const client = await new Client(t, emulator).link(ANNA);
  const acknowledged = new Set();
  for (let time = 0; time < 5; time++) {
    const sent = Array.from({ length: 30 }, (_, index) =>
      client
        .sendText(BUDI, `${time}-${index}`)
        .then((id) => client.ackOf(id))
        .then(({ id }) => acknowledged.add(id)),
    );
    const all = Promise.allSettled(sent);
    await until(() => acknowledged.size > time * 5 + 3, "some acknowledgements");
    await emulator.end("SIGKILL");
    await until(() => client.state === "close", "the end");
    await emulator.start();
    await client.open();
    client.acks.length = 0;
    void all;
  }
  const got = new Set((await emulator.inbox(BUDI)).map(({ message_id: id }) => id));
  assert.ok(acknowledged.size > 20);
  assert.deepEqual(
    [...acknowledged].filter((id) => !got.has(id)),
    [],
  );
});
