import { randomBytes } from "node:crypto";
import test from "ava";
import type { ExecutionContext } from "ava";
import { Failure, type MechanismStep, type Proofs } from "@postern/contracts";
import { NtlmClient, proofOf, responseKey, sessionBaseKeyOf } from "../../test/ntlm-client.ts";
import { ntlmSignature } from "../ntlm/signing.ts";
import { der, elements, only } from "./der.ts";
import { fakeKerberos, KERBEROS_TOKEN } from "../../test/fake-acceptor.ts";
import { SpnegoExchange } from "./spnego-exchange.ts";
import { readNegotiateToken, type NegTokenResp } from "./spnego.ts";

const OIDS = {
  kerberos: "06092a864886f712010202",
  kerberosOfWindows: "06092a864882f712010202",
  ntlm: "060a2b06010401823702020a",
  negoex: "060a2b06010401823702021e",
};
type Offered = keyof typeof OIDS;

const listOf = (offered: readonly Offered[]): Buffer => der(0x30, ...offered.map((one) => Buffer.from(OIDS[one], "hex")));

function init(offered: readonly Offered[], token?: Buffer): Buffer {
  const fields = [der(0xa0, listOf(offered)), ...(token === undefined ? [] : [der(0xa2, der(4, token))])];
  return der(0x60, Buffer.from("06062b0601050502", "hex"), der(0xa0, der(0x30, ...fields)));
}

function response(token: Buffer | undefined, mic?: Buffer, state?: number): Buffer {
  const fields = [
    ...(state === undefined ? [] : [der(0xa0, der(0x0a, Buffer.from([state])))]),
    ...(token === undefined ? [] : [der(0xa2, der(4, token))]),
    ...(mic === undefined ? [] : [der(0xa3, der(4, mic))]),
  ];
  return der(0xa1, der(0x30, ...fields));
}

const NT_HASH = randomBytes(16);
const CLIENT = { user: "alice", domain: "EXAMPLE", ntHash: NT_HASH };

/** Knows alice by her NT hash. */
const NTLM: Proofs = {
  async ntlm({ user, domain, serverChallenge, ntResponse }) {
    const key = responseKey(NT_HASH, user, domain);
    const proof = proofOf(key, serverChallenge, ntResponse.subarray(16));
    if (!proof.equals(ntResponse.subarray(0, 16))) throw new Failure("wrong-credentials", "wrong password");
    return { user: "alice@example.com", sessionBaseKey: sessionBaseKeyOf(key, proof) };
  },
};

const exchange = (proofs: Proofs = NTLM): SpnegoExchange => new SpnegoExchange(fakeKerberos({ proofs }).context, "Negotiate");

function answered(t: ExecutionContext, step: MechanismStep): NegTokenResp {
  const token = step.kind === "challenge" ? readNegotiateToken(step.data) : undefined;
  return token?.kind === "response" ? token : t.fail();
}

/** The client's last message, with the signature of its list. */
function last(
  client: NtlmClient,
  challenge: Buffer | undefined,
  offered: readonly Offered[],
  side: "client" | "server" = "client",
) {
  const { message, sessionKey } = client.authenticate(challenge ?? Buffer.alloc(0));
  const session = { key: sessionKey, flags: message.readUInt32LE(60) };
  return {
    message,
    mic: ntlmSignature(session, side, listOf(offered)),
    answer: ntlmSignature(session, "server", listOf(offered)),
  };
}

test("spnego: NTLM as the client's first choice, with and without a signature of its list", async (t) => {
  for (const signs of [true, false]) {
    const client = new NtlmClient(CLIENT);
    const spnego = exchange();
    const challenge = answered(t, await spnego.next(init(["ntlm"], client.negotiate())));
    t.is(challenge.state, "accept-incomplete");
    const { message, mic, answer } = last(client, challenge.token, ["ntlm"]);
    const done = await spnego.next(response(message, signs ? mic : undefined));
    t.like(done.kind === "done" && done.credentials, {
      kind: "proven",
      mechanism: "Negotiate",
      user: "alice@example.com",
      authcid: "alice",
    });
    t.deepEqual(readNegotiateToken(spnego.last ?? Buffer.alloc(0)), {
      kind: "response",
      state: "accept-completed",
      token: undefined,
      mechanismListMic: signs ? answer : undefined,
    });
    spnego.close();
  }
});

test("spnego: the answer names NTLM, in the first answer only", async (t) => {
  const client = new NtlmClient(CLIENT);
  const step = await exchange().next(init(["ntlm"], client.negotiate()));
  const fields = elements(only(only(step.kind === "challenge" ? step.data : Buffer.alloc(0), 0xa1), 0x30));
  t.deepEqual(fields[1]?.value, Buffer.from(OIDS.ntlm, "hex"));
});

