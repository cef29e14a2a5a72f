// For tests of RPC through the real program: gateways that check logins at the edge, and clients that log in there.

import { randomInt } from "node:crypto";
import type { RpcHttpClient, RpcHttpClientOptions } from "@postern/testing";
import { succeed } from "./clients.ts";
import { basic } from "./curl.ts";
import { startGateway, type Gateway, type Json } from "./gateway-process.ts";
import { ALICE, authority, BOB, FILES, PASSWORDS } from "./mailboxes.ts";

/** The smallest lifetime: channels are replaced all the time. */
export const LIFETIME = 128 * 1024;

export interface RpcGatewayOptions {
  /** The legs of the backend `dc`. */
  readonly backend: Json;
  readonly workers?: number;
  readonly settings?: Json;
  /** Beside the file of users. */
  readonly verifiers?: readonly Json[];
  readonly config?: Json;
  readonly listeners?: Readonly<Record<string, Json>>;
  readonly files?: Readonly<Record<string, string>>;
}

/** A gateway with alice and bob, whose backend is `dc`. */
export async function startRpcGateway(options: RpcGatewayOptions): Promise<Gateway> {
  const { backend, workers = 1, settings = {}, verifiers = [], config = {}, listeners = {}, files = {} } = options;
  return startGateway({
    listeners: { https: { protocol: "https", tls: "implicit" }, ...listeners },
    backends: { dc: backend },
    routes: [{ source: "static", default: "dc" }],
    files: { ...FILES, ...files, users: await users() },
    config: {
      workers,
      authentication: { verifiers: [...verifiers, { verifier: "file", path: "users" }] },
      https: { services: { rpc: { authentication: "edge" } } },
      "rpc-http": { servers: ["*"], connectionsPerUser: 2000, channelLifetime: `${LIFETIME / 1024}kB`, ...settings },
      limits: { connections: { perAddress: 100_000, perUser: 100_000, total: 100_000 } },
      ...config,
    },
  });
}

let made: Promise<string> | undefined;

function users(): Promise<string> {
  made ??= Promise.all(
    [ALICE, BOB].map(async (user) => {
      const hash = await succeed("openssl", ["passwd", "-6", "-stdin"], { input: `${PASSWORDS[user] ?? ""}\n` });
      return `${user}:${hash.toString().trim()}\n`;
    }),
  ).then((lines) => lines.join(""));
  return made;
}

/** What alice's client is told of a gateway. */
export const clientOf = (gateway: Gateway, more: Partial<RpcHttpClientOptions> = {}): RpcHttpClientOptions => ({
  port: gateway.port("https"),
  ca: authority.cert,
  authorization: basic(ALICE),
  lifetime: LIFETIME,
  ...more,
});

/** Calls of all sizes, eight at a time, until `enough`. Rejects as soon as the client ends. */
export async function drive(client: RpcHttpClient, enough: () => boolean): Promise<void> {
  const over = client.ended.then((error) => Promise.reject(error ?? new Error("The client was closed")));
  over.catch(() => {});
  const call = (): Promise<void> => client.echo(randomInt(4, 30_000), randomInt(0, 40_000));
  const calls = async (): Promise<void> => {
    for (let turn = 0; turn < 400 && !enough(); turn += 1) await Promise.all(Array.from({ length: 8 }, call));
    if (!enough()) throw new Error(`Not enough after all calls: ${JSON.stringify(client.recycled)}`);
  };
  await Promise.race([calls(), over]);
}

/** Cuts octets into pieces of random length. */
export function inPieces(bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = randomInt(4) === 0 ? randomInt(1, 30) : randomInt(1, 3000);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}
