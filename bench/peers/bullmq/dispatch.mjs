// A campaign on BullMQ: a job a recipient, a worker with a concurrency, and handlers for receipts.
// Takes its options as JSON in the first argument; prints the seconds from start to the last read receipt.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import pg from "pg";

const options = JSON.parse(process.argv[2]);
const JOBS_AT_ONCE = 1000;
const [SENT, DELIVERED, READ] = ["sent", "delivered", "read"].map((step) => ({
  name: step,
  text: readFileSync(new URL(`../${step}.sql`, import.meta.url), "utf8"),
}));

const database = new pg.Pool({
  host: options.database_host,
  user: options.database_user,
  database: options.database,
  max: options.concurrency,
});
const redis = () => new Redis(options.redis_socket, { maxRetriesPerRequest: null });

let read = 0;
let allRead;
const finished = new Promise((resolve) => (allRead = resolve));

// The network: takes a message, and says later that it was delivered and read.
async function handOver() {
  if (options.latency_ms) await sleep(options.latency_ms);
  return `3EB0${randomBytes(9).toString("hex").toUpperCase()}`;
}

async function onReceipts(id) {
  await database.query({ ...DELIVERED, values: [id] });
  await database.query({ ...READ, values: [id] });
  read += 1;
  if (read === options.size) allRead();
}

async function send(job) {
  const { recipient, sender, template, variables } = job.data;
  const text = template.replace(/{{(\w+)}}/g, (_, name) => variables[name]);
  const id = await handOver();
  await database.query({ ...SENT, values: [recipient, sender, text, id] });
  setImmediate(() => onReceipts(id));
}

const queue = new Queue("campaign", { connection: redis() });
const worker = new Worker("campaign", send, { connection: redis(), concurrency: options.concurrency });
worker.on("failed", (job, error) => {
  console.error(error);
  process.exit(1);
});
await worker.waitUntilReady();

const began = performance.now();
const { rows } = await database.query(
  "SELECT recipient.id, variables, template FROM recipient JOIN campaign ON campaign.id = campaign_id WHERE campaign_id = $1",
  [options.campaign],
);
const jobs = rows.map(({ id, variables, template }, index) => ({
  name: "send",
  data: { recipient: id, sender: (index % options.senders) + 1, template, variables },
  opts: { removeOnComplete: true, attempts: 3, backoff: { type: "exponential", delay: 2000 } },
}));
for (let first = 0; first < jobs.length; first += JOBS_AT_ONCE) {
  await queue.addBulk(jobs.slice(first, first + JOBS_AT_ONCE));
}
await finished;
console.log((performance.now() - began) / 1000);
process.exit(0);
