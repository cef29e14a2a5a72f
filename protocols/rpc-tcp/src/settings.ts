// Settings of RPC over TCP: which interfaces are served and where, which backends serve whom, and how long and how often a client
// may try.

import { setting, type ValueOf } from "@postern/contracts";

const { dict, duration, group, integer, list, text } = setting;

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const PORTS = { min: 1, max: 65_535 } as const;

export const rpcTcpSettings = {
  interfaces: dict(
    "The RPC interfaces that clients may use; all others are refused. emsmdb, asyncemsmdb, nspi and rfr are there by themselves: name one of them to change its ports, any other to add it.",
    "NAME",
    group("One interface.", {
      uuid: text("Its UUID; of those that are there by themselves it is known.", {
        optional: true,
        like: "UUID",
        pattern: /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/,
      }),
      version: text("Its version, as in 1.0.", { optional: true, like: "MAJOR.MINOR", pattern: /^\d{1,5}\.\d{1,5}$/ }),
      port: integer("The port that clients are told for it; otherwise that of `port`.", { ...PORTS, optional: true }),
      backendPort: integer(
        "Its port at the backends. Without it the backend's own end-point mapper is asked, at the address of the backend.",
        { ...PORTS, optional: true },
      ),
    }),
  ),
  port: integer(
    "The port of this gateway that its end-point mapper tells to clients. By itself that of the listener whose port is not 135; without such a listener clients stay on the port that they came by.",
    { ...PORTS, optional: true },
  ),
  arrays: dict(
    "Which backends serve the clients of which address; without any, all backends serve all clients. An array without addresses is for all other clients.",
    "NAME",
    group("One array.", {
      addresses: list("The addresses of this gateway that its clients connect to.", text("An IP address."), { single: true }),
      backends: list("Its backends. The client's address decides among them.", text("A backend's name."), { single: true }),
    }),
  ),
  connectionRate: group("How many new connections in a minute, in all workers. 0 means no limit.", {
    perAddress: integer(
      "From one address; an IPv6 /64 counts as one. Each Outlook opens 10 to 20 when it starts. Networks in limits.connections.exempt are not counted.",
      { default: 3000, min: 0 },
    ),
    perUser: integer("Of one user, where the user can be seen (NTLM).", { default: 300, min: 0 }),
  }),
  openTimeout: duration("The most that a client may take for its first message, and for each request to the end-point mapper.", {
    default: 30 * SECOND,
    min: 100,
    max: 10 * MINUTE,
  }),
  idle: duration(
    "A connection on which no byte moves for so long is ended. Outlook's waiting calls are answered every 5 minutes.",
    {
      default: 2 * HOUR,
      min: SECOND,
      max: 24 * HOUR,
    },
  ),
};

export type RpcTcpSettings = { readonly [K in keyof typeof rpcTcpSettings]: ValueOf<(typeof rpcTcpSettings)[K]> };
