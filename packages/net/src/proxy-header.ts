// The PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt): read once at the start of a connection from a
// trusted network, written to backends that want it. It comes before TLS on the wire. A broken header throws Failure
// proxy-header, and the peer is told nothing. Never decides who is trusted.

import { isIPv4, isIPv6, SocketAddress, type Socket } from "node:net";
import { Failure, plainHost, type Address, type Clock, type TlsFacts } from "@postern/contracts";
import { crc32c } from "./crc32c.ts";

const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
const V1_MAX = 107;
const V2_MAX = 16 + 4096;

/** What the header said; undefined addresses mean LOCAL or UNKNOWN: keep the socket's own. */
export interface ProxyInfo {
  readonly source: Address | undefined;
  readonly destination: Address | undefined;
}

/** A parsed header and its length; undefined while more bytes are needed. */
export type ProxyParse = { readonly info: ProxyInfo; readonly length: number } | undefined;

const NOBODY: ProxyInfo = { source: undefined, destination: undefined };
const bad = (reason: string): Failure => new Failure("proxy-header", `PROXY header: ${reason}`);

/** Parses either version at the start of `bytes`. Failure: proxy-header. */
export function parseProxyHeader(bytes: Buffer): ProxyParse {
  if (bytes.length === 0) return undefined;
  const version2 = bytes[0] === SIGNATURE[0];
  const start = version2 ? SIGNATURE : Buffer.from("PROXY ");
  const known = Math.min(bytes.length, start.length);
  if (!bytes.subarray(0, known).equals(start.subarray(0, known))) throw bad("a trusted peer sent none");
  return version2 ? parseV2(bytes) : parseV1(bytes);
}

function parseV1(bytes: Buffer): ProxyParse {
  const end = bytes.indexOf("\r\n");
  if (end === -1 && bytes.length < V1_MAX) return undefined;
  if (end === -1 || end + 2 > V1_MAX) throw bad("version 1 line is too long");
  const line = bytes.toString("latin1", 0, end);
  const length = end + 2;
  if (line === "PROXY UNKNOWN" || line.startsWith("PROXY UNKNOWN ")) return { info: NOBODY, length };
  const words = /^PROXY (TCP4|TCP6) (\S+) (\S+) (\d{1,5}) (\d{1,5})$/.exec(line);
  if (words === null) throw bad("version 1 line is malformed");
  const [, family, source = "", destination = "", sourcePort, destinationPort] = words;
  const valid = family === "TCP4" ? isIPv4 : isIPv6;
  if (!valid(source) || !valid(destination)) throw bad("version 1 address is malformed");
  return {
    info: { source: addressOf(source, Number(sourcePort)), destination: addressOf(destination, Number(destinationPort)) },
    length,
  };
}

function parseV2(bytes: Buffer): ProxyParse {
  if (bytes.length < 16) return undefined;
  const versionCommand = bytes.readUInt8(12);
  const length = 16 + bytes.readUInt16BE(14);
  if (versionCommand >> 4 !== 2) throw bad("unknown version");
  if (length > V2_MAX) throw bad("version 2 header is too long");
  if (bytes.length < length) return undefined;
  const family = bytes.readUInt8(13);
  const body = bytes.subarray(16, length);
  const command = versionCommand & 0x0f;
  if (command > 1) throw bad("unknown command");
  const sizes: Record<number, number> = { 0x11: 4, 0x21: 16 };
  const size = command === 0 ? undefined : sizes[family];
  const addressLength = size === undefined ? (family >> 4 === 3 && command === 1 ? 216 : 0) : size * 2 + 4;
  if (body.length < addressLength) throw bad("version 2 addresses are cut off");
  if (command === 1) checkTlvs(bytes.subarray(0, length), 16 + addressLength);
  if (size === undefined) return { info: NOBODY, length };
  return {
    info: {
      source: addressOf(hostText(body.subarray(0, size)), body.readUInt16BE(size * 2)),
      destination: addressOf(hostText(body.subarray(size, size * 2)), body.readUInt16BE(size * 2 + 2)),
    },
    length,
  };
}

const TLV_CRC32C = 0x03;

/** Walks the TLVs: lengths must fit, and a checksum must be right. */
function checkTlvs(header: Buffer, from: number): void {
  let at = from;
  while (at < header.length) {
    if (at + 3 > header.length) throw bad("version 2 TLV is cut off");
    const length = header.readUInt16BE(at + 1);
    const value = at + 3;
    if (value + length > header.length) throw bad("version 2 TLV is cut off");
    if (header[at] === TLV_CRC32C) {
      if (length !== 4) throw bad("version 2 checksum is malformed");
      const given = header.readUInt32BE(value);
      const zeroed = Buffer.from(header).fill(0, value, value + 4);
      if (crc32c(zeroed) !== given) throw bad("version 2 checksum is wrong");
    }
    at = value + length;
  }
}

function addressOf(host: string, port: number): Address {
  if (port > 65_535) throw bad("port is out of range");
  return { host: plainHost(host), port };
}

