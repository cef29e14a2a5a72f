import { timingSafeEqual } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import * as fc from "fast-check";
import { Failure, type FailureKind, type MechanismContext, type NtlmAccount, type NtlmResponse } from "@postern/contracts";
import { NtlmClient, proofOf, readPairs, responseKey, sessionBaseKeyOf, type NtlmClientOptions } from "../../test/ntlm-client.ts";
import { bareContext } from "../context.ts";
import { runExchange } from "../exchange.ts";
import { ntlm, NtlmExchange } from "./mechanism.ts";
import { fileTime } from "./ntlmv2.ts";

/** Of "Password" ([MS-NLMP] section 4.2.4.1.1). */
const NT_HASH = Buffer.from("a4f49c406510bdcab6824ee7c30fd852", "hex");
const NOW = 1_760_000_000_000;
const END_POINT = Buffer.alloc(32, 7);
const FLAG_KEY_EXCHANGE = 0x40000000;
const CURL_FLAGS = 0x00088206;

const ALICE: NtlmClientOptions = { user: "alice", domain: "EXAMPLE", ntHash: NT_HASH };

/** A verifier that knows alice only. */
async function knowsAlice(response: NtlmResponse): Promise<NtlmAccount> {
  const { user, domain, serverChallenge, ntResponse } = response;
  const key = responseKey(NT_HASH, user, domain);
  const proof = proofOf(key, serverChallenge, ntResponse.subarray(16));
  const known = /^alice(@example\.com)?$/i.test(user) && timingSafeEqual(proof, ntResponse.subarray(0, 16));
  if (!known) throw new Failure("wrong-credentials", "not alice");
  return { user: "alice@example.com", sessionBaseKey: sessionBaseKeyOf(key, proof) };
}

const context = (rest: Partial<MechanismContext> = {}): MechanismContext =>
  bareContext({ hostname: "mail.example.com", now: () => NOW, proofs: { ntlm: knowsAlice }, ...rest });
const inTls = (rest: Partial<MechanismContext> = {}): MechanismContext =>
  context({ bindings: (type) => (type === "tls-server-end-point" ? END_POINT : undefined), ...rest });

interface Bends {
  readonly negotiate?: (message: Buffer) => Buffer;
  readonly challenge?: (message: Buffer) => Buffer;
  readonly authenticate?: (message: Buffer) => Buffer;
}
const same = (message: Buffer): Buffer => message;

/** Client and server, and somebody between them who bends messages. */
async function talk(options: NtlmClientOptions, house = context(), bends: Bends = {}) {
  const { negotiate = same, challenge = same, authenticate = same } = bends;
  const client = new NtlmClient(options);
  const server = new NtlmExchange(house);
  const first = await server.next(negotiate(Buffer.from(client.negotiate())));
  if (first.kind !== "challenge") throw new Error("no challenge");
  const answer = client.authenticate(challenge(Buffer.from(first.data)));
  const step = await server.next(authenticate(Buffer.from(answer.message)));
  if (step.kind !== "done" || step.credentials.kind !== "proven") throw new Error("not done");
  return { server, answer, challenge: first.data, credentials: step.credentials };
}

async function refused(t: ExecutionContext, kind: FailureKind, work: () => unknown, reason?: RegExp): Promise<void> {
  const error = await t.throwsAsync(async () => work(), { instanceOf: Failure });
  t.is(error?.kind, kind);
  if (reason) t.regex(error?.message ?? "", reason);
}

test("ntlm: the right response lets alice in, with nothing secret left behind", async (t) => {
  const { credentials, server, answer } = await talk(ALICE);
  const { secret, ...rest } = credentials;
  t.deepEqual(rest, { kind: "proven", mechanism: "NTLM", authcid: "alice", authzid: "", user: "alice@example.com" });
  t.is(secret.reveal().length, 0);
  t.is(server.claimed, "alice");
  t.deepEqual(server.session?.key, answer.sessionKey);
});

