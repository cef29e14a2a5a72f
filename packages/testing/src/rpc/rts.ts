// RTS PDUs for tests ([MS-RPCH] section 2.2), written and read by one table of their shapes. An implementation of its own, so that
// it can judge the gateway's. Throws Error for what is no RTS PDU.

/** Values of an RTS PDU by name; cookies are 32 hexadecimal digits. The version is always 1 and is no value. */
export interface RtsValues {
  readonly connection?: string;
  readonly channel?: string;
  readonly predecessor?: string;
  readonly successor?: string;
  readonly group?: string;
  readonly window?: number;
  /** Milliseconds. */
  readonly timeout?: number;
  readonly lifetime?: number;
  /** Milliseconds. */
  readonly keepAlive?: number;
  readonly client?: string;
  readonly destination?: number;
  readonly received?: number;
  readonly available?: number;
  readonly octets?: number;
}

/** Values of a Destination command. */
export const DESTINATIONS = { client: 0, inProxy: 1, server: 2, outProxy: 3 } as const;

const HEADER = 20;

interface Command {
  readonly type: number;
  readonly size: number;
  readonly write: (values: RtsValues, at: Buffer) => void;
  readonly read: (at: Buffer) => RtsValues;
}

const bare = (type: number): Command => ({ type, size: 0, write: () => {}, read: () => ({}) });
const number = (type: number, name: keyof RtsValues): Command => ({
  type,
  size: 4,
  write: (values, at) => void at.writeUInt32LE(Number(values[name] ?? 0)),
  read: (at) => ({ [name]: at.readUInt32LE() }),
});
const cookie = (type: number, name: keyof RtsValues): Command => ({
  type,
  size: 16,
  write: (values, at) => void at.write(String(values[name] ?? ""), "hex"),
  read: (at) => ({ [name]: at.toString("hex", 0, 16) }),
});

const version: Command = {
  type: 6,
  size: 4,
  write: (_, at) => void at.writeUInt32LE(1),
  read(at) {
    if (at.readUInt32LE() !== 1) throw new Error("An RTS version that is not 1");
    return {};
  },
};
const ack: Command = {
  type: 1,
  size: 24,
  write({ received = 0, available = 0, channel = "" }, at) {
    at.writeUInt32LE(received);
    at.writeUInt32LE(available, 4);
    at.write(channel, 8, "hex");
  },
  read: (at) => ({ received: at.readUInt32LE(), available: at.readUInt32LE(4), channel: at.toString("hex", 8, 24) }),
};
// Of IPv4 only: tests are on loopback.
const client: Command = {
  type: 0xb,
  size: 20,
  write: ({ client = "127.0.0.1" }, at) => Buffer.from(client.split(".").map(Number)).copy(at, 4),
  read: (at) => ({ client: [...at.subarray(4, 8)].join(".") }),
};

const window = number(0, "window");
const timeout = number(2, "timeout");
const lifetime = number(4, "lifetime");
const keepAlive = number(5, "keepAlive");
const destination = number(0xd, "destination");
const octets = number(0xe, "octets");
const empty = bare(7);
const negativeAnce = bare(9);
const ance = bare(0xa);
const connection = cookie(3, "connection");
const channel = cookie(3, "channel");
const predecessor = cookie(3, "predecessor");
const successor = cookie(3, "successor");
const group = cookie(0xc, "group");

