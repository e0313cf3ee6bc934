/** Asking for one branch in the Git wire protocol: version 2's `ls-refs`, and the advertisement of versions 0 and 1. */
import type { HeadResult } from "../agent/source-port.ts";
import { delimiterPacket, encodePacket, flushPacket, type Packet, PktLineError } from "./pkt-line.ts";

export type ObjectFormat = "sha1" | "sha256";

/** What a server says first. Versions 0 and 1 list their refs right there. */
export type Advertisement =
  | { version: 2; objectFormat: ObjectFormat }
  | { version: 0; refs: Map<string, string> };

/** The server's own words in an `ERR` packet: access denied, repository not found… */
export class RemoteMessage extends Error {
  constructor(message: string) {
    super(message);
    this.name = "RemoteMessage";
  }
}

const objectIdPattern = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Whether the text is a full object id, lower case, SHA-1 or SHA-256, and not the null id. */
export function isObjectId(text: string): boolean {
  return objectIdPattern.test(text) && !/^0+$/.test(text);
}

/**
 * Reads the packets up to the flush that ends an advertisement (gitprotocol-v2(5), gitprotocol-pack(5)).
 * @throws {RemoteMessage} for an `ERR` packet, {PktLineError} for what is no advertisement.
 */
export function parseAdvertisement(packets: readonly Packet[]): Advertisement {
  const lines = textLines(packets);
  const first = lines[0];
  if (first === "version 2") return parseCapabilities(lines.slice(1));
  const refs = new Map<string, string>();
  for (const line of first === "version 1" ? lines.slice(1) : lines) {
    if (line.startsWith("shallow ")) continue;
    const match = /^([0-9a-f]{40,64}) ([^\0]+)(?:\0.*)?$/s.exec(line);
    const [, id, name] = match ?? [];
    if (id === undefined || name === undefined)
      throw new PktLineError("a line of the advertisement is no ref");
    if (isObjectId(id)) refs.set(name, id);
  }
  return { version: 0, refs };
}

function parseCapabilities(lines: readonly string[]): Advertisement {
  if (!lines.some((line) => line === "ls-refs" || line.startsWith("ls-refs="))) {
    throw new PktLineError("the server speaks protocol version 2 without ls-refs");
  }
  const format =
    lines.find((line) => line.startsWith("object-format="))?.slice("object-format=".length) ?? "sha1";
  if (format !== "sha1" && format !== "sha256")
    throw new PktLineError("the server uses an unknown object format");
  return { version: 2, objectFormat: format };
}

/** The version 2 request for one branch. */
export function lsRefsRequest(branch: string, objectFormat: ObjectFormat): Buffer {
  return Buffer.concat([
    encodePacket("command=ls-refs\n"),
    encodePacket(`object-format=${objectFormat}\n`),
    Buffer.from(delimiterPacket),
    encodePacket(`ref-prefix refs/heads/${branch}\n`),
    Buffer.from(flushPacket),
  ]);
}

/** Finds exactly this branch in a version 2 answer: a prefix matches longer names, too. */
export function branchInAnswer(packets: readonly Packet[], branch: string): HeadResult {
  for (const line of textLines(packets)) {
    const [id = "", name] = line.split(" ");
    if (!objectIdPattern.test(id)) throw new PktLineError("a line of the answer to ls-refs is no ref");
    if (name === `refs/heads/${branch}` && isObjectId(id)) return { kind: "head", commit: id };
  }
  return { kind: "branch-missing" };
}

/** Finds the branch in an advertisement of version 0 or 1. */
export function branchInRefs(refs: ReadonlyMap<string, string>, branch: string): HeadResult {
  const commit = refs.get(`refs/heads/${branch}`);
  return commit === undefined ? { kind: "branch-missing" } : { kind: "head", commit };
}

function textLines(packets: readonly Packet[]): string[] {
  const lines: string[] = [];
  for (const packet of packets) {
    if (packet.type !== "data") continue;
    const line = packet.data.toString("utf8").replace(/\n$/, "");
    if (line.startsWith("ERR ")) throw new RemoteMessage(line.slice(4));
    lines.push(line);
  }
  return lines;
}