test("spnego: NTLM that was not the first choice needs the signature, or Kerberos may have been taken off the list", async (t) => {
  for (const signed of ["right", "missing", "wrong", "of another list"] as const) {
    const offered: readonly Offered[] = ["negoex", "ntlm"];
    const client = new NtlmClient(CLIENT);
    const spnego = exchange();
    const first = answered(t, await spnego.next(init(offered, Buffer.from("NEGOEXTS"))));
    t.is(first.state, "request-mic");
    const challenge = answered(t, await spnego.next(response(client.negotiate())));
    const { message, mic } = last(
      client,
      challenge.token,
      signed === "of another list" ? ["ntlm"] : offered,
      signed === "wrong" ? "server" : "client",
    );
    const end = spnego.next(response(message, signed === "missing" ? undefined : mic));
    if (signed === "right") {
      t.is((await end).kind, "done");
      continue;
    }
    const error = await t.throwsAsync(end, { instanceOf: Failure }, signed);
    t.is(error?.kind, "wrong-credentials");
    t.is(spnego.last, undefined);
  }
});

test("spnego: a wrong password is refused, and counted under its name", async (t) => {
  const client = new NtlmClient({ ...CLIENT, ntHash: randomBytes(16) });
  const spnego = exchange();
  const challenge = answered(t, await spnego.next(init(["ntlm"], client.negotiate())));
  const error = await t.throwsAsync(spnego.next(response(client.authenticate(challenge.token ?? Buffer.alloc(0)).message)), {
    instanceOf: Failure,
  });
  t.is(error?.kind, "wrong-credentials");
  t.is(spnego.claimed, "alice");
});

test("spnego: NTLM with nothing around it", async (t) => {
  const client = new NtlmClient(CLIENT);
  const spnego = exchange();
  const step = await spnego.next(client.negotiate());
  const done = await spnego.next(client.authenticate(step.kind === "challenge" ? step.data : Buffer.alloc(0)).message);
  t.is(done.kind, "done");
  t.is(spnego.last, undefined);
});

test("spnego: of the client's list, the first that a verifier proves is taken", async (t) => {
  const both = fakeKerberos({ proofs: NTLM });
  const token = init(["kerberosOfWindows", "kerberos", "negoex", "ntlm"], KERBEROS_TOKEN);
  const spnego = new SpnegoExchange(both.context, "Negotiate");
  t.is((await spnego.next(token)).kind, "done");
  t.deepEqual(both.tokens, [token]);
  t.deepEqual(spnego.last, Buffer.from("mutual"));
  const fallback = new SpnegoExchange({ ...both.context, proofs: NTLM }, "Negotiate");
  t.is(answered(t, await fallback.next(token)).state, "request-mic");
});

test("spnego: a client that offers nothing that a verifier proves is refused", async (t) => {
  const { context } = fakeKerberos();
  for (const token of [init(["negoex"]), init(["ntlm"]), new NtlmClient(CLIENT).negotiate()]) {
    const error = await t.throwsAsync(new SpnegoExchange(context, "Negotiate").next(token), { instanceOf: Failure });
    t.is(error?.kind, "wrong-credentials");
  }
});

test("spnego: messages out of order are refused", async (t) => {
  const begun = async (): Promise<SpnegoExchange> => {
    const spnego = exchange();
    await spnego.next(init(["ntlm"], new NtlmClient(CLIENT).negotiate()));
    return spnego;
  };
  const client = new NtlmClient(CLIENT);
  for (const [token, kind] of [
    [init(["ntlm"], client.negotiate()), "exchange-malformed"],
    [response(undefined), "exchange-malformed"],
    [response(undefined, undefined, 2), "exchange-cancelled"],
    [client.negotiate(), "exchange-malformed"],
    [KERBEROS_TOKEN, "exchange-malformed"],
  ] as const) {
    const error = await t.throwsAsync((await begun()).next(token), { instanceOf: Failure });
    t.is(error?.kind, kind);
  }
  t.is((await t.throwsAsync(exchange().next(response(client.negotiate())), { instanceOf: Failure }))?.kind, "exchange-malformed");
});

test("spnego: after a refusal nothing goes on", async (t) => {
  const spnego = exchange();
  await t.throwsAsync(spnego.next(Buffer.from("garbage")), { instanceOf: Failure });
  await t.throwsAsync(spnego.next(KERBEROS_TOKEN), { instanceOf: Failure });
});
