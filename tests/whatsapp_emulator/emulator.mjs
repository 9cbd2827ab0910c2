/** The emulated WhatsApp: everything it consists of, and what concerns more than one part. */
import crypto from "node:crypto";
import http from "node:http";
import { binaryNodeToString } from "baileys";
import { WebSocketServer } from "ws";
import { Accounts } from "./accounts.mjs";
import { Admin } from "./admin.mjs";
import { phoneJid, plus, SERVER } from "./addresses.mjs";
import { Agenda } from "./agenda.mjs";
import { AppState } from "./app_state.mjs";
import { handshakeIdentity } from "./certificates.mjs";
import { Connection } from "./connection.mjs";
import { Faults } from "./faults.mjs";
import { Groups } from "./groups.mjs";
import { MediaHost } from "./media.mjs";
import { Messages } from "./messages.mjs";
import { Pairing } from "./pairing.mjs";
import { PhoneKeys } from "./phone_keys.mjs";
import { Phones } from "./phones.mjs";
import { Queries } from "./queries.mjs";
import { Receipts } from "./receipts.mjs";
import { newId, node, seconds } from "./stanzas.mjs";
import { StateFolder } from "./state_folder.mjs";
import { Statistics } from "./statistics.mjs";

const FEW_KEYS = 5; // of a companion
const LARGEST_PAYLOAD = 8 * 1024 * 1024;

/** How phones behave when nobody says otherwise; `null` for never. */
const BEHAVIOUR = { delivered_ms: 50, read_ms: 200, lid_chats: true, lid_groups: true };

export class Emulator {
  connections = new Set();
  statistics = new Statistics();
  faults = new Faults();

  /** @param {{folder: string, trace?: boolean, quiet?: boolean}} options */
  constructor({ folder, trace = false, quiet = false }) {
    this.state = new StateFolder(folder);
    this.isTracing = trace;
    this.isQuiet = quiet;
    this.identity = handshakeIdentity(this.state.file("server.secret", () => crypto.randomBytes(32)));
    this.otherIdentity = handshakeIdentity(crypto.randomBytes(32));
    this.keys = new PhoneKeys(this.state);
    this.accounts = new Accounts(this.state);
    this.agenda = new Agenda(this.state, (entry) => this.phones.sendReceipt(entry));
    this.pairing = new Pairing(this);
    this.queries = new Queries(this);
    this.messages = new Messages(this);
    this.receipts = new Receipts(this);
    this.groups = new Groups(this);
    this.appState = new AppState(this);
    this.media = new MediaHost(this);
    this.phones = new Phones(this);
    this.admin = new Admin(this);
  }

  get behaviour() {
    return { ...BEHAVIOUR, ...this.state.get("behaviour") };
  }

  behaviourOf(phone) {
    return { ...this.behaviour, ...this.state.get(`behaviour/${phone}`) };
  }

  /** Starts to listen on loopback; 0 takes the port of the last run, or any. Returns what clients and testers need. */
  async listen(port = 0) {
    this.server = http.createServer((request, response) => this.admin.answer(request, response));
    this.port = await listenOn(this.server, port, this.state.get("port"));
    const sockets = new WebSocketServer({
      server: this.server,
      path: "/ws/chat",
      perMessageDeflate: false,
      maxPayload: LARGEST_PAYLOAD,
    });
    sockets.on("connection", (socket) => this.connections.add(new Connection(this, socket)));
    this.state.set("port", this.port);
    await this.media.listen(listenOn);
    this.state.flush();
    this.agenda.resume();
    return {
      websocket_url: `ws://127.0.0.1:${this.port}/ws/chat`,
      admin_url: `http://127.0.0.1:${this.port}/admin`,
      root_key: this.identity.rootKey.toString("hex"),
      ca_file: this.media.caFile,
      pid: process.pid,
    };
  }

  async close() {
    this.agenda.stop();
    for (const connection of this.connections) connection.cut();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await this.media.close();
    await this.state.close();
  }

