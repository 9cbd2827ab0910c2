/** The settings that companions of one account share: patches are kept in order and handed to the others. */
import { hmac } from "./curve.mjs";
import { bytesOf, child, children, newId, node, result, seconds } from "./stanzas.mjs";
import { SERVER } from "./addresses.mjs";

export class AppState {
  constructor(emulator) {
    this.emulator = emulator;
    this.state = emulator.state;
    this.secret = emulator.state.file("phones.secret");
  }

  /** The key that the phone shares with its companions. */
  keyOf(phone) {
    return hmac(this.secret, `${phone}/app state`);
  }

  answer(device, query, request) {
    const collections = children(child(query, "sync") ?? request, "collection");
    return result(query, [
      node(
        "sync",
        {},
        collections.map((each) => this.#collection(device, each)),
      ),
    ]);
  }

  #collection(device, { attrs, content }) {
    const prefix = `app-state/${device.account.phone}/${attrs.name}/`;
    const patches = [...this.state.entries(prefix)].map(([, patch]) => patch);
    const known = Number(attrs.version ?? 0);
    const patch = content && bytesOf({ content }, "patch");
    if (patch) {
      if (known !== patches.length)
        return node("collection", { name: attrs.name, type: "error" }, [
          node("error", { code: "409", text: "conflict" }),
        ]);
      this.state.set(prefix + String(known + 1).padStart(8, "0"), patch);
      this.#tellOthers(device, attrs.name, known + 1);
      return node("collection", { name: attrs.name, version: String(known + 1), type: "result" });
    }
    const news = patches.slice(known).map((each) => node("patch", {}, each));
    return node(
      "collection",
      { name: attrs.name, version: String(known), type: "result", has_more_patches: "false" },
      news.length ? [node("patches", {}, news)] : undefined,
    );
  }

  #tellOthers(device, name, version) {
    for (const other of device.account.devices.values())
      if (other !== device)
        other.deliver(
          node("notification", { from: SERVER, id: newId(), type: "server_sync", t: seconds() }, [
            node("collection", { name, version: String(version) }),
          ]),
        );
  }
}
