// Protocol towers (C706 appendix L): an interface, and the protocols and addresses by which it is reached, floor by floor. Only
// towers of TCP are written. Failure: syntax.

import { isIPv4 } from "node:net";
import { BodyReader, NDR, uuidBytes, type Syntax } from "@postern/dcerpc";

export interface Tower {
  readonly interface: Syntax;
  readonly transfer: Syntax;
  /** The port where it is reached by TCP; undefined: it is reached in another way. */
  readonly port: number | undefined;
}

/** Identifiers of protocols (C706 appendix I). */
const UUID_FLOOR = 0x0d;
const CONNECTION_ORIENTED = 0x0b;
const TCP = 0x07;
const IP = 0x09;
/** Interface, transfer syntax, RPC, TCP, IP. */
const FLOORS = 5;
/** What is beyond is no tower that anybody sends. */
export const LONGEST_TOWER = 1024;
/** A length is two octets. */
const LENGTH = 2;

interface Floor {
  readonly left: Buffer;
  readonly right: Buffer;
}

/** undefined: it is no tower of an RPC interface. */
export function readTower(octets: Buffer): Tower | undefined {
  const reader = new BodyReader(octets);
  const count = reader.u16();
  if (count < FLOORS - 1 || count > FLOORS + 1) return undefined;
  const floors = Array.from({ length: count }, (): Floor => ({
    left: reader.octets(reader.u16()),
    right: reader.octets(reader.u16()),
  }));
  const [first, second, rpc, transport] = floors;
  const [named, transfer] = [syntaxOf(first), syntaxOf(second)];
  if (named === undefined || transfer === undefined) return undefined;
  const isTcp = rpc?.left[0] === CONNECTION_ORIENTED && transport?.left[0] === TCP && transport.right.length === LENGTH;
  return { interface: named, transfer, port: isTcp ? transport.right.readUInt16BE() : undefined };
}

function syntaxOf(floor: Floor | undefined): Syntax | undefined {
  if (floor === undefined || floor.left[0] !== UUID_FLOOR) return undefined;
  const left = new BodyReader(floor.left, 1);
  return { uuid: left.uuid(), major: left.u16(), minor: new BodyReader(floor.right).u16() };
}

/** Of an interface at an address; one that is not IPv4 has no floor of its own, and clients go where they asked. */
export function tcpTower(named: Syntax, port: number, host: string): Buffer {
  const portOctets = Buffer.from([port >> 8, port & 255]);
  const hostOctets = Buffer.from(isIPv4(host) ? host.split(".").map(Number) : [0, 0, 0, 0]);
  return Buffer.concat([
    u16(FLOORS),
    syntaxFloor(named),
    syntaxFloor(NDR),
    floor(Buffer.from([CONNECTION_ORIENTED]), u16(0)),
    floor(Buffer.from([TCP]), portOctets),
    floor(Buffer.from([IP]), hostOctets),
  ]);
}

function syntaxFloor({ uuid, major, minor }: Syntax): Buffer {
  return floor(Buffer.concat([Buffer.from([UUID_FLOOR]), uuidBytes(uuid), u16(major)]), u16(minor));
}

const floor = (left: Buffer, right: Buffer): Buffer => Buffer.concat([u16(left.length), left, u16(right.length), right]);

function u16(value: number): Buffer {
  const octets = Buffer.alloc(LENGTH);
  octets.writeUInt16LE(value);
  return octets;
}
