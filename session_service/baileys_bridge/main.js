import "./silence.js";

import { createRequire } from "node:module";
import { BoundedCache, BoundedMap } from "./bounded.js";
import { Channel } from "./channel.js";
import { textOfError } from "./errors.js";
import { guard } from "./guard.js";
import { harden } from "./hardening.js";
import { Session } from "./session.js";

const PROTOCOL = 1;
const REMEMBERED = 20_000; // acknowledged ids, of all sessions together
const SENDERS = 1_000; // whose counters of retries are kept
const RETRIES = 200; // messages of each, for an hour

const sessions = new Map();
const acknowledged = new BoundedMap(REMEMBERED);
const retries = new BoundedMap(SENDERS);
let full = false;
let settings;

const channel = new Channel(process.stdin, process.stdout, {
  onLine: obey,
  onFull: (now) => {
    full = now;
    for (const session of sessions.values()) session.regulate();
  },
  // The worker is gone: whoever takes its senders over must find their connections closed.
  onEnd: () => process.exit(0),
});

guard((error) => channel.tell({ event: "trouble", text: textOfError(error) }));
channel.tell({
  event: "hello",
  protocol: PROTOCOL,
  baileys: createRequire(import.meta.url)("baileys/package.json").version,
  pid: process.pid,
});

const orders = {
  hello(order) {
    if (order.protocol !== PROTOCOL)
      throw new Error(`The worker speaks protocol ${order.protocol}, this is ${PROTOCOL}.`);
    harden(order.root_key);
    settings = {
      ...order,
      isFull: () => full,
      retriesOf,
      noteAcknowledged: (sender, id) => acknowledged.set(`${sender}/${id}`, true),
      forget: (session) => sessions.delete(session.number),
    };
  },
  open(order) {
    const session = new Session(order, channel, settings);
    session.open();
    sessions.set(session.number, session);
  },
  send: ({ messages }, session) => session.outbox.send(messages),
  typing: (order, session) => session.outbox.typing(order),
  log_out: (order, session) => session.logOut(),
  close: (order, session) => session.close(),
  acknowledged: ({ ids }, session) => ids.filter((id) => acknowledged.has(`${session.sender}/${id}`)),
  check_numbers: (order, session) => session.checkNumbers(order),
  limit: (order, session) => session.limit(),
  groups: (order, session) => session.groups.list(),
  create_group: (order, session) => session.groups.create(order),
  group_members: (order, session) => session.groups.members(order),
  usage: () => ({ sessions: sessions.size, memory: process.memoryUsage().rss, cpu: process.cpuUsage() }),
};

const WITHOUT_SESSION = new Set(["hello", "open", "usage"]);

function retriesOf(sender) {
  if (!retries.has(sender)) retries.set(sender, new BoundedCache(RETRIES, 3600));
  return retries.get(sender);
}

function obey(line) {
  const done = carryOut(line);
  if (line.id === undefined) done.catch((error) => channel.tell({ event: "trouble", text: textOfError(error) }));
  else channel.answer(line.id, done);
}

async function carryOut({ do: name, ...order }) {
  if (!orders[name]) throw new Error(`unknown order ${name}`);
  if (WITHOUT_SESSION.has(name)) return orders[name](order);
  const session = sessions.get(order.session);
  if (!session) {
    if (name === "close") return undefined;
    throw new Error("the session is not open");
  }
  return orders[name](order, session);
}
