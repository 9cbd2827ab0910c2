/** The HTTP interface for tests and for people: JSON in, JSON out, described in README.md. */
import { digitsOf, jidOf, plus } from "./addresses.mjs";
import { MALFORMED } from "./malformed.mjs";
import { messageOf } from "./sayings.mjs";

const LARGEST_BODY = 64 * 1024 * 1024;

const bad = (text, status = 400) => Object.assign(new Error(text), { status });

export class Admin {
  constructor(emulator) {
    this.emulator = emulator;
  }

  async answer(request, response) {
    try {
      const url = new URL(request.url, "http://localhost");
      const name = `${request.method} ${url.pathname.replace(/^\/admin/, "")}`;
      const handler = ROUTES[name];
      if (!handler) throw bad(`${name}: there is no such thing; see README.md`, 404);
      const body = await bodyOf(request);
      const answer = await handler(this.emulator, { ...Object.fromEntries(url.searchParams), ...body });
      await this.emulator.state.committed();
      if (answer?.bytes) return respondWithFile(response, answer);
      if (answer?.lines) return respondWithLines(response, answer.lines);
      respond(response, 200, answer ?? { ok: true });
    } catch (error) {
      if (!error.status) this.emulator.log(error.stack);
      respond(response, error.status ?? 500, { error: error.message });
    }
  }
}