/** All shapes by name: flags, and commands in their order. Several names share a shape; the state tells which it is. */
const SHAPES = {
  "CONN/A1": [0, version, connection, channel, window],
  "CONN/A2": [0x10, version, connection, channel, lifetime, window],
  "CONN/A3": [0, timeout],
  "CONN/B1": [0, version, connection, channel, lifetime, keepAlive, group],
  "CONN/B2": [8, version, connection, channel, window, timeout, group, client],
  "CONN/B3": [0, window, version],
  "CONN/C1": [0, version, window, timeout],
  "CONN/C2": [0, version, window, timeout],
  "IN_R1/A1": [4, version, connection, predecessor, successor],
  "IN_R1/A2": [0xc, version, connection, predecessor, successor, window, timeout],
  "IN_R1/A3": [0, destination, version, window, timeout],
  "IN_R1/A5": [0, successor],
  "IN_R1/A6": [0, successor],
  "IN_R1/B1": [0, empty],
  "IN_R1/B2": [0, window],
  "IN_R2/A2": [0, successor],
  "IN_R2/A3": [0, destination],
  "OUT_R1/A1": [4, destination],
  "OUT_R1/A3": [4, version, connection, predecessor, successor, window],
  "OUT_R1/A4": [0x14, version, connection, predecessor, successor, lifetime, window, timeout],
  "OUT_R1/A5": [0x10, destination, version, timeout],
  "OUT_R1/A7": [0x10, destination, successor],
  "OUT_R1/A9": [0, ance],
  "OUT_R1/A11": [0, ance],
  "OUT_R2/A4": [0, successor],
  "OUT_R2/A5": [0, destination, ance],
  "OUT_R2/A7": [0x10, destination, successor, version],
  "OUT_R2/B1": [0, ance],
  "OUT_R2/B2": [0, negativeAnce],
  "OUT_R2/B3": [0x20, ance],
  "OUT_R2/C1": [1, empty],
  "Keep-Alive": [2, keepAlive],
  PingTrafficSentNotify: [2, octets],
  Ping: [1],
  Echo: [0x40],
  FlowControlAck: [2, ack],
  FlowControlAckWithDestination: [2, destination, ack],
} as const satisfies Record<string, readonly [number, ...Command[]]>;

export type RtsName = keyof typeof SHAPES;

const partsOf = (name: RtsName): { readonly flags: number; readonly commands: readonly Command[] } => {
  const [flags, ...commands] = SHAPES[name] as readonly [number, ...Command[]];
  return { flags, commands };
};

/** Writes one. */
export function rtsPdu(name: RtsName, values: RtsValues = {}): Buffer {
  const { flags, commands } = partsOf(name);
  const pdu = Buffer.alloc(HEADER + commands.reduce((sum, { size }) => sum + 4 + size, 0));
  pdu.set([5, 0, 20, 3, 0x10]);
  pdu.writeUInt16LE(pdu.length, 8);
  pdu.writeUInt16LE(flags, 16);
  pdu.writeUInt16LE(commands.length, 18);
  let at = HEADER;
  for (const { type, size, write } of commands) {
    pdu.writeUInt32LE(type, at);
    write(values, pdu.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  return pdu;
}

export const isRts = (pdu: Buffer): boolean => pdu[2] === 20;

/** What a PDU says, when it has the shape of that name to the octet; otherwise undefined. */
export function rtsValues(name: RtsName, pdu: Buffer): RtsValues | undefined {
  const { flags, commands } = partsOf(name);
  if (!isRts(pdu) || pdu.readUInt16LE(16) !== flags || pdu.readUInt16LE(18) !== commands.length) return undefined;
  if (pdu.length !== rtsPdu(name).length || pdu[3] !== 3 || pdu.readUInt16LE(10) !== 0 || pdu.readUInt32LE(12) !== 0)
    return undefined;
  let values: RtsValues = {};
  let at = HEADER;
  for (const { type, size, read } of commands) {
    if (pdu.readUInt32LE(at) !== type) return undefined;
    values = { ...values, ...read(pdu.subarray(at + 4, at + 4 + size)) };
    at += 4 + size;
  }
  return values;
}

/** The names of all shapes that it has, for messages. */
export function rtsNames(pdu: Buffer): string {
  const names = (Object.keys(SHAPES) as RtsName[]).filter((name) => rtsValues(name, pdu) !== undefined);
  return names.length > 0 ? names.join(" or ") : `no known RTS PDU (${pdu.toString("hex", 0, 64)})`;
}

/** Where a PDU wants to go, when it says so in its first command. */
export function rtsDestination(pdu: Buffer): number | undefined {
  if (!isRts(pdu) || pdu.length < HEADER + 8 || pdu.readUInt32LE(HEADER) !== 0xd) return undefined;
  return pdu.readUInt32LE(HEADER + 4);
}
