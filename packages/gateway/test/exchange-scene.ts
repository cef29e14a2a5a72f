// Two mailbox servers that behave as Exchange does, with the gateway before them: alice's mailbox is on the first, bob's on the
// second; carol's server is away; dora and emil live elsewhere.

import { freePorts } from "@postern/testing";
import { Talk } from "./clients.ts";
import { basic, curl, type Asked, type Told } from "./curl.ts";
import { startExchange, type ExchangeServer } from "./exchange-server.ts";
import { startGateway, type Gateway, type Json } from "./gateway-process.ts";
import { ALICE, BOB, CAROL, FILES } from "./mailboxes.ts";

export const DORA = "dora@example.com";
export const EMIL = "emil@example.com";
/** bob's mailbox, as Outlook names it. */
export const BOX = "0ba2c32c-9b2e-4a3c-9d4e-111122223333@example.com";

export interface ExchangeScene {
  readonly mbx1: ExchangeServer;
  readonly mbx2: ExchangeServer;
  readonly gateway: Gateway;
  ask(path: string, asked?: Asked): Promise<Told>;
  stop(): Promise<void>;
}

/** `without`: folders that the servers do not have. */
export async function startExchangeScene(https: Json = {}, without: readonly string[] = []): Promise<ExchangeScene> {
  const [mbx1, mbx2] = [await startExchange("mbx1", without), await startExchange("mbx2", without)];
  const [dead = 0] = await freePorts(1);
  const at = (port: number): Json => ({ https: `http://127.0.0.1:${port}` });
  const starting = startGateway({
    listeners: { https: { protocol: "https" } },
    backends: { mbx1: at(mbx1.port), mbx2: at(mbx2.port), away: at(dead), zurich: at(mbx1.port), other: at(mbx1.port) },
    routes: [
      {
        source: "static",
        // bob's database can be taken over by the first server.
        users: {
          [ALICE]: "mbx1",
          [BOB]: ["mbx2", "mbx1"],
          [BOX]: ["mbx2", "mbx1"],
          [CAROL]: "away",
          [DORA]: "zurich",
          [EMIL]: "other",
        },
      },
    ],
    files: FILES,
    config: {
      https: {
        redirects: {
          zurich: { url: "https://mail.zurich.example.com" },
          other: { url: "https://mail.other.example.com", style: "page", address: "other.example.net" },
        },
        ...https,
      },
    },
  });
  const stopServers = (): Promise<unknown> => Promise.all([mbx1.stop(), mbx2.stop()]);
  const gateway = await starting.catch(async (error: unknown) => {
    await stopServers();
    throw error;
  });
  return {
    mbx1,
    mbx2,
    gateway,
    ask: (path, asked) => curl(gateway, path, asked),
    async stop() {
      await gateway.stop();
      await stopServers();
    },
  };
}

/** A connection in HTTP/1.1, for answers that are looked at piece by piece. */
export const open = ({ gateway }: ExchangeScene): Promise<Talk> => Talk.open({ port: gateway.port("https") });

/** A request as it goes on the wire. */
export function post(path: string, user: string, fields: readonly string[], body: string): string {
  const head = [`POST ${path} HTTP/1.1`, "Host: mail.example.com", `Authorization: ${basic(user)}`, ...fields];
  return `${head.join("\r\n")}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
