/** Stanzas that no server should send, and that a client must survive. */
import { phoneJid, SERVER } from "./addresses.mjs";
import { newId, node, seconds } from "./stanzas.mjs";

const JUNK = Buffer.from("this is no ciphertext");

const message = (attrs, content) =>
  node("message", { from: phoneJid("6289999999999"), id: newId(), t: seconds(), type: "text", ...attrs }, content);

/** By name: what is sent to a connection. */
export const MALFORMED = {
  /** A sender's address that cannot be read. */
  bad_jid: (connection) =>
    connection.send(message({ from: `6289999999999@c.us${SERVER}` }, [node("enc", { v: "2", type: "msg" }, JUNK)])),
  /** A message that nobody can decrypt. */
  bad_ciphertext: (connection) => connection.send(message({}, [node("enc", { v: "2", type: "pkmsg" }, JUNK)])),
  /** A message without an id. */
  no_id: (connection) => connection.send(message({ id: undefined }, [node("enc", { v: "2", type: "msg" }, JUNK)])),
  /** A message with nothing in it. */
  empty: (connection) => connection.send(message({})),
  /** A frame whose seal is wrong: the transport cannot go on after it. */
  bad_mac: (connection) =>
    connection.sendRaw(Buffer.concat([Buffer.from([0, 0, 40]), Buffer.alloc(40, 7)]), { sealed: false }),
  /** A sealed frame that is no stanza. */
  garbage: (connection) => connection.sendRaw(Buffer.from([0, 249, 255, 255, 1, 2, 3])),
};
