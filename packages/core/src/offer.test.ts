import test from "ava";
import { Failure, type FailureKind, type MechanismFactory, type Proofs } from "@postern/contracts";
import { MECHANISMS } from "@postern/sasl";
import { fakeFront, type FrontOptions } from "../test/front.ts";
import {
  authenticateBy,
  plaintextAllowed,
  requirePasswords,
  requireStartTls,
  takesPasswords,
  usableMechanisms,
} from "./offer.ts";

const mechanisms = (...names: readonly string[]) => [...MECHANISMS.values()].filter(({ name }) => names.includes(name));

function kindOf(run: () => void): FailureKind | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error.kind;
    throw error;
  }
}

for (const [title, options, allowed] of [
  ["in clear from afar: no", {}, false],
  ["inside TLS: yes", { client: { secure: true } }, true],
  ["from loopback: yes", { session: { client: { host: "127.0.0.9", port: 1 } } }, true],
  ["from IPv6 loopback: yes", { session: { client: { host: "::1", port: 1 } } }, true],
  ["from a unix socket: yes", { session: { client: { host: "", port: 0 } } }, true],
  ["where the listener says so: yes", { allowPlaintext: true }, true],
  // The load balancer is on this machine, the client is not.
  ["from afar through a peer on loopback: no", { session: { peer: { host: "127.0.0.1", port: 1 } } }, false],
] as const satisfies readonly (readonly [string, FrontOptions, boolean])[]) {
  test(`offer: secrets as they are ${title}`, (t) => {
    const front = fakeFront(options);
    t.is(plaintextAllowed(front), allowed);
    const usable = new Set(usableMechanisms(front).map(({ name }) => name));
    for (const { name, plaintext, bound } of MECHANISMS.values())
      t.is(usable.has(name), (allowed || !plaintext) && (front.client.secure || !bound), name);
  });
}

test("offer: the protocol's own login command goes with mechanisms of passwords", (t) => {
  t.true(takesPasswords(fakeFront({ context: { mechanisms: mechanisms("LOGIN") } })));
  t.false(takesPasswords(fakeFront({ context: { mechanisms: mechanisms("XOAUTH2", "CRAM-MD5") } })));
  const tokens = fakeFront({ client: { secure: true }, context: { mechanisms: mechanisms("XOAUTH2") } });
  t.is(
    kindOf(() => requirePasswords(tokens, "LOGIN")),
    "unknown-mechanism",
  );
  t.is(
    kindOf(() => requirePasswords(fakeFront(), "LOGIN")),
    "plaintext-refused",
  );
});

for (const [title, options, kind] of [
  ["with bytes behind it", { client: { pending: 1 } }, "bytes-behind-starttls"],
  ["inside TLS", { client: { secure: true } }, "not-now"],
  ["where there is no certificate", { context: { canStartTls: false } }, "not-now"],
  ["otherwise", {}, undefined],
] as const satisfies readonly (readonly [string, FrontOptions, FailureKind | undefined])[]) {
  test(`offer: STARTTLS ${title} is ${kind ?? "taken"}`, (t) => {
    t.is(
      kindOf(() => requireStartTls(fakeFront(options), "STARTTLS")),
      kind,
    );
  });
}

test("offer: a mechanism that is not usable now is refused before any secret is asked for", async (t) => {
  const front = fakeFront();
  const plain = await t.throwsAsync(authenticateBy(front, "plain", undefined, "+ "), { instanceOf: Failure });
  t.is(plain?.kind, "plaintext-refused");
  const unknown = await t.throwsAsync(authenticateBy(front, "X-NONE", undefined, "+ "), { instanceOf: Failure });
  t.is(unknown?.kind, "unknown-mechanism");
  t.deepEqual(front.written, []);
});

test("offer: an exchange asks with the protocol's prefix, and later lets the client see a last challenge", async (t) => {
  const front = fakeFront({ client: { secure: true }, lines: ["YWxpY2U=", "czNjcmV0", ""] });
  const { credentials, lastChallenge } = await authenticateBy(front, "login", undefined, "+ ");
  t.is(credentials.authcid, "alice");
  await lastChallenge?.(Buffer.from("{}"));
  t.deepEqual(front.written, ["+ VXNlcm5hbWU6\r\n", "+ UGFzc3dvcmQ6\r\n", "+ e30=\r\n"]);
});

const SCRAM_FIRST = Buffer.from("n,,n=alice,r=nonce").toString("base64");
const scram: Proofs["scram"] = () => {
  const [salt, key] = [Buffer.alloc(16), Buffer.alloc(32)];
  return Promise.resolve({ keys: { salt, iterations: 4096, storedKey: key, serverKey: key }, user: "alice" });
};

test("offer: who guesses by SCRAM is held back before the server's first word about the name", async (t) => {
  const held: string[] = [];
  const front = fakeFront({
    context: {
      proofs: { scram },
      holdBack(claimed) {
        held.push(`${claimed} after ${front.written.length} challenges`);
        return Promise.resolve(5000);
      },
    },
    lines: [SCRAM_FIRST, Buffer.from(`c=biws,r=x,p=${Buffer.alloc(32).toString("base64")}`).toString("base64")],
  });
  await t.throwsAsync(authenticateBy(front, "SCRAM-SHA-256", undefined, "+ "), { message: /nonce/ });
  t.deepEqual(held, ["alice after 1 challenges"]);
});

test("offer: a guesser who is refused learns nothing of SCRAM", async (t) => {
  const refused = new Failure("too-many-failures", "100 failed logins");
  const front = fakeFront({ context: { proofs: { scram }, holdBack: () => Promise.reject(refused) } });
  t.is(await t.throwsAsync(authenticateBy(front, "SCRAM-SHA-256", SCRAM_FIRST, "+ ")), refused);
  t.deepEqual(front.written, []);
});

test("offer: the wire trace shows no challenge behind which passwords could be tried, but why a token was refused", async (t) => {
  const traced: string[] = [];
  const front = fakeFront({
    client: { writeSecret: (_, masked) => void traced.push(masked), write: (data) => void traced.push(String(data)) },
    context: { proofs: { scram } },
    lines: [SCRAM_FIRST, "*"],
  });
  await t.throwsAsync(authenticateBy(front, "SCRAM-SHA-256", undefined, "+ "), { message: /cancelled/ });
  t.deepEqual(traced, ["+ ", "+ ***"]);
  const token = Buffer.from("n,a=alice,\x01auth=Bearer t0ken\x01\x01").toString("base64");
  const secure = fakeFront({ client: { secure: true, writeSecret: (_, masked) => void traced.push(masked) }, lines: ["AQ=="] });
  const { lastChallenge } = await authenticateBy(secure, "OAUTHBEARER", token, "+ ");
  await lastChallenge?.(Buffer.from("{}"));
  t.deepEqual(traced.slice(2), ["+ e30="]);
});

test("offer: the time that the check of a proof takes is part of the attempt's delay, so that it tells nothing", async (t) => {
  const slow: MechanismFactory = {
    name: "SLOW",
    plaintext: false,
    bound: false,
    onRequest: false,
    needs: "ntlm",
    relays: false,
    create: () => ({
      name: "SLOW",
      claimed: "",
      next() {
        for (const from = performance.now(); performance.now() - from < 20;);
        throw new Failure("wrong-credentials", "no");
      },
    }),
  };
  const { heldMs = 0 } = await authenticateBy(fakeFront({ context: { mechanisms: [slow] } }), "SLOW", "", "+ ");
  t.true(heldMs >= 20, `${heldMs} ms`);
});
