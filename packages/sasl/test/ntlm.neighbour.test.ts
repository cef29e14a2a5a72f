// Samba's ntlm_auth as the client, against our NTLM mechanism.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import test from "ava";
import { Failure, type Credentials, type NtlmResponse } from "@postern/contracts";
import { bareContext } from "../src/context.ts";
import { runExchange } from "../src/exchange.ts";
import { ntlm } from "../src/ntlm/mechanism.ts";
import { proofOf, responseKey, sessionBaseKeyOf } from "./ntlm-client.ts";

/** Of "Password" ([MS-NLMP] section 4.2.4.1.1). */
const NT_HASH = Buffer.from("a4f49c406510bdcab6824ee7c30fd852", "hex");

async function check({ user, domain, serverChallenge, ntResponse }: NtlmResponse) {
  const key = responseKey(NT_HASH, user, domain);
  const proof = proofOf(key, serverChallenge, ntResponse.subarray(16));
  if (!proof.equals(ntResponse.subarray(0, 16))) throw new Failure("wrong-credentials", "the proof is wrong");
  return { user: `${user}@${domain.toLowerCase()}.test`, sessionBaseKey: sessionBaseKeyOf(key, proof) };
}

/** One exchange in which Samba's tool is the client. */
async function logIn(password: string): Promise<Credentials> {
  const args = ["--helper-protocol=ntlmssp-client-1", "--username=alice", "--domain=EXAMPLE", `--password=${password}`];
  const samba = spawn("ntlm_auth", args, { stdio: ["pipe", "pipe", "ignore"] });
  const lines = createInterface({ input: samba.stdout })[Symbol.asyncIterator]();
  const say = async (line: string): Promise<string> => {
    samba.stdin.write(`${line}\n`);
    const answer: string = (await lines.next()).value ?? "";
    const match = /^(?:YR|KK|AF) (\S+)/.exec(answer);
    if (match === null) throw new Error(`ntlm_auth says: ${answer}`);
    return match[1] ?? "";
  };
  try {
    const initial = await say("YR");
    const context = bareContext({ hostname: "mail.example.com", proofs: { ntlm: check } });
    return await runExchange(ntlm.create(context), initial, (challenge) => say(`TT ${challenge}`));
  } finally {
    samba.stdin.end();
    samba.kill();
  }
}

test("ntlm: Samba's client gets in with the right password", async (t) => {
  const credentials = await logIn("Password");
  t.is(credentials.kind, "proven");
  t.is(credentials.authcid, "EXAMPLE\\alice");
  if (credentials.kind === "proven") t.is(credentials.user, "alice@example.test");
});

test("ntlm: Samba's client is refused with a wrong password", async (t) => {
  const credentials = await logIn("password");
  t.is(credentials.kind, "rejected");
  if (credentials.kind === "rejected") t.is(credentials.failure.kind, "wrong-credentials");
});
