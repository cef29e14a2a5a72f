// An OAuth server for tests of this package: canned answers by path, tokens by jose, a clock by hand.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTHeaderParameters, type JWTPayload } from "jose";
import { Secret, type Clock, type TokenCredentials } from "@postern/contracts";

export interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly form: Readonly<Record<string, string>>;
}

/** A status with a body (text as it is, anything else as JSON); "hang" never answers, "drop" closes. */
export type Canned = readonly [status: number, body: unknown] | "hang" | "drop";

export interface CannedServer {
  readonly url: string;
  /** What it answers, by path; 404 where there is nothing. */
  readonly answers: Map<string, Canned | ((asked: Asked) => Canned)>;
  readonly asked: Asked[];
  stop(): Promise<void>;
}

export async function startCanned(): Promise<CannedServer> {
  const answers: CannedServer["answers"] = new Map();
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      const path = request.url ?? "";
      const question = {
        path,
        authorization: request.headers.authorization,
        form: Object.fromEntries(new URLSearchParams(body)),
      };
      asked.push(question);
      const found = answers.get(path) ?? ([404, "nothing here"] as const);
      const canned = typeof found === "function" ? found(question) : found;
      if (canned === "drop") request.socket.destroy();
      else if (canned !== "hang") response.writeHead(canned[0]).end(textOf(canned[1]));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answers,
    asked,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

const textOf = (body: unknown): string => (typeof body === "string" ? body : JSON.stringify(body));

export interface TestKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

export async function testKey(kid: string, alg = "ES256"): Promise<TestKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
}

export function signed(key: TestKey, claims: JWTPayload, header: Partial<JWTHeaderParameters> = {}): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: key.alg, kid: key.kid, typ: "at+jwt", ...header }).sign(key.privateKey);
}

export function bearer(token: string, authcid = "", mechanism = "OAUTHBEARER"): TokenCredentials {
  return { kind: "token", mechanism, authcid, authzid: "", secret: new Secret(token) };
}

/** A clock whose time stands still until it is moved; its timers run by the real one. */
export function handClock(start: number): Clock & { move(ms: number): void } {
  let now = start;
  return {
    now: () => now,
    after(ms, task) {
      const timer = setTimeout(task, ms);
      return { cancel: () => clearTimeout(timer) };
    },
    move: (ms) => void (now += ms),
  };
}
