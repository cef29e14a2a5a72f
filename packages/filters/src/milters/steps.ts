// The packets of the steps that lead to a message: who the client is, what it calls itself, sender and recipients.

import { plainHost, type MailAddress, type MailVisit } from "@postern/contracts";
import { clientName } from "./macros.ts";
import { packet, text } from "./packets.ts";

function bigEndian(port: number): Buffer {
  const bytes = Buffer.allocUnsafe(2);
  bytes.writeUInt16BE(port);
  return bytes;
}

/** Name, family, port, address; a unix socket has neither port nor address. */
export function connectPacket(visit: MailVisit): Buffer {
  const name = text(clientName(visit));
  const { host, port } = visit.session.client;
  const plain = plainHost(host);
  if (plain === "") return packet("connect", name, Buffer.from("U"));
  return packet("connect", name, Buffer.from(plain.includes(":") ? "6" : "4"), bigEndian(port), text(plain));
}

export const helloPacket = (hello: string): Buffer => packet("hello", text(hello));

/** The address in brackets, then its parameters. */
export function envelopePacket(command: "sender" | "recipient", { address, parameters }: MailAddress): Buffer {
  const words = [...parameters].map(([name, value]) => text(value === undefined ? name : `${name}=${value}`));
  return packet(command, text(`<${address}>`), ...words);
}
