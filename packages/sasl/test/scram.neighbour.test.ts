// SCRAM and EXTERNAL against the client half of Cyrus SASL, as mail programs on Linux have it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { fileURLToPath } from "node:url";
import test, { type ExecutionContext } from "ava";
import type { Credentials, MechanismFactory, Proofs, ScramHash } from "@postern/contracts";
import { bareContext } from "../src/context.ts";
import { runExchange } from "../src/exchange.ts";
import { external } from "../src/external.ts";
import { BINDING, bindings } from "./scram-client.ts";
import { scramKeys } from "../src/scram-keys.ts";
import { scramSha1, scramSha1Plus, scramSha256, scramSha256Plus } from "../src/scram.ts";

const SCRIPT = fileURLToPath(new URL("scram-libsasl.py", import.meta.url));
// Composed as NFKC has it: this library does not prepare passwords.
const PASSWORD = "pässword, with = and €";
const SALT = Buffer.from("0123456789abcdef");

/** A name with everything that SCRAM must encode. */
const NAME = "al,i=cé";
const KEYS = {
  sha1: await scramKeys("sha1", PASSWORD, SALT, 4096),
  sha256: await scramKeys("sha256", PASSWORD, SALT, 10_000),
};
const proofs: Proofs = {
  scram: async (hash, user) => ({ keys: KEYS[hash], user: user === NAME ? "alice" : undefined }),
  certificate: async () => "alice",
};

interface Client {
  /** What the client believes to be on offer. */
  readonly offered: string;
  readonly user?: string;
  readonly authzid?: string;
  readonly password?: string;
  readonly binding?: "tls-exporter" | "tls-server-end-point";
  /** The client's end of the channel, when it is another. */
  readonly data?: Buffer;
  /** The gateway has no channel binding. */
  readonly unbound?: boolean;
}

/** Runs the exchange; also, whether the client was content with the server at its end. */
async function converse(t: ExecutionContext, mechanism: MechanismFactory, client: Client) {
  const { offered, user = NAME, authzid = "", password = PASSWORD, binding, data } = client;
  const channel = binding === undefined ? "" : (data ?? BINDING[binding]).toString("base64");
  const child = spawn("/usr/bin/python3", [SCRIPT, offered, user, authzid, password, binding ?? "", channel], {
    stdio: ["pipe", "pipe", "inherit"],
    timeout: 30_000,
  });
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let content = false;
  const read = async (): Promise<string> => {
    const line: IteratorResult<string, undefined> = await lines.next();
    const [state, message = ""] = (line.value ?? "").split(" ");
    content = state === "OK";
    return message;
  };
  const certificate = { verify: "SUCCESS", subject: "CN=alice", issuer: "CN=ca", serial: "01", fingerprint: "00", pem: "" };
  const context = bareContext({ proofs, certificate, ...(client.unbound === true ? {} : { bindings, offers: () => true }) });
  try {
    const first = await read();
    const credentials = await runExchange(mechanism.create(context), first === "" ? "=" : first, (challenge) => {
      child.stdin.write(`${challenge}\n`);
      return read();
    });
    return { credentials, content };
  } finally {
    child.stdin.end();
    await exited;
    t.is(child.signalCode, null);
  }
}

const outcome = (credentials: Credentials): string =>
  credentials.kind === "rejected" ? credentials.failure.kind : credentials.kind;

const PAIRS: readonly (readonly [ScramHash, MechanismFactory, MechanismFactory])[] = [
  ["sha1", scramSha1, scramSha1Plus],
  ["sha256", scramSha256, scramSha256Plus],
];

for (const [hash, bare, plus] of PAIRS) {
  const both = `${bare.name} ${plus.name}`;

  test(`libsasl: ${bare.name} is proven, and the client believes the server`, async (t) => {
    const { credentials, content } = await converse(t, bare, { offered: bare.name, authzid: "b=o,b" });
    t.true(content);
    t.like(credentials, { kind: "proven", mechanism: bare.name, authcid: NAME, authzid: "b=o,b", user: "alice" });
  });

  for (const binding of ["tls-exporter", "tls-server-end-point"] as const) {
    test(`libsasl: ${plus.name} with ${binding} is proven`, async (t) => {
      const { credentials, content } = await converse(t, plus, { offered: both, binding });
      t.true(content);
      t.like(credentials, { kind: "proven", mechanism: plus.name, authcid: NAME, authzid: "", user: "alice" });
    });
  }

  test(`libsasl: ${plus.name} of another channel is refused`, async (t) => {
    const { credentials } = await converse(t, plus, { offered: both, binding: "tls-exporter", data: Buffer.from("elsewhere") });
    t.is(outcome(credentials), "wrong-credentials");
  });

  test(`libsasl: ${bare.name} is refused when somebody hid ${plus.name} from the client, and taken when there is none`, async (t) => {
    const client: Client = { offered: `${bare.name} PLAIN`, binding: "tls-exporter" };
    t.is(outcome((await converse(t, bare, client)).credentials), "wrong-credentials");
    t.is(outcome((await converse(t, bare, { ...client, unbound: true })).credentials), "proven");
  });

  test(`libsasl: ${bare.name} with a wrong password or an unknown name is refused`, async (t) => {
    t.is(outcome((await converse(t, bare, { offered: bare.name, password: "no" })).credentials), "wrong-credentials");
    t.is(outcome((await converse(t, bare, { offered: bare.name, user: "mallory" })).credentials), "wrong-credentials");
  });

  test(`libsasl: ${bare.name} does not believe a server that has other keys`, async (t) => {
    const other: Proofs = {
      async scram() {
        return { keys: { ...KEYS[hash], serverKey: Buffer.alloc(KEYS[hash].serverKey.length) }, user: "alice" };
      },
    };
    const lying: MechanismFactory = { ...bare, create: (context) => bare.create({ ...context, proofs: other }) };
    const { content } = await converse(t, lying, { offered: bare.name });
    t.false(content);
  });
}

test("libsasl: EXTERNAL is proven, with and without a name to act as", async (t) => {
  for (const authzid of ["", "bob"]) {
    const { credentials, content } = await converse(t, external, { offered: "EXTERNAL", authzid });
    t.true(content);
    t.like(credentials, { kind: "proven", mechanism: "EXTERNAL", authcid: "alice", authzid, user: "alice" });
  }
});