test("ntlm: runs over the exchange with an initial response and without one", async (t) => {
  for (const initial of [true, false]) {
    const client = new NtlmClient(ALICE);
    const asked: string[] = [];
    const ask = async (challenge: string): Promise<string> => {
      asked.push(challenge);
      const message = challenge === "" ? client.negotiate() : client.authenticate(Buffer.from(challenge, "base64")).message;
      return message.toString("base64");
    };
    const first = initial ? client.negotiate().toString("base64") : undefined;
    const credentials = await runExchange(ntlm.create(context()), first, ask);
    t.is(credentials.kind, "proven");
    t.is(asked.length, initial ? 1 : 2);
    if (!initial) t.is(asked[0], "");
  }
});

test("ntlm: a wrong password, another user and an unknown one are refused in the same way, and counted by name", async (t) => {
  for (const options of [
    { ...ALICE, ntHash: Buffer.alloc(16, 1) },
    { ...ALICE, user: "bob" },
  ]) {
    const client = new NtlmClient(options);
    const ask = async (challenge: string): Promise<string> =>
      client.authenticate(Buffer.from(challenge, "base64")).message.toString("base64");
    const credentials = await runExchange(ntlm.create(context()), client.negotiate().toString("base64"), ask);
    t.is(credentials.kind, "rejected");
    t.is(credentials.authcid, options.user);
    if (credentials.kind === "rejected") t.is(credentials.failure.kind, "wrong-credentials");
  }
});

test("ntlm: user@domain with an empty domain, and a bare name, keep their form", async (t) => {
  for (const user of ["alice@example.com", "alice"]) {
    const { credentials, server } = await talk({ ...ALICE, user, domain: "" });
    t.is(credentials.authcid, user);
    t.is(server.claimed, user);
  }
});

test("ntlm: a verifier that is down is told as such", async (t) => {
  const down = context({
    proofs: {
      ntlm: async () => {
        throw new Failure("verifier-down", "nobody there");
      },
    },
  });
  await refused(t, "verifier-down", () => talk(ALICE, down));
});

test("ntlm: the challenge names the host and its domain, the time, and what was asked for", async (t) => {
  const { challenge } = await talk(ALICE);
  const pairs = readPairs(challenge.subarray(challenge.readUInt32LE(44)));
  const text = (id: number): string | undefined => pairs.get(id)?.toString("utf16le");
  t.deepEqual([text(1), text(2), text(3), text(4)], ["MAIL", "EXAMPLE", "mail.example.com", "example.com"]);
  t.deepEqual(pairs.get(7), fileTime(NOW));
  const flags = challenge.readUInt32LE(20);
  t.is(flags & 0x3, 0x1, "Unicode, not OEM");
  t.is((flags & 0xe2898214) >>> 0, 0xe2898214);
  t.is(flags & 0x80, 0, "no LM key");
});

test("ntlm: a host without a dot is its own domain, and NetBIOS names have 15 characters", async (t) => {
  const { challenge } = await talk(ALICE, context({ hostname: "averyveryverylonghost" }));
  const pairs = readPairs(challenge.subarray(challenge.readUInt32LE(44)));
  t.is(pairs.get(1)?.toString("utf16le"), "AVERYVERYVERYLO");
  t.is(pairs.get(4)?.toString("utf16le"), "averyveryverylonghost");
});

test("ntlm: every exchange has its own challenge", async (t) => {
  const challenges = await Promise.all(Array.from({ length: 20 }, () => talk(ALICE)));
  t.is(new Set(challenges.map(({ challenge }) => challenge.subarray(24, 32).toString("hex"))).size, 20);
});

