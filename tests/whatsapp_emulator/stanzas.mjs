/** Reading and writing stanzas, which are `{tag, attrs, content}`. */
import crypto from "node:crypto";
import { SERVER } from "./addresses.mjs";

export const seconds = () => String(Math.floor(Date.now() / 1000));
export const newId = () => crypto.randomBytes(6).toString("hex");

export const node = (tag, attrs = {}, content = undefined) => ({ tag, attrs, content });

/** All children, or those with this tag. */
export function children(stanza, tag) {
  const content = Array.isArray(stanza?.content) ? stanza.content : [];
  return tag ? content.filter((each) => each.tag === tag) : content;
}

export const child = (stanza, tag) => children(stanza).find((each) => each.tag === tag);

/** The bytes inside a child; undefined when there is none. */
export function bytesOf(stanza, tag) {
  const content = tag ? child(stanza, tag)?.content : stanza?.content;
  return content === undefined || Array.isArray(content) ? undefined : Buffer.from(content);
}

export const textOf = (stanza, tag) => bytesOf(stanza, tag)?.toString("utf8");

/** An unsigned number in so many bytes, most significant first. */
export function bigEndian(number, bytes = 4) {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(number, 0, bytes);
  return buffer;
}

export function result(query, content) {
  return node("iq", { from: query.attrs.to ?? SERVER, id: query.attrs.id, type: "result", t: seconds() }, content);
}

export function failure(query, code, text) {
  return node("iq", { from: query.attrs.to ?? SERVER, id: query.attrs.id, type: "error" }, [
    node("error", { code: String(code), text }),
  ]);
}
