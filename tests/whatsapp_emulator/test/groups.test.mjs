import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, startEmulator, until } from "./clients.mjs";

const [ANNA, BUDI, CITRA, DEWI] = ["6281110000001", "6281110000002", "6281110000003", "6281110000004"];
const jid = (phone) => `${phone}@s.whatsapp.net`;

for (const lid of [true, false])
  test(`a group addressed by ${lid ? "LID" : "number"}`, async (t) => {
    const emulator = await startEmulator(t);
    await emulator.post("/behaviour", { lid_groups: lid });
    const [anna, budi] = [await new Client(t, emulator).link(ANNA), await new Client(t, emulator).link(BUDI)];
    const { id, addressingMode, participants } = await anna.socket.groupCreate("Keluarga", [jid(BUDI), jid(CITRA)]);
    assert.equal(addressingMode, lid ? "lid" : "pn");
    assert.equal(participants.length, 3);
    assert.ok(participants.every((each) => each.id.endsWith(lid ? "@lid" : "@s.whatsapp.net")));

    const sent = await anna.sendText(id, "Halo semua");
    const heard = await budi.hears("Halo semua");
    assert.equal(heard.key.remoteJid, id);
    const line = await emulator.got(CITRA, ({ text }) => text === "Halo semua");
    assert.deepEqual([line.group, line.from], [id, `+${ANNA}`]);
    await until(
      () => anna.receipts.some(({ key, receipt }) => key.id === sent && receipt.readTimestamp),
      "read by somebody",
    );

    await budi.sendText(id, "Hai");
    await anna.hears("Hai");
    await anna.sendText(id, "Lagi");
    await emulator.got(CITRA, ({ text }) => text === "Lagi");

    await emulator.post("/say", { from: CITRA, group: id, text: "Dari Citra" });
    const [first, second] = await Promise.all([anna.hears("Dari Citra"), budi.hears("Dari Citra")]);
    assert.equal(first.key.participant.endsWith(lid ? "@lid" : "@s.whatsapp.net"), true);
    assert.equal(second.key.remoteJid, id);
    await emulator.post("/say", { from: CITRA, group: id, text: "Lagi dari Citra" });
    await anna.hears("Lagi dari Citra");
    assert.equal((await emulator.get("/stats")).unreadable, 0);
  });

test("members come and go", async (t) => {
  const emulator = await startEmulator(t);
  const anna = await new Client(t, emulator).link(ANNA);
  const { id } = await anna.socket.groupCreate("Kerja", [jid(BUDI)]);
  const [added] = await anna.socket.groupParticipantsUpdate(id, [jid(DEWI)], "add");
  assert.equal(added.status, "200");
  const [unknown] = await anna.socket.groupParticipantsUpdate(id, ["6281110000000@s.whatsapp.net"], "add");
  assert.equal(unknown.status, "404");
  await anna.sendText(id, "Selamat datang");
  await emulator.got(DEWI, ({ text }) => text === "Selamat datang");
  await anna.socket.groupParticipantsUpdate(id, [jid(BUDI)], "remove");
  await anna.socket.groupParticipantsUpdate(id, [jid(DEWI)], "promote");
  await anna.socket.groupUpdateSubject(id, "Kerja baru");
  await anna.socket.groupUpdateDescription(id, "Hanya kerja");
  const group = await anna.socket.groupMetadata(id);
  assert.deepEqual([group.subject, group.desc], ["Kerja baru", "Hanya kerja"]);
  const admins = group.participants.map(({ phoneNumber, admin }) => [phoneNumber, admin]);
  assert.deepEqual(Object.fromEntries(admins), { [jid(ANNA)]: "superadmin", [jid(DEWI)]: "admin" });
  await anna.sendText(id, "Tanpa Budi");
  await emulator.got(DEWI, ({ text }) => text === "Tanpa Budi");
  assert.equal(
    (await emulator.inbox(BUDI)).some(({ text }) => text === "Tanpa Budi"),
    false,
  );
  assert.deepEqual(Object.keys(await anna.socket.groupFetchAllParticipating()), [id]);
  await anna.socket.groupLeave(id);
  assert.deepEqual(await anna.socket.groupFetchAllParticipating(), {});
  await assert.rejects(anna.socket.groupMetadata(id), /forbidden/);
});

test("a person makes a group with a linked account", async (t) => {
  const emulator = await startEmulator(t);
  const anna = await new Client(t, emulator).link(ANNA);
  const made = await emulator.post("/groups", { subject: "Arisan", owner: BUDI, members: [ANNA, CITRA] });
  assert.deepEqual(made.members.sort(), [`+${ANNA}`, `+${BUDI}`, `+${CITRA}`]);
  await until(async () => Object.keys(await anna.socket.groupFetchAllParticipating()).includes(made.group));
  await emulator.post("/say", {
    from: BUDI,
    group: made.group,
    kind: "poll",
    question: "Kapan?",
    options: ["Satu", "Dua"],
  });
  await until(() => anna.received.some(({ message }) => message?.pollCreationMessageV3), "a poll");
  await assert.rejects(emulator.post("/say", { from: DEWI, group: made.group, text: "Boleh?" }), { status: 404 });
});

test("a member's phone that cannot read a message asks for it again", async (t) => {
  const emulator = await startEmulator(t);
  const anna = await new Client(t, emulator).link(ANNA);
  const { id } = await anna.socket.groupCreate("Kerja", [jid(BUDI), jid(CITRA)]);
  await emulator.post("/faults", { kind: "phone_cannot_decrypt", phone: CITRA, count: 1 });
  await anna.sendText(id, "Semua baca");
  for (const phone of [BUDI, CITRA]) await emulator.got(phone, ({ text }) => text === "Semua baca");
  assert.equal((await emulator.inbox(CITRA)).length, 1);
  assert.equal((await emulator.get("/stats")).retries_asked, 1);
});

test("a companion that lost its keys gets a group's message again", async (t) => {
  const emulator = await startEmulator(t);
  const anna = await new Client(t, emulator).link(ANNA);
  const { group } = await emulator.post("/groups", { subject: "Arisan", owner: BUDI, members: [ANNA] });
  await emulator.post("/say", { from: BUDI, group, text: "satu" });
  await anna.hears("satu");
  await anna.close();
  anna.auth.rows.session = {};
  anna.auth.rows["sender-key"] = {};
  await anna.open();
  await emulator.post("/say", { from: BUDI, group, text: "dua" });
  await anna.hears("dua");
  await emulator.post("/say", { from: BUDI, group, text: "tiga" });
  await anna.hears("tiga");
});