function hostText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  const text = groups.join(":");
  const mapped = /^0:0:0:0:0:ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(text);
  if (mapped !== null) return bytes.subarray(12).join(".");
  return new SocketAddress({ family: "ipv6", address: text }).address;
}

/**
 * Reads the header from a paused socket that nobody listens to and gives the rest back to the socket.
 * Failure: proxy-header (malformed, missing, too slow), client-gone.
 */
export function readProxyHeader(socket: Socket, clock: Clock, timeoutMs: number): Promise<ProxyInfo> {
  return new Promise((resolve, reject) => {
    let bytes: Buffer = Buffer.alloc(0);
    const timer = clock.after(timeoutMs, () => finish(() => reject(bad("too slow"))));
    const finish = (settle: () => void): void => {
      timer.cancel();
      socket.off("readable", onReadable);
      socket.off("error", onGone);
      socket.off("end", onGone);
      socket.off("close", onGone);
      settle();
    };
    const onGone = (): void =>
      finish(() => reject(new Failure("client-gone", "The client left before its PROXY header was complete")));
    const onReadable = (): void => {
      for (let chunk: unknown = socket.read(); chunk !== null; chunk = socket.read())
        bytes = Buffer.concat([bytes, chunk as Buffer]);
      try {
        const parsed = parseProxyHeader(bytes);
        if (parsed === undefined) return;
        finish(() => {
          const rest = bytes.subarray(parsed.length);
          if (rest.length > 0) socket.unshift(rest);
          resolve(parsed.info);
        });
      } catch (error) {
        finish(() => reject(error));
      }
    };
    socket.on("readable", onReadable);
    socket.on("error", onGone);
    socket.on("end", onGone);
    socket.on("close", onGone);
  });
}

/** What a backend is told of the client. */
export interface ProxyFacts {
  readonly source: Address;
  readonly destination: Address;
  readonly tls: TlsFacts | undefined;
}

/** A header to write at the start of a backend connection, before TLS. */
export function buildProxyHeader(version: "v1" | "v2", facts: ProxyFacts): Buffer {
  const source = plainHost(facts.source.host);
  const destination = plainHost(facts.destination.host);
  const known = source !== "" && destination !== "";
  const both4 = isIPv4(source) && isIPv4(destination);
  const pair = both4 ? [source, destination] : [to6(source), to6(destination)];
  if (version === "v1") {
    if (!known) return Buffer.from("PROXY UNKNOWN\r\n");
    return Buffer.from(`PROXY ${both4 ? "TCP4" : "TCP6"} ${pair.join(" ")} ${facts.source.port} ${facts.destination.port}\r\n`);
  }
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(facts.source.port, 0);
  ports.writeUInt16BE(facts.destination.port, 2);
  const addresses = known ? [...pair.map(hostBytes), ports] : [];
  const body = Buffer.concat([...addresses, ...(facts.tls === undefined ? [] : [tlsTlv(facts.tls)])]);
  const head = Buffer.alloc(4);
  // LOCAL when there is no client: a probe of ours.
  head.writeUInt8(known ? 0x21 : 0x20, 0);
  head.writeUInt8(known ? (both4 ? 0x11 : 0x21) : 0x00, 1);
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([SIGNATURE, head, body]);
}

const to6 = (host: string): string => (isIPv4(host) ? `::ffff:${host}` : host);

function hostBytes(host: string): Buffer {
  if (isIPv4(host)) return Buffer.from(host.split(".").map(Number));
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(host);
  const text = dotted === null ? host : `${dotted[1]}${pairHex(dotted[2], dotted[3])}:${pairHex(dotted[4], dotted[5])}`;
  const [left = "", right] = text.split("::");
  const groups = (part: string): string[] => part.split(":").filter((group) => group !== "");
  const tail = right === undefined ? [] : groups(right);
  const all = [...groups(left), ...Array<string>(8 - groups(left).length - tail.length).fill("0"), ...tail];
  const bytes = Buffer.alloc(16);
  all.forEach((group, index) => bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2));
  return bytes;
}

const pairHex = (high = "0", low = "0"): string => (Number(high) * 256 + Number(low)).toString(16);

/** PP2_TYPE_SSL: the client came over TLS, with this version and cipher. */
function tlsTlv(tls: TlsFacts): Buffer {
  const verified = tls.clientCertificate?.verify === "SUCCESS";
  const fixed = Buffer.alloc(5);
  fixed.writeUInt8(tls.clientCertificate === undefined ? 0x01 : 0x03, 0);
  fixed.writeUInt32BE(verified || tls.clientCertificate === undefined ? 0 : 1, 1);
  return tlv(0x20, Buffer.concat([fixed, tlv(0x21, Buffer.from(tls.version)), tlv(0x23, Buffer.from(tls.cipher))]));
}

function tlv(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(3);
  head.writeUInt8(type, 0);
  head.writeUInt16BE(value.length, 1);
  return Buffer.concat([head, value]);
}
