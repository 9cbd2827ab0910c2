/** Answers to the queries (`iq`) that clients make. */
import { jidOf, personOf, phoneJid, registeredAs } from "./addresses.mjs";
import { bytesOf, child, children, node, result, seconds, textOf } from "./stanzas.mjs";

const KEY_TYPE = Buffer.from([5]);
const PRIVACY = ["readreceipts", "last", "online", "profile", "status", "groupadd", "calladd"];
const TIMELOCK_QUERY = "xwa2_fetch_account_reachout_timelock";

export class Queries {
  constructor(emulator) {
    this.emulator = emulator;
  }

  answer(connection, query) {
    const request = children(query)[0];
    if (!connection.device) return this.#beforeLinking(connection, query, request);
    const answer = this.#answerTo(connection, query, request);
    if (answer) connection.send(answer);
  }

  #beforeLinking(connection, query, request) {
    if (request?.tag !== "link_code_companion_reg") return connection.send(result(query));
    const { pairing } = this.emulator;
    if (request.attrs.stage === "companion_hello") return pairing.hello(connection, query, request);
    if (request.attrs.stage === "companion_finish") return pairing.finish(connection, query, request);
  }

  #answerTo(connection, query, request) {
    const { device } = connection;
    switch (query.attrs.xmlns) {
      case "encrypt":
        return this.#keys(device, query, request);
      case "usync":
        return this.#people(query, request);
      case "passive":
        connection.send(result(query));
        if (request?.tag === "active") connection.activate();
        return null;
      case "w:m":
        return result(query, [this.emulator.media.connection()]);
      case "w:g2":
        return this.emulator.groups.answer(device, query, request);
      case "w:sync:app:state":
        return this.emulator.appState.answer(device, query, request);
      case "w:mex":
        return this.#mex(device, query);
      case "privacy":
        return this.#privacy(query);
      case "blocklist":
        return result(query, [node("list")]);
      case "abt":
        return result(query, [node("props", { protocol: "1", hash: "emulator" })]);
      case "md":
        if (request?.tag !== "remove-companion-device") return result(query);
        connection.send(result(query));
        this.emulator.unlink(device);
        return null;
      default:
        return result(query);
    }
  }

  #keys(device, query, request) {
    if (request?.tag === "count") return result(query, [node("count", { value: String(device.preKeyCount) })]);
    if (request?.tag === "digest") return result(query, [node("digest")]);
    if (request?.tag === "key") {
      const users = children(request, "user").map(({ attrs }) => this.#bundle(attrs.jid));
      return result(query, [node("list", {}, users)]);
    }
    const signed = child(request, "skey") ?? child(query, "skey");
    if (signed) device.signedPreKey = keyOf(signed);
    const keys = children(child(query, "list"), "key").map(keyOf);
    if (keys.length) device.addPreKeys(keys);
    else device.account.save();
    return result(query);
  }

  #bundle(jid) {
    const person = personOf(jid);
    const bundle = person && this.emulator.bundle(person.phone, person.device);
    if (!bundle) return node("user", { jid }, [node("error", { code: "404", text: "item-not-found" })]);
    return node("user", { jid, t: seconds() }, [
      node("registration", {}, bundle.registrationId),
      node("type", {}, KEY_TYPE),
      node("identity", {}, bundle.identity),
      keyNode("skey", bundle.signedPreKey),
      ...(bundle.preKey ? [keyNode("key", bundle.preKey)] : []),
      ...(bundle.signedIdentity ? [node("device-identity", {}, bundle.signedIdentity)] : []),
    ]);
  }

  /** Who is on WhatsApp, with which devices, under which LID. */
  #people(query, request) {
    const wanted = children(child(request, "query")).map(({ tag }) => tag);
    const users = children(child(request, "list"), "user").map((user) => this.#person(user, wanted));
    const { sid, mode, context } = request.attrs;
    return result(query, [
      node("usync", { index: "0", last: "true", sid, mode, context }, [
        node("result"),
        node("list", {}, users.filter(Boolean)),
      ]),
    ]);
  }

  #person(user, wanted) {
    const asked = textOf(user, "contact")?.replace(/\D/g, "");
    // As WhatsApp does, a number in Brazil is found in either form, and the answer names the one it is registered under.
    const meant = asked?.startsWith("55") ? registeredAs(asked) : asked;
    const jid = user.attrs.jid ?? (meant ? phoneJid(meant) : undefined);
    const person = personOf(jid);
    if (!person) return null;
    if (wanted.includes("contact")) this.emulator.statistics.checked_numbers += 1;
    const account = this.emulator.accounts.get(person.phone);
    const answers = {
      contact: () => node("contact", { type: account ? "in" : "out" }, asked ? Buffer.from(`+${asked}`) : undefined),
      devices: () => account && devicesNode(account),
      lid: () => account && node("lid", { val: account.lid }),
      status: () => account && node("status", { t: "0" }, Buffer.from("")),
      disappearing_mode: () => account && node("disappearing_mode", { duration: "0", t: "0" }),
    };
    const content = wanted.map((tag) => answers[tag]?.()).filter(Boolean);
    return node("user", { jid: jidOf(person.phone, 0, person.asLid) }, content);
  }

  #privacy(query) {
    if (query.attrs.type === "get")
      return result(query, [
        node(
          "privacy",
          {},
          PRIVACY.map((name) => node("category", { name, value: "all" })),
        ),
      ]);
    for (const { attrs } of children(child(query, "tokens"), "token"))
      this.emulator.statistics.tokens += Boolean(attrs.jid);
    return result(query);
  }

  #mex(device, query) {
    const { timelockUntil } = device.account;
    const answer = {
      data: {
        [TIMELOCK_QUERY]: {
          is_active: timelockUntil > Date.now(),
          time_enforcement_ends: String(Math.floor(timelockUntil / 1000)),
          enforcement_type: "DEFAULT",
        },
      },
    };
    return result(query, [node("result", {}, Buffer.from(JSON.stringify(answer)))]);
  }
}

function devicesNode(account) {
  const devices = [...account.devices.keys()].map((id) => node("device", { id: String(id), "key-index": String(id) }));
  return node("devices", {}, [
    node("device-list", {}, [node("device", { id: "0" }), ...devices]),
    node("key-index-list", { ts: seconds() }),
  ]);
}

function keyOf(stanza) {
  return { id: bytesOf(stanza, "id"), value: bytesOf(stanza, "value"), signature: bytesOf(stanza, "signature") };
}

/** A public key as a stanza. */
export function keyNode(tag, { id, value, signature }) {
  const content = [node("id", {}, id), node("value", {}, value)];
  if (signature) content.push(node("signature", {}, signature));
  return node(tag, {}, content);
}
