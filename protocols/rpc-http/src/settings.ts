// Settings of RPC over HTTP: which servers and ports a client may ask for, and the numbers of [MS-RPCH] that a proxy chooses.

import { setting, type ValueOf } from "@postern/contracts";

const { dict, duration, group, integer, list, size, text } = setting;

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const KB = 1024;

const port = integer("A port.", { min: 1, max: 65_535 });

export const rpcHttpSettings = {
  ports: list("The ports that a client may ask for; all others are refused.", port, {
    default: [6001, 6002, 6004, 593],
  }),
  tcpPorts: dict(
    "By the port that the client asks for: the port of a plain TCP backend (ncacn_ip_tcp) that is dialled. 593, the end-point mapper, is 135 by itself, and 6001 the port of the backend's address.",
    "PORT",
    port,
  ),
  servers: list(
    "Names of servers that clients may ask for, beside MAILBOX@DOMAIN, the names and hosts of backends, and this gateway's own. They lead to the user's own backend and are never looked up; * is any name.",
    text("A name, in any case of letters.", { like: "host name or *", pattern: /^(\*|[A-Za-z0-9_.-]{1,255})$/ }),
    { single: true },
  ),
  connectionsPerUser: integer("Virtual connections of one user at the same time, in each worker.", {
    default: 100,
    min: 1,
    max: 100_000,
  }),
  openTimeout: duration("From a channel's request to its first PDU.", { default: 30 * SECOND, min: SECOND, max: 10 * MINUTE }),
  joinTimeout: duration("How long one channel of a virtual connection waits for the other.", {
    default: 2 * MINUTE,
    min: SECOND,
    max: 15 * MINUTE,
  }),
  connectionTimeout: duration(
    "Told to clients: a channel on which nothing comes for so long is dead. Pings go out after half of it. A client that is silent for twice as long is ended, for it may ping but once.",
    { default: 15 * MINUTE, min: 2 * MINUTE, max: 240 * MINUTE },
  ),
  window: size("How much of RPC may be on its way without an acknowledgement, in each direction.", {
    default: 64 * KB,
    min: 8 * KB,
    max: 256 * KB,
  }),
  channelLifetime: size("After so many octets an OUT channel is replaced by a new one.", {
    default: 1024 ** 3,
    min: 128 * KB,
    max: 2 * 1024 ** 3,
  }),
  join: group(
    "How the channels of a virtual connection to a plain TCP backend meet that came to different nodes. Workers of one node need none of it.",
    {
      address: text("Where this node listens for the others: HOST:PORT. Only nodes with the same key get in.", {
        optional: true,
        like: "HOST:PORT",
        pattern: /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):\d{1,5}$/,
      }),
      nodes: list("All nodes by that address, this one among them; the same on all of them.", text("HOST:PORT"), {
        single: true,
      }),
    },
  ),
};

export type RpcHttpSettings = { readonly [K in keyof typeof rpcHttpSettings]: ValueOf<(typeof rpcHttpSettings)[K]> };
