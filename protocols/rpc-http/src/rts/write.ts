// RTS PDUs as they are written ([MS-RPCH] section 2.2.3). Throws Error for what only a defect can ask for: a cookie that is none, a
// number beyond 32 bits.

import { isIP } from "node:net";
import { ipv6Groups, plainHost } from "@postern/contracts";
import { HEADER_SIZE, newPdu, PDU_TYPES } from "@postern/dcerpc";
import { ADDRESS_PADDING, COOKIE_SIZE, RTS_HEADER, RTS_NUMBERS, type RtsCommand } from "./commands.ts";
import type { Rts } from "./read.ts";

export function writeRts({ flags, commands }: Rts): Buffer {
  const body = Buffer.concat(commands.map(commandOf));
  const pdu = newPdu(PDU_TYPES.rts, 0, RTS_HEADER - HEADER_SIZE + body.length);
  pdu.writeUInt16LE(flags, HEADER_SIZE);
  pdu.writeUInt16LE(commands.length, HEADER_SIZE + 2);
  body.copy(pdu, RTS_HEADER);
  return pdu;
}

function commandOf(command: RtsCommand): Buffer {
  const type = u32(RTS_NUMBERS.get(command.type) ?? -1);
  switch (command.type) {
    case "Empty":
    case "NegativeANCE":
    case "ANCE":
      return type;
    case "Cookie":
    case "AssociationGroupId":
      return Buffer.concat([type, id(command.id)]);
    case "FlowControlAck":
      return Buffer.concat([type, u32(command.received), u32(command.window), id(command.channel)]);
    case "ClientAddress":
      return Buffer.concat([type, address(command.address), Buffer.alloc(ADDRESS_PADDING)]);
    case "Padding":
      return Buffer.concat([type, u32(command.value), Buffer.alloc(command.value)]);
    case "ReceiveWindowSize":
    case "ConnectionTimeout":
    case "ChannelLifetime":
    case "ClientKeepalive":
    case "Version":
    case "Destination":
    case "PingTrafficSentNotify":
      return Buffer.concat([type, u32(command.value)]);
  }
}

function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function id(text: string): Buffer {
  const bytes = Buffer.from(text, "hex");
  if (bytes.length !== COOKIE_SIZE || text.length !== 2 * COOKIE_SIZE) throw new Error("A cookie that is none");
  return bytes;
}

/** A client without an IP address (a unix socket) is told as 0.0.0.0. */
function address(host: string): Buffer {
  const plain = plainHost(host);
  if (isIP(plain) !== 6)
    return Buffer.concat([u32(0), Buffer.from(isIP(plain) === 4 ? plain.split(".").map(Number) : [0, 0, 0, 0])]);
  return Buffer.concat([u32(1), Buffer.from(ipv6Groups(plain).flatMap((group) => [group >> 8, group & 0xff]))]);
}