test("ntlm: a challenge may be answered once, also after a wrong answer", async (t) => {
  const { server, answer } = await talk(ALICE);
  await refused(t, "exchange-malformed", () => server.next(answer.message), /over/);
  const client = new NtlmClient(ALICE);
  const other = new NtlmExchange(context());
  const step = await other.next(client.negotiate());
  const right = client.authenticate(step.kind === "challenge" ? step.data : Buffer.alloc(0));
  await refused(t, "exchange-malformed", () => other.next(Buffer.from("x")));
  await refused(t, "exchange-malformed", () => other.next(right.message), /over/);
});

test("ntlm: a recorded answer is worth nothing in another exchange", async (t) => {
  const { answer } = await talk(ALICE);
  const server = new NtlmExchange(context());
  await server.next(new NtlmClient(ALICE).negotiate());
  await refused(t, "wrong-credentials", () => server.next(answer.message));
});

test("ntlm: NTLMv1 and anonymous answers never reach the verifier", async (t) => {
  let asked = 0;
  const house = context({
    proofs: {
      ntlm: async () => {
        asked++;
        return { user: "alice@example.com", sessionBaseKey: Buffer.alloc(16) };
      },
    },
  });
  for (const length of [0, 1, 16, 24, 44])
    await refused(
      t,
      "wrong-credentials",
      () => talk({ ...ALICE, mic: false, bend: () => Buffer.alloc(length) }, house),
      /NTLMv1/,
    );
  await refused(t, "wrong-credentials", () => talk({ ...ALICE, user: "", domain: "" }, house), /name/);
  await refused(t, "exchange-malformed", () => talk({ ...ALICE, bend: () => Buffer.alloc(47) }, house));
  t.is(asked, 0);
});

test("ntlm: names with control characters never reach the verifier", async (t) => {
  for (const bad of ["al\nice", "alice\r\n.\r\n", "alice\0", "ali\u2028ce"]) {
    await refused(t, "wrong-credentials", () => talk({ ...ALICE, user: bad }), /name/);
    await refused(t, "wrong-credentials", () => talk({ ...ALICE, domain: bad }), /name/);
  }
});

test("ntlm: a changed flag, name or challenge breaks the MIC", async (t) => {
  const flip = (at: number, bits: number) => (message: Buffer) => {
    message[at] = (message[at] ?? 0) ^ bits;
    return message;
  };
  const mic = /MIC/;
  await refused(t, "wrong-credentials", () => talk(ALICE, context(), { negotiate: flip(12, 0x20) }), mic);
  await refused(t, "wrong-credentials", () => talk(ALICE, context(), { challenge: flip(20, 0x20) }), mic);
  await refused(t, "wrong-credentials", () => talk(ALICE, context(), { authenticate: flip(60, 0x20) }), mic);
  await refused(t, "wrong-credentials", () => talk(ALICE, context(), { authenticate: flip(72, 1) }), mic);
  const withoutExchange = (message: Buffer): Buffer => {
    message.writeUInt32LE((message.readUInt32LE(20) & ~FLAG_KEY_EXCHANGE) >>> 0, 20);
    return message;
  };
  await refused(t, "wrong-credentials", () => talk(ALICE, context(), { challenge: withoutExchange }), mic);
});

test("ntlm: a MIC cannot be taken away: that it is there stands under the proof", async (t) => {
  const wipe = (message: Buffer): Buffer => message.fill(0, 72, 88);
  await refused(t, "wrong-credentials", () => talk(ALICE, context(), { authenticate: wipe }), /MIC/);
  const unsay = (message: Buffer): Buffer => {
    message[message.indexOf(Buffer.from([6, 0, 4, 0, 2, 0, 0, 0])) + 4] = 0;
    return message;
  };
  await refused(t, "wrong-credentials", () => talk(ALICE, context(), { authenticate: unsay }), /not alice/);
});

test("ntlm: a MIC without room for it is malformed", async (t) => {
  // The domain moves into the place of the MIC, which is made to look like a name.
  const crowd = (message: Buffer): Buffer => {
    message.fill("A\0", 72, 88);
    message.writeUInt32LE(72, 32);
    return message;
  };
  const anybody = context({ proofs: { ntlm: async () => ({ user: "alice", sessionBaseKey: Buffer.alloc(16) }) } });
  await refused(t, "exchange-malformed", () => talk(ALICE, anybody, { authenticate: crowd }), /room/);
});

