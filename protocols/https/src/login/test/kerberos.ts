// A Kerberos that takes any ticket for alice, and such a ticket.

import type { GssAcceptor, Proofs } from "@postern/contracts";

export function acceptor(): GssAcceptor {
  return {
    principal: "alice@EXAMPLE.COM",
    step: () => ({ token: Buffer.from("last word"), done: true }),
    wrap: (data) => data,
    unwrap: (data) => data,
    close() {},
  };
}

export const TICKET = Buffer.concat([
  Buffer.from([0x60, 17]),
  Buffer.from("06092a864886f712010202", "hex"),
  Buffer.from("ticket"),
]);

export const kerberos: Proofs = { gss: acceptor, principal: (name) => Promise.resolve(name.toLowerCase()) };
