// Samba as the client, against our NTLM mechanism: its tool ntlm_auth, which sends no MIC, and its library, which does.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import test from "ava";
import { Failure, type Credentials, type NtlmResponse, type ServerMechanism } from "@postern/contracts";
import { bareContext } from "../src/context.ts";
import { runExchange } from "../src/exchange.ts";
import { ntlm, NtlmExchange } from "../src/ntlm/mechanism.ts";
import { ntlmSignature } from "../src/ntlm/signing.ts";
import { proofOf, responseKey, sessionBaseKeyOf } from "./ntlm-client.ts";

/** Of "Password" ([MS-NLMP] section 4.2.4.1.1). */
const NT_HASH = Buffer.from("a4f49c406510bdcab6824ee7c30fd852", "hex");
const LIBRARY = fileURLToPath(new URL("ntlm-samba-client.py", import.meta.url));
/** In the challenge: its flags, of which SEAL is one. */
const FLAGS_AT = 20;
const SEAL = 0x20;

async function check({ user, domain, serverChallenge, ntResponse }: NtlmResponse) {
  const key = responseKey(NT_HASH, user, domain);
  const proof = proofOf(key, serverChallenge, ntResponse.subarray(16));
  if (!proof.equals(ntResponse.subarray(0, 16))) throw new Failure("wrong-credentials", "the proof is wrong");
  return { user: `${user}@${domain.toLowerCase()}.test`, sessionBaseKey: sessionBaseKeyOf(key, proof) };
}

const context = bareContext({ hostname: "mail.example.com", proofs: { ntlm: check } });

/** A program that is asked and answers line by line. */
function program(command: string, args: readonly string[]) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    say: (line: string) => child.stdin.write(`${line}\n`),
    hear: async (): Promise<string> => {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`${command} has ended`);
      return value;
    },
    end: () => void child.kill(),
  };
}

/** One exchange in which Samba's tool is the client. */
async function withTool(password: string): Promise<Credentials> {
  const { say, hear, end } = program("ntlm_auth", [
    "--helper-protocol=ntlmssp-client-1",
    "--username=alice",
    "--domain=EXAMPLE",
    `--password=${password}`,
  ]);
  const ask = async (line: string): Promise<string> => {
    say(line);
    const answer = await hear();
    const match = /^(?:YR|KK|AF) (\S+)/.exec(answer);
    if (match === null) throw new Error(`ntlm_auth says: ${answer}`);
    return match[1] ?? "";
  };
  try {
    return await runExchange(ntlm.create(context), await ask("YR"), (challenge) => ask(`TT ${challenge}`));
  } finally {
    end();
  }
}

/** One exchange in which Samba's library is the client; it sees the challenge as `bend` leaves it. */
async function withLibrary(password: string, bend: (challenge: Buffer) => void = () => {}) {
  const { say, hear, end } = program("/usr/bin/python3", [LIBRARY, "alice", "EXAMPLE", password]);
  const exchange = new NtlmExchange(context);
  // The session must outlive the exchange here, to compare a signature.
  const open: ServerMechanism = { name: "NTLM", claimed: "", next: (response) => exchange.next(response) };
  try {
    const credentials = await runExchange(open, await hear(), async (challenge) => {
      const seen = Buffer.from(challenge, "base64");
      bend(seen);
      say(seen.toString("base64"));
      return hear();
    });
    if (exchange.session === undefined) return { credentials };
    say("");
    return { credentials, theirs: await hear(), ours: ntlmSignature(exchange.session, "client", Buffer.from("hello")) };
  } finally {
    end();
  }
}

test("ntlm: Samba's tool gets in with the right password", async (t) => {
  const credentials = await withTool("Password");
  t.is(credentials.kind, "proven");
  t.is(credentials.authcid, "alice");
  if (credentials.kind === "proven") t.is(credentials.user, "alice@example.test");
});

test("ntlm: Samba's tool is refused with a wrong password", async (t) => {
  const credentials = await withTool("password");
  t.is(credentials.kind, "rejected");
  if (credentials.kind === "rejected") t.is(credentials.failure.kind, "wrong-credentials");
});

test("ntlm: Samba's library gets in with its MIC, and signs as we do", async (t) => {
  const { credentials, theirs, ours } = await withLibrary("Password");
  t.is(credentials.kind, "proven");
  t.is(ours?.toString("hex"), theirs);
});

test("ntlm: Samba's library is refused with a wrong password", async (t) => {
  const { credentials } = await withLibrary("password");
  t.is(credentials.kind, "rejected");
});

test("ntlm: Samba's library is refused when somebody changes the flags on the way", async (t) => {
  const { credentials } = await withLibrary("Password", (challenge) => {
    challenge.writeUInt32LE((challenge.readUInt32LE(FLAGS_AT) ^ SEAL) >>> 0, FLAGS_AT);
  });
  t.is(credentials.kind, "rejected");
  if (credentials.kind === "rejected") t.regex(credentials.failure.message, /MIC/);
});
