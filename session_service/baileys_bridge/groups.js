import { jidNormalizedUser } from "baileys";
import { BoundedCache } from "./bounded.js";
import { jidOf, lidOf, numberOf } from "./people.js";

/** The groups that a session is in. Whom a message to a group goes to is remembered for a while. */
export class Groups {
  #known = new BoundedCache(50, 300);

  /** @param {import("./session.js").Session} session */
  constructor({ socket, numbers }) {
    this.socket = socket;
    this.numbers = numbers;
  }

  /** Baileys' description of a group, of which it needs the members for every message. */
  async metadata(jid) {
    const known = this.#known.get(jid);
    if (known) return known;
    const fetched = await this.socket.groupMetadata(jid);
    this.#known.set(jid, fetched);
    return fetched;
  }

  forget(jid) {
    this.#known.del(jid);
  }

  async list() {
    return Object.values(await this.socket.groupFetchAllParticipating()).map(describe);
  }

  async create({ subject, members }) {
    const jids = [];
    for (const member of members) jids.push(await this.numbers.jidFor(member));
    return describe(await this.socket.groupCreate(subject, jids));
  }

  async members({ group }) {
    return describe(await this.socket.groupMetadata(jidOf({ group })));
  }
}

function describe({ id, subject, participants }) {
  return { id, subject: subject ?? "", members: (participants ?? []).map(describeMember) };
}

/** Baileys names a member by the group's addressing, and puts the other name beside it. */
function describeMember({ id, phoneNumber, lid, name, notify, admin }) {
  const jids = [id, phoneNumber, lid].filter(Boolean).map((jid) => jidNormalizedUser(jid));
  return {
    number: jids.map(numberOf).find(Boolean) ?? "",
    lid: jids.map(lidOf).find(Boolean) ?? "",
    name: name ?? notify ?? "",
    is_admin: Boolean(admin),
  };
}
