// RTS PDUs as they are read ([MS-RPCH] section 2.2.3): the header, and commands up to the very end. What the numbers mean, and
// which commands make a PDU, is in pdus.ts. Failure: syntax.

import { Failure } from "@postern/contracts";
import { BodyReader, headerOf, PDU_FLAGS, PDU_TYPES } from "@postern/dcerpc";
import {
  ADDRESS_PADDING,
  ADDRESS_SIZES,
  COOKIE_SIZE,
  DESTINATIONS,
  RTS_COMMANDS,
  RTS_HEADER,
  type Destination,
  type NumberCommand,
  type RtsCommand,
} from "./commands.ts";

export type { Destination, RtsCommand } from "./commands.ts";

export interface Rts {
  readonly flags: number;
  readonly commands: readonly RtsCommand[];
}

const WHOLE = PDU_FLAGS.first | PDU_FLAGS.last;

/** `pdu`: one whole PDU, nothing behind it. */
export function readRts(pdu: Buffer): Rts {
  const { type, flags, length, authLength, callId } = headerOf(pdu);
  if (type !== PDU_TYPES.rts) throw garbled(`a PDU of type ${type}`);
  if (flags !== WHOLE || authLength !== 0 || callId !== 0 || length !== pdu.length || length < RTS_HEADER)
    throw garbled("a header that is none");
  const reader = new BodyReader(pdu, RTS_HEADER);
  const commands = Array.from({ length: pdu.readUInt16LE(RTS_HEADER - 2) }, () => readCommand(reader));
  if (reader.left > 0) throw garbled("octets behind the last command");
  return { flags: pdu.readUInt16LE(RTS_HEADER - 4), commands };
}

/** Whom it is for, where it says so: such a PDU is forwarded by the table of section 3.2.1.5.2. */
export function destinationOf({ commands }: Rts): Destination | undefined {
  const command = commands.find(({ type }) => type === "Destination");
  return command?.type === "Destination" ? DESTINATIONS[command.value] : undefined;
}

const garbled = (what: string): Failure => new Failure("syntax", `RTS: ${what}`);

function readCommand(reader: BodyReader): RtsCommand {
  const number = reader.u32();
  const row = RTS_COMMANDS[number];
  if (row === undefined) throw garbled(`the unknown command ${number}`);
  const [type, carries] = row;
  // The table pairs each type with what it carries.
  switch (carries) {
    case "number":
      return { type: type as NumberCommand, value: reader.u32() };
    case "padding":
      return { type: "Padding", value: reader.octets(reader.u32()).length };
    case "id":
      return { type: type as "Cookie", id: reader.octets(COOKIE_SIZE).toString("hex") };
    case "nothing":
      return { type: type as "Empty" };
    case "ack":
      return {
        type: "FlowControlAck",
        received: reader.u32(),
        window: reader.u32(),
        channel: reader.octets(COOKIE_SIZE).toString("hex"),
      };
    case "address":
      return { type: "ClientAddress", address: readAddress(reader) };
  }
}

function readAddress(reader: BodyReader): string {
  const kind = reader.u32();
  const size = ADDRESS_SIZES[kind];
  if (size === undefined) throw garbled(`an address of the unknown kind ${kind}`);
  const octets = reader.octets(size);
  reader.octets(ADDRESS_PADDING);
  return size === 4 ? octets.join(".") : (octets.toString("hex").match(/.{4}/g) ?? []).map(withoutZeros).join(":");
}

const withoutZeros = (group: string): string => Number.parseInt(group, 16).toString(16);