test("ntlm: a client that announces no MIC is let in, with and without a key exchange", async (t) => {
  for (const flags of [0xe2088297, 0xa2088297, CURL_FLAGS]) {
    const { credentials } = await talk({ ...ALICE, flags, mic: false });
    t.is(credentials.user, "alice@example.com");
  }
});

test("ntlm: a client of OEM names is answered in OEM, and its MIC counts as well", async (t) => {
  const { challenge, credentials } = await talk({ ...ALICE, flags: CURL_FLAGS });
  t.is(challenge.readUInt32LE(20) & 0x3, 0x2);
  t.is(challenge.subarray(56, 63).toString("latin1"), "EXAMPLE");
  t.is(credentials.authcid, "alice");
});

test("ntlm: a client without any charset is malformed", async (t) => {
  await refused(t, "exchange-malformed", () => talk({ ...ALICE, flags: 0x00088204 }), /charset/);
});

test("ntlm: a time in the response may be up to 36 hours off", async (t) => {
  const day = 86_400_000;
  for (const off of [-1.5 * day, 1.5 * day, 0]) t.truthy(await talk({ ...ALICE, time: fileTime(NOW + off) }));
  for (const off of [-1.5 * day - 1, 1.5 * day + 1, -20_000 * day])
    await refused(t, "wrong-credentials", () => talk({ ...ALICE, time: fileTime(NOW + off) }), /36 hours/);
});

test("ntlm: inside TLS the right channel binding is taken, and another one refused", async (t) => {
  t.truthy(await talk({ ...ALICE, endPoint: END_POINT }, inTls()));
  await refused(t, "wrong-credentials", () => talk({ ...ALICE, endPoint: Buffer.alloc(32, 8) }, inTls()), /TLS channel/);
});

test("ntlm: a channel binding that is absent or zero is let in", async (t) => {
  t.truthy(await talk(ALICE, inTls()));
  t.truthy(await talk({ ...ALICE, endPoint: null }, inTls()));
});

test("ntlm: without TLS at our end a channel binding cannot be compared, and is let be", async (t) => {
  t.truthy(await talk({ ...ALICE, endPoint: END_POINT }, context()));
});

test("ntlm: close() wipes the session key", async (t) => {
  const { server } = await talk(ALICE);
  const key = server.session?.key ?? Buffer.alloc(0);
  t.false(key.every((byte) => byte === 0));
  server.close();
  t.true(key.every((byte) => byte === 0));
  t.is(server.session, undefined);
});

test("ntlm: random answers end in a failure of the exchange or in rejected credentials", async (t) => {
  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
  const changes = fc.array(fc.tuple(fc.nat(600), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 6 });
  const bent = (original: Buffer, slips: readonly (readonly [number, number])[]): Buffer => {
    const message = Buffer.from(original);
    for (const [at, bits] of slips) message[at % message.length] = (message[at % message.length] ?? 0) ^ bits;
    return message;
  };
  await fc.assert(
    fc.asyncProperty(fc.option(bytes), changes, async (random, slips) => {
      const client = new NtlmClient({ ...ALICE, ntHash: Buffer.alloc(16, 1) });
      const ask = async (challenge: string): Promise<string> =>
        (random ?? bent(client.authenticate(Buffer.from(challenge, "base64")).message, slips)).toString("base64");
      try {
        const credentials = await runExchange(ntlm.create(inTls()), client.negotiate().toString("base64"), ask);
        t.is(credentials.kind, "rejected");
      } catch (error) {
        t.true(error instanceof Failure && error.kind === "exchange-malformed", String(error));
      }
    }),
    { numRuns: 500 },
  );
});
