/** Groups: who is in them, and what their members are told. */
import crypto from "node:crypto";
import { encodeWAMessage, proto } from "baileys";
import { groupJid, jidOf, lidJid, personOf, phoneJid, plus } from "./addresses.mjs";
import { stanzaAttributes } from "./contents.mjs";
import { child, children, failure, newId, node, result, seconds, textOf } from "./stanzas.mjs";

const SETTINGS = ["announcement", "not_announcement", "locked", "unlocked"];
const newInvite = () => crypto.randomBytes(16).toString("base64url");

/** One group; changed by `Groups.change` only. */
export class Group {
  /** @param row `{subject, owner, creation, asLid, members: {phone: null|'admin'|'superadmin'}, ...}` */
  constructor(jid, row) {
    this.jid = jid;
    Object.assign(this, row);
  }

  get phones() {
    return Object.keys(this.members);
  }

  isAdmin(phone) {
    return Boolean(this.members[phone]);
  }

  toStanza() {
    const member = (phone) => {
      const attrs = this.asLid
        ? { jid: lidJid(phone), phone_number: phoneJid(phone) }
        : { jid: phoneJid(phone), lid: lidJid(phone) };
      if (this.members[phone]) attrs.type = this.members[phone];
      return node("participant", attrs);
    };
    const content = this.phones.map(member);
    if (this.description) {
      const attrs = { id: this.descriptionId, participant: jidOf(this.owner, 0, this.asLid), t: this.creation };
      content.push(node("description", attrs, [node("body", {}, Buffer.from(this.description))]));
    }
    if (this.announcement) content.push(node("announcement"));
    if (this.locked) content.push(node("locked"));
    if (this.ephemeral) content.push(node("ephemeral", { expiration: this.ephemeral }));
    const attrs = {
      id: this.jid.split("@")[0],
      subject: this.subject,
      s_t: this.creation,
      s_o: jidOf(this.owner, 0, this.asLid),
      creation: this.creation,
      creator: jidOf(this.owner, 0, this.asLid),
      size: String(this.phones.length),
      addressing_mode: this.asLid ? "lid" : "pn",
    };
    if (this.asLid) Object.assign(attrs, { s_o_pn: phoneJid(this.owner), creator_pn: phoneJid(this.owner) });
    return node("group", attrs, content);
  }
}

export class Groups {
  constructor(emulator) {
    this.emulator = emulator;
    this.state = emulator.state;
  }

  /** A group by its JID; null when there is none. */
  get(jid) {
    const row = this.state.get(`group/${jid}`);
    return row ? new Group(jid, row) : null;
  }

  get all() {
    return [...this.state.entries("group/")].map(([key, row]) => new Group(key.slice("group/".length), row));
  }

  create(owner, { subject, phones, asLid = true }) {
    const jid = groupJid(`120363${crypto.randomInt(1e11, 1e12 - 1)}`);
    const members = Object.fromEntries(
      phones.filter((phone) => this.emulator.accounts.get(phone)).map((phone) => [phone, null]),
    );
    const row = {
      subject,
      owner,
      creation: seconds(),
      asLid,
      members: { ...members, [owner]: "superadmin" },
      invite: newInvite(),
    };
    this.state.set(`group/${jid}`, row);
    const group = new Group(jid, row);
    this.#notify(group, owner, node("create", { type: "new", key: newId() }, [group.toStanza()]));
    return group;
  }

  /** Answers a companion's query about groups. */
  answer(device, query, request) {
    const { phone } = device.account;
    const { to, type } = query.attrs;
    if (request?.tag === "create") {
      const phones = children(request, "participant").map(({ attrs }) => personOf(attrs.jid)?.phone);
      const group = this.create(phone, {
        subject: request.attrs.subject,
        phones: phones.filter(Boolean),
        asLid: this.emulator.behaviour.lid_groups,
      });
      return result(query, [group.toStanza()]);
    }
    if (request?.tag === "participating") {
      const mine = this.all.filter((group) => phone in group.members);
      return result(query, [
        node(
          "groups",
          {},
          mine.map((group) => group.toStanza()),
        ),
      ]);
    }
    if (request?.tag === "leave") return this.#leave(phone, query, request);
    if (request?.tag === "invite" && request.attrs.code) return this.#invited(phone, query, request.attrs.code);
    const group = this.get(to);
    if (!group) return failure(query, 404, "item-not-found");
    if (!(phone in group.members)) return failure(query, 403, "forbidden");
    if (request.tag === "query") return result(query, [group.toStanza()]);
    if (request.tag === "invite" && type === "get") return result(query, [node("invite", { code: group.invite })]);
    if (!group.isAdmin(phone)) return failure(query, 401, "not-authorized");
    return this.#change(phone, group, query, request);
  }

