// Samba's ntlm_auth as the helper. With --password it checks that one password itself, without winbind and a domain.

import test, { type ExecutionContext } from "ava";
import { Failure, systemClock, type NtlmResponse } from "@postern/contracts";
import { createNtlmVerifier } from "./verifier.ts";

const HELPER = ["ntlm_auth", "--helper-protocol=ntlm-server-1"];

// [MS-NLMP] section 4.2.4.
const RESPONSE: NtlmResponse = {
  user: "User",
  domain: "Domain",
  workstation: "COMPUTER",
  serverChallenge: Buffer.from("0123456789abcdef", "hex"),
  ntResponse: Buffer.from(
    "68cd0ab851e51c96aabc927bebef6a1c01010000000000000000000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d00610069006e00" +
      "01000c005300650072007600650072000000000000000000",
    "hex",
  ),
  lmResponse: Buffer.alloc(24),
};

function verifierFor(t: ExecutionContext, command: readonly string[]) {
  const verifier = createNtlmVerifier(
    { domains: { DOMAIN: "example.com" }, command, processes: 2, timeout: 10_000 },
    { clock: systemClock },
  );
  t.teardown(() => verifier.close());
  return async (response = RESPONSE) => verifier.ntlm?.(response);
}

const kindOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.catch((error: unknown) => (error instanceof Failure ? error.kind : error));

test("ntlm: Samba's helper takes the published response and gives its session base key", async (t) => {
  const ask = verifierFor(t, [...HELPER, "--password=Password"]);
  const account = await ask();
  t.is(account?.user, "User@example.com");
  t.is(account?.sessionBaseKey.toString("hex"), "8de40ccadbc14a82f15cb0ad0de95ca3");
});

test("ntlm: Samba's helper refuses another password, challenge and user, and keeps in step", async (t) => {
  t.is(await kindOf(verifierFor(t, [...HELPER, "--password=password"])()), "wrong-credentials");
  const ask = verifierFor(t, [...HELPER, "--password=Password"]);
  const outcomes = await Promise.all(
    Array.from({ length: 30 }, (_, index) => {
      if (index % 3 === 0) return ask();
      return kindOf(ask(index % 3 === 1 ? { ...RESPONSE, serverChallenge: Buffer.alloc(8) } : { ...RESPONSE, user: "Other" }));
    }),
  );
  for (const [index, outcome] of outcomes.entries()) {
    if (index % 3 === 0) t.like(outcome, { user: "User@example.com" });
    else t.is(outcome, "wrong-credentials");
  }
});

test("ntlm: Samba's helper without winbind is down, not a wrong password", async (t) => {
  t.is(await kindOf(verifierFor(t, HELPER)()), "verifier-down");
});
