// Kerberos in this process, for tests: verifier and mechanisms as the gateway puts them together, with the client of
// gss-client.py on the other side of a pipe. The GSS library reads the true environment, which a test's process.env is
// not: it is set by libc.

import { spawn } from "node:child_process";
import { once } from "node:events";
import ffi from "node:ffi";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createAuthenticator } from "@postern/auth";
import { systemClock, type Authenticator, type Credentials } from "@postern/contracts";
import { bareContext, MECHANISMS, runExchange } from "@postern/sasl";
import { createMemoryLogger } from "@postern/testing";
import type { KerberosEnvironment } from "@postern/testing";

const PYTHON = "/usr/bin/python3";
const CLIENT = fileURLToPath(new URL("gss-client.py", import.meta.url));

/** Sets variables where C code finds them. */
export function setEnvironment(environment: KerberosEnvironment): void {
  const { functions } = ffi.dlopen(null, { setenv: { return: "i32", arguments: ["string", "string", "i32"] } });
  for (const [name, value] of Object.entries(environment)) functions.setenv(name, value, 1);
}

export interface House {
  readonly keytab: string;
  readonly realms?: Readonly<Record<string, string>>;
  readonly channelBinding?: "check" | "ignore";
}

export function kerberosAuthenticator({ keytab, realms = {}, channelBinding = "check" }: House): Authenticator {
  return createAuthenticator(
    {
      verifiers: [{ verifier: "kerberos", keytab, realms, map: {}, channelBinding }],
      cache: 0,
      actAs: [],
      rights: [],
      masterSeparator: undefined,
    },
    { clock: systemClock, logger: createMemoryLogger(), defaultDomain: "example.com", secret: Buffer.alloc(32, 1) },
  );
}

export interface ExchangeOptions {
  readonly mechanism: "GSSAPI" | "GSS-SPNEGO";
  /** The service of the protocol. */
  readonly service?: string;
  /** The service that the client asks for: "imap@localhost". */
  readonly asked?: string;
  /** What the server and the client take for the hash of the certificate. */
  readonly binding?: Buffer;
  readonly clientBinding?: Buffer;
  readonly authzid?: string;
  readonly layer?: number;
  /** The client sends its first token with the command. */
  readonly initial?: boolean;
  readonly environment: KerberosEnvironment;
}

/** One exchange between our mechanism and the client. Rejects with what our half fails with. */
export async function exchange(authenticator: Authenticator, options: ExchangeOptions): Promise<Credentials> {
  const { mechanism, service = "imap", asked = `${service}@localhost`, binding, clientBinding } = options;
  const { authzid = "", layer = 1, initial = true, environment } = options;
  const args = [CLIENT, "exchange", mechanism, asked, clientBinding?.toString("hex") ?? "", authzid, String(layer)];
  const client = spawn(PYTHON, args, {
    env: { ...process.env, ...environment },
    stdio: ["pipe", "pipe", "pipe"],
    timeout: 30_000,
  });
  let words = "";
  client.stderr.setEncoding("utf8").on("data", (text: string) => (words += text));
  // A client that has hung up has said why in its words.
  client.stdin.on("error", () => {});
  const closed = once(client, "close");
  const lines = createInterface({ input: client.stdout })[Symbol.asyncIterator]();
  const read = async (): Promise<string> => {
    const line = await lines.next();
    if (line.done === true) throw new Error(`the client hung up: ${words}`);
    return line.value;
  };
  const factory = MECHANISMS.get(mechanism);
  if (factory === undefined) throw new Error(`no mechanism ${mechanism}`);
  const server = factory.create(
    bareContext({
      service,
      proofs: authenticator.proofs,
      bindings: (type) => (type === "tls-server-end-point" ? binding : undefined),
    }),
  );
  let challenges = 0;
  try {
    return await runExchange(server, initial ? await read() : undefined, async (challenge) => {
      challenges += 1;
      if (initial || challenges > 1) client.stdin.write(`${challenge}\n`);
      return read();
    });
  } finally {
    client.stdin.end();
    await closed;
  }
}

/** First tokens of Kerberos, each good once. */
export async function firstTokens(service: string, count: number, environment: KerberosEnvironment): Promise<Buffer[]> {
  const client = spawn(PYTHON, [CLIENT, "tokens", service, String(count)], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 120_000,
  });
  const tokens: Buffer[] = [];
  for await (const line of createInterface({ input: client.stdout })) tokens.push(Buffer.from(line, "base64"));
  return tokens;
}