  #change(phone, group, query, request) {
    const { tag } = request;
    if (["add", "remove", "promote", "demote"].includes(tag)) return this.#changeMembers(phone, group, query, request);
    if (tag === "subject") {
      const changed = this.#store(group, { subject: textOf(request) });
      this.#notify(
        changed,
        phone,
        node("subject", { subject: changed.subject, s_t: seconds(), s_o: jidOf(phone, 0, group.asLid) }),
      );
    } else if (tag === "description") {
      const description = textOf(request, "body") ?? "";
      this.#notify(this.#store(group, { description, descriptionId: request.attrs.id ?? newId() }), phone, request);
    } else if (SETTINGS.includes(tag)) {
      const name = tag.endsWith("locked") ? "locked" : "announcement";
      this.#notify(this.#store(group, { [name]: tag === name }), phone, node(tag));
    } else if (tag === "ephemeral" || tag === "not_ephemeral") {
      this.#notify(
        this.#store(group, { ephemeral: request.attrs.expiration ?? null }),
        phone,
        node(tag, request.attrs),
      );
    } else if (tag === "invite") {
      const changed = this.#store(group, { invite: newInvite() });
      return result(query, [node("invite", { code: changed.invite })]);
    } else return failure(query, 501, "feature-not-implemented");
    return result(query);
  }

  #changeMembers(phone, group, query, request) {
    const members = { ...group.members };
    const answers = [];
    const done = [];
    for (const { attrs } of children(request, "participant")) {
      const person = personOf(attrs.jid);
      const isMember = person && person.phone in members;
      const code =
        !person || !this.emulator.accounts.get(person.phone)
          ? "404"
          : request.tag === "add"
            ? isMember
              ? "409"
              : null
            : isMember
              ? null
              : "404";
      answers.push(node("participant", code ? { jid: attrs.jid, error: code } : { jid: attrs.jid }));
      if (code) continue;
      done.push(
        node("participant", {
          jid: jidOf(person.phone, 0, group.asLid),
          ...(group.asLid ? { phone_number: phoneJid(person.phone) } : {}),
        }),
      );
      if (request.tag === "remove") delete members[person.phone];
      else members[person.phone] = request.tag === "promote" ? "admin" : null;
    }
    const changed = this.#store(group, { members });
    const everybody = { ...changed, phones: [...new Set([...group.phones, ...changed.phones])] };
    if (done.length) this.#notify(everybody, phone, node(request.tag, {}, done));
    return result(query, [node(request.tag, {}, answers)]);
  }

  #leave(phone, query, request) {
    for (const { attrs } of children(child(request, "leave") ?? request, "group")) {
      const group = this.get(attrs.id);
      if (!group || !(phone in group.members)) continue;
      const members = { ...group.members };
      delete members[phone];
      this.#store(group, { members });
      this.#notify(group, phone, node("remove", {}, [node("participant", { jid: jidOf(phone, 0, group.asLid) })]));
    }
    return result(query);
  }

  #invited(phone, query, code) {
    const group = this.all.find((each) => each.invite === code);
    if (!group) return failure(query, 404, "item-not-found");
    if (query.attrs.type === "get") return result(query, [group.toStanza()]);
    const changed = this.#store(group, { members: { ...group.members, [phone]: null } });
    this.#notify(
      changed,
      phone,
      node("add", { reason: "invite" }, [node("participant", { jid: jidOf(phone, 0, group.asLid) })]),
    );
    return result(query, [node("group", { jid: group.jid })]);
  }

  #store(group, changes) {
    const { jid, ...row } = { ...group, ...changes };
    this.state.set(`group/${jid}`, row);
    return new Group(jid, row);
  }

  /** Tells the companions of all members what somebody did. */
  #notify(group, actor, what) {
    const attrs = {
      from: group.jid,
      type: "w:gp2",
      participant: jidOf(actor, 0, group.asLid),
      t: seconds(),
      notify: plus(actor),
    };
    if (group.asLid) Object.assign(attrs, { participant_pn: phoneJid(actor), addressing_mode: "lid" });
    for (const phone of group.phones)
      for (const device of this.emulator.accounts.get(phone)?.devices.values() ?? [])
        device.deliver(node("notification", { ...attrs, id: newId() }, [what]));
  }

  /** An emulated member says something: every companion in the group gets it, with the sender key. Returns how many. */
  async say(account, group, message, id) {
    const keys = this.emulator.keys.of(account.phone);
    const { ciphertext, distribution } = await keys.encryptGroup(group.jid, encodeWAMessage(message));
    const sealed = node("enc", { v: "2", type: "skmsg" }, ciphertext);
    let devices = 0;
    for (const phone of group.phones)
      for (const device of this.emulator.accounts.get(phone)?.devices.values() ?? []) {
        const key = {
          senderKeyDistributionMessage: { groupId: group.jid, axolotlSenderKeyDistributionMessage: distribution },
        };
        const given = await this.emulator.phones.seal(account, device, key);
        device.deliver(
          node("message", { ...this.#attributes(account, group), id, ...stanzaAttributes(message) }, [given, sealed]),
        );
        devices += 1;
      }
    return devices;
  }

  /** The same message again, for one companion that could not read it. */
  async sayAgain(account, jid, device, message, id, count) {
    const group = this.get(jid);
    if (!group) return;
    const keys = this.emulator.keys.of(account.phone);
    const { distribution } = await keys.encryptGroup(jid, encodeWAMessage(proto.Message.create({})));
    const given = { groupId: jid, axolotlSenderKeyDistributionMessage: distribution };
    const content = proto.Message.create({ ...message, senderKeyDistributionMessage: given });
    const sealed = await this.emulator.phones.seal(account, device, content, { count: String(count) });
    device.deliver(
      node("message", { ...this.#attributes(account, group), id, ...stanzaAttributes(message) }, [sealed]),
    );
  }

  #attributes(account, group) {
    const attrs = {
      from: group.jid,
      participant: jidOf(account.phone, 0, group.asLid),
      t: seconds(),
      notify: account.name,
    };
    if (group.asLid) return { ...attrs, addressing_mode: "lid", participant_pn: phoneJid(account.phone) };
    return { ...attrs, addressing_mode: "pn", participant_lid: lidJid(account.phone) };
  }
}