  /** What another device needs to start a session with this one; null when there is no such device. */
  bundle(phone, id) {
    const account = this.accounts.get(phone);
    if (!account) return null;
    if (id === 0) return this.keys.of(phone).bundle();
    const device = account.devices.get(id);
    return device ? this.bundleOf(device) : null;
  }

  bundleOf(device) {
    const { registrationId, identity, signedPreKey, signedIdentity } = device;
    const bundle = { registrationId, identity, signedPreKey, signedIdentity, preKey: device.takePreKey() };
    if (device.preKeyCount < FEW_KEYS && !device.isAskedForKeys) this.#askForKeys(device);
    return bundle;
  }

  /** Tells a companion that its one-time keys run out; one that is away looks for itself when it is back. */
  #askForKeys(device) {
    if (!device.connection?.active) return;
    device.isAskedForKeys = true;
    const count = node("count", { value: String(device.preKeyCount) });
    device.show(node("notification", { from: SERVER, id: newId(), type: "encrypt", t: seconds() }, [count]));
  }

  /** A second connection of one device: the older must go, and everybody can see that it happened. */
  replace(older, newer) {
    const { device } = older;
    const event = {
      phone: plus(device.account.phone),
      device: device.id,
      at: new Date().toISOString(),
      connection: older.id,
      since: older.since,
      by: newer.id,
    };
    this.state.set(`replaced/${this.state.next()}`, event);
    this.log(`${event.phone}:${device.id} was connected twice`);
    older.endWithCode(440);
  }

  /** The phone or the companion itself ends the link. */
  unlink(device) {
    const { account, connection } = device;
    account.removeDevice(device);
    connection?.endWithCode(401);
    this.announceDevices(account);
  }

  /** WhatsApp bans a number, or forgives it. */
  ban(account, banned) {
    account.banned = banned;
    account.save();
    if (banned) for (const { connection } of account.devices.values()) connection?.endWithCode(403);
  }

  /** For so many seconds an account may not start chats: its first messages to people are refused with 463. */
  limit(account, forSeconds) {
    account.timelockUntil = Date.now() + forSeconds * 1000;
    account.save();
    const news = {
      data: {
        xwa2_notify_account_reachout_timelock: {
          is_active: forSeconds > 0,
          time_enforcement_ends: String(Math.floor(account.timelockUntil / 1000)),
          enforcement_type: "DEFAULT",
        },
      },
    };
    const update = node(
      "update",
      { op_name: "NotificationUserReachoutTimelockUpdate" },
      Buffer.from(JSON.stringify(news)),
    );
    for (const device of account.devices.values())
      device.deliver(node("notification", { from: SERVER, id: newId(), type: "mex", t: seconds() }, [update]));
  }

  /** Tells an account's companions that its list of devices changed. */
  announceDevices(account) {
    const jid = phoneJid(account.phone);
    for (const device of account.devices.values())
      device.show(
        node("notification", { from: jid, id: newId(), type: "devices", t: seconds() }, [
          node(
            "update",
            {},
            [...account.devices.values()].map((each) => node("device", { jid: each.jid })),
          ),
        ]),
      );
  }

  log(text) {
    if (!this.isQuiet) process.stderr.write(`${new Date().toISOString()} ${text}\n`);
  }

  trace(direction, connection, stanza) {
    if (!this.isTracing) return;
    const who = connection.device ? connection.device.jid : "new client";
    this.log(`${direction} ${who} (${connection.id})\n${binaryNodeToString(stanza).slice(0, 4000)}`);
  }
}

/** Listens on the wanted port, else on the one of the last run, else on any; returns which it is. */
export async function listenOn(server, wanted, last) {
  const attempt = (port) =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => {
        server.off("error", reject);
        resolve(server.address().port);
      });
    });
  if (wanted || !last) return attempt(wanted);
  return attempt(last).catch(() => attempt(0));
}