function respond(response, status, answer) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(answer)}\n`);
}

function respondWithFile(response, { bytes, type }) {
  response.writeHead(200, { "content-type": type ?? "application/octet-stream" });
  response.end(bytes);
}

function respondWithLines(response, lines) {
  response.writeHead(200, { "content-type": "application/jsonl" });
  let text = "";
  for (const line of lines) {
    text += `${JSON.stringify(line)}\n`;
    if (text.length > 65536) {
      response.write(text);
      text = "";
    }
  }
  response.end(text);
}

async function bodyOf(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > LARGEST_BODY) throw bad("the request is too large", 413);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  try {
    return text ? JSON.parse(text) : {};
  } catch {
    throw bad("the request is not JSON");
  }
}

/** The companions of a number: one by its id, or all. */
function devicesOf(emulator, { phone, device }) {
  const account = emulator.accounts.get(digitsOf(phone));
  const devices = [...(account?.devices.values() ?? [])].filter(
    ({ id }) => device === undefined || id === Number(device),
  );
  if (!devices.length) throw bad(`${phone} has no such companion`, 404);
  return devices;
}

function accountOf(emulator, phone, name) {
  const account = emulator.accounts.get(digitsOf(phone, name));
  if (!account) throw bad(`${name}: ${phone} is not on WhatsApp`, 404);
  return account;
}

function accountToChange(emulator, phone) {
  const account = emulator.accounts.toChange(digitsOf(phone));
  if (!account) throw bad(`${phone} is not on WhatsApp`, 404);
  return account;
}

function* inboxOf(emulator, { phone, after, limit }) {
  const { state } = emulator;
  const shown = ([key, row]) => {
    const { media, vote, secret, ...rest } = row;
    return { seq: key.slice("inbox/".length), ...rest, phone: plus(row.phone), from: plus(row.from) };
  };
  const first = after ? `inbox/${after}` : undefined;
  let left = limit ? Number(limit) : Infinity;
  if (!phone) {
    for (const entry of state.entries("inbox/", { after: first, limit: left })) yield shown(entry);
    return;
  }
  const keys = [...state.entries(`seen/${digitsOf(phone)}/`)].map(([, key]) => key).sort();
  for (const key of keys) {
    const row = state.get(key);
    if (!row || (first && key <= first)) continue;
    if (left-- <= 0) return;
    yield shown([key, row]);
  }
}

const shownGroup = (group) => ({
  group: group.jid,
  subject: group.subject,
  owner: plus(group.owner),
  members: group.phones.map(plus),
  lid: group.asLid,
});

const linked = (device) => ({
  phone: plus(device.account.phone),
  device: device.id,
  jid: device.jid,
  lid: device.account.lid,
});

async function say(emulator, { from, to, group: jid, id, ...saying }) {
  const account = accountOf(emulator, from, "from");
  if (jid) {
    const group = emulator.groups.get(jid);
    if (!group || !(account.phone in group.members)) throw bad(`group: ${from} is in no group ${jid}`, 404);
    const context = { account, other: group.owner, chat: group.jid, asLid: group.asLid };
    return emulator.phones.send(account, { group }, messageOf(emulator, saying, context), { id });
  }
  const other = accountOf(emulator, to, "to");
  if (!other.isLinked && !account.isLinked) throw bad(`to: no companion is linked to ${to}`, 404);
  const asLid = emulator.behaviourOf(account.phone).lid_chats;
  const context = { account, other: other.phone, chat: jidOf(other.phone, 0, asLid), asLid };
  return emulator.phones.send(account, { to: other }, messageOf(emulator, saying, context), { id, asLid });
}

const ROUTES = {
  "POST /scan": async (emulator, { qr, phone }) => linked(await emulator.pairing.scan(qr, digitsOf(phone))),
  "POST /pair": async (emulator, { code, phone }) => linked(await emulator.pairing.enter(code, digitsOf(phone))),

  "POST /say": say,
  "POST /type": (emulator, { from, to, state = "composing" }) => {
    const [account, other] = [accountOf(emulator, from, "from"), accountOf(emulator, to, "to")];
    emulator.phones.type(account, other, state);
  },
  "GET /said": (emulator, { phone, message_id: id }) => {
    const said = emulator.state.get(`said/${digitsOf(phone)}/${id}`);
    if (!said) throw bad(`${phone} said nothing under ${id}`, 404);
    return { receipts: said.receipts };
  },
  "GET /media": (emulator, { phone, message_id: id }) => {
    for (const [, key] of emulator.state.entries(`seen/${digitsOf(phone)}/`)) {
      const row = emulator.state.get(key);
      if (row?.message_id === id && row.media)
        return { bytes: emulator.media.open(row.kind, row.media), type: row.content.mime_type };
    }
    throw bad(`${phone} got no file with ${id}`, 404);
  },

  "GET /inbox": (emulator, query) => ({ lines: inboxOf(emulator, query) }),
  "DELETE /inbox": (emulator) => {
    for (const prefix of ["inbox/", "seen/"]) emulator.state.clear(prefix);
  },

  "POST /logout": (emulator, { phone, device }) => {
    for (const each of devicesOf(emulator, { phone, device })) emulator.unlink(each);
  },
  "POST /disconnect": (emulator, { phone, device, code }) => {
    for (const each of devicesOf(emulator, { phone, device }))
      if (code) each.connection?.endWithCode(Number(code));
      else each.connection?.cut();
  },
  "POST /ban": (emulator, { phone, lift = false }) => emulator.ban(accountToChange(emulator, phone), !lift),
  "POST /timelock": (emulator, { phone, seconds }) => emulator.limit(accountToChange(emulator, phone), Number(seconds)),
  "POST /malformed": (emulator, { phone, device, what }) => {
    if (!MALFORMED[what]) throw bad(`what: ${what} is none of ${Object.keys(MALFORMED).join(", ")}`);
    for (const { connection } of devicesOf(emulator, { phone, device })) if (connection) MALFORMED[what](connection);
  },

  "GET /faults": (emulator) => emulator.faults.list,
  "POST /faults": (emulator, rule) => emulator.faults.add(rule),
  "DELETE /faults": (emulator, { id }) => emulator.faults.remove(id),

  "GET /behaviour": (emulator, { phone }) => (phone ? emulator.behaviourOf(digitsOf(phone)) : emulator.behaviour),
  "POST /behaviour": (emulator, { phone, ...changes }) => {
    const key = phone ? `behaviour/${digitsOf(phone)}` : "behaviour";
    emulator.state.set(key, { ...emulator.state.get(key), ...changes });
    return phone ? emulator.behaviourOf(digitsOf(phone)) : emulator.behaviour;
  },

  "GET /stats": (emulator) => {
    const { rss, heapUsed } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    return {
      ...emulator.statistics,
      connections: [...emulator.connections].filter(({ device }) => device).length,
      replaced: [...emulator.state.entries("replaced/")].length,
      memory_bytes: rss,
      heap_bytes: heapUsed,
      cpu_seconds: (user + system) / 1e6,
      uptime_seconds: process.uptime(),
    };
  },
  "GET /connections": (emulator) =>
    [...emulator.connections].map(({ id, since, device, active }) => ({
      id,
      since,
      active,
      ...(device ? linked(device) : { phone: null, device: null }),
    })),
  "GET /replaced": (emulator) => [...emulator.state.entries("replaced/")].map(([, event]) => event),
  "GET /accounts": (emulator) =>
    emulator.accounts.linked.map((account) => ({
      phone: plus(account.phone),
      lid: account.lid,
      banned: account.banned,
      devices: [...account.devices.values()].map((device) => ({
        device: device.id,
        platform: device.platform,
        linked_at: device.linkedAt,
        connected: Boolean(device.connection),
        waiting: device.queue.length,
        prekeys: device.preKeyCount,
      })),
    })),
  "GET /typing": (emulator) => emulator.phones.typing,

  "GET /groups": (emulator) => emulator.groups.all.map(shownGroup),
  "POST /groups": (emulator, { subject, owner, members, lid = emulator.behaviour.lid_groups }) => {
    const account = accountOf(emulator, owner, "owner");
    const phones = members.map((each) => digitsOf(each, "members"));
    return shownGroup(emulator.groups.create(account.phone, { subject, phones, asLid: lid }));
  },
};
