import test from "ava";
import * as fc from "fast-check";
import { Failure, type Credentials, type MechanismContext, type MechanismFactory } from "@postern/contracts";
import { runExchange } from "../exchange.ts";
import { kindOf } from "../suite.ts";
import { fakeKerberos, KERBEROS_TOKEN, sealed } from "../../test/fake-acceptor.ts";
import { gssapi } from "./gssapi.ts";
import { gssSpnego } from "./gss-spnego.ts";

const EMPTY = Buffer.alloc(0);
const layer = (bits: number, authzid: string | Buffer = ""): Buffer =>
  sealed(Buffer.concat([Buffer.from([bits, 0, 0, 0]), Buffer.from(authzid)]));

interface Run {
  readonly credentials: Credentials;
  readonly asked: readonly Buffer[];
}

/** Runs the exchange in which the client says `answers`. */
async function run(
  mechanism: MechanismFactory,
  context: MechanismContext,
  initial: Buffer | undefined,
  answers: readonly (Buffer | "*")[],
): Promise<Run> {
  const asked: Buffer[] = [];
  const credentials = await runExchange(mechanism.create(context), initial?.toString("base64"), async (challenge) => {
    asked.push(Buffer.from(challenge, "base64"));
    const answer = answers[asked.length - 1];
    if (answer === undefined) throw new Error("The mechanism asks more often than the client has answers");
    return answer === "*" ? "*" : answer.toString("base64");
  });
  return { credentials, asked };
}

const PROVEN = { kind: "proven", authcid: "alice@EXAMPLE.COM", user: "alice@example.com" };

test("GSSAPI: token, our token, nothing, no layer offered, no layer chosen: alice is in", async (t) => {
  const fake = fakeKerberos();
  const { credentials, asked } = await run(gssapi, fake.context, KERBEROS_TOKEN, [EMPTY, layer(1)]);
  t.like(credentials, { ...PROVEN, mechanism: "GSSAPI", authzid: "" });
  t.is(credentials.secret.reveal().length, 0);
  t.deepEqual(asked, [Buffer.from("mutual"), sealed(Buffer.from([1, 0, 0, 0]))]);
  t.deepEqual(fake.opened, [["imap", undefined]]);
  t.is(fake.closed(), 1);
});

test("GSSAPI: without an initial response the first challenge is empty", async (t) => {
  const { credentials, asked } = await run(gssapi, fakeKerberos().context, undefined, [KERBEROS_TOKEN, EMPTY, layer(1)]);
  t.is(credentials.kind, "proven");
  t.deepEqual(asked[0], EMPTY);
});

test("GSSAPI: where the context is whole with no token to send, the layer is asked for at once", async (t) => {
  const fake = fakeKerberos({ answers: [undefined] });
  const { asked } = await run(gssapi, fake.context, KERBEROS_TOKEN, [layer(1)]);
  t.deepEqual(asked, [sealed(Buffer.from([1, 0, 0, 0]))]);
});

test("GSSAPI: a context of several tokens", async (t) => {
  const fake = fakeKerberos({ answers: [Buffer.from("1"), Buffer.from("2"), undefined] });
  const { credentials } = await run(gssapi, fake.context, KERBEROS_TOKEN, [Buffer.from("b"), Buffer.from("c"), layer(1)]);
  t.is(credentials.kind, "proven");
  t.is(fake.tokens.length, 3);
});

test("GSSAPI: the TLS channel is bound where there is one, by the certificate's hash", async (t) => {
  const hash = Buffer.alloc(32, 9);
  const fake = fakeKerberos({ bindings: (type) => (type === "tls-server-end-point" ? hash : undefined) });
  await run(gssapi, fake.context, KERBEROS_TOKEN, [EMPTY, layer(1)]);
  t.deepEqual(fake.opened, [["imap", hash]]);
});

test("GSSAPI: an authzid comes through, but the client's own principal asks for nobody else", async (t) => {
  for (const [asked, authzid] of [
    ["bob@example.com", "bob@example.com"],
    ["alice@EXAMPLE.COM", ""],
    ["alice", ""],
    ["alice@example.com", "alice@example.com"],
    ["zoë", "zoë"],
  ] as const) {
    const { credentials } = await run(gssapi, fakeKerberos().context, KERBEROS_TOKEN, [EMPTY, layer(1, asked)]);
    t.is(credentials.authzid, authzid);
  }
});

test("GSSAPI: layers that were not offered, and choices that are none, are refused", async (t) => {
  for (const choice of [
    layer(2),
    layer(4),
    layer(3),
    layer(0),
    layer(7),
    sealed(Buffer.from([1, 0, 0])),
    sealed(EMPTY),
    Buffer.from([1, 0, 0, 0]),
    EMPTY,
  ]) {
    const fake = fakeKerberos();
    t.is(await kindOf(t, run(gssapi, fake.context, KERBEROS_TOKEN, [EMPTY, choice])), "exchange-malformed");
    t.is(fake.closed(), 1);
  }
});

test("GSSAPI: an authzid that is not UTF-8 is refused", async (t) => {
  const choice = layer(1, Buffer.from([0xff, 0xfe]));
  t.is(await kindOf(t, run(gssapi, fakeKerberos().context, KERBEROS_TOKEN, [EMPTY, choice])), "exchange-malformed");
});

test("GSSAPI: words in place of the empty answer to our last token are refused", async (t) => {
  t.is(await kindOf(t, run(gssapi, fakeKerberos().context, KERBEROS_TOKEN, [layer(1), layer(1)])), "exchange-malformed");
});

test("GSSAPI: SPNEGO, NTLM and garbage in place of Kerberos never reach the library", async (t) => {
  for (const token of ["600a06062b0601050502a000", "4e544c4d5353500001000000978208e2", "00", "6000", ""]) {
    const fake = fakeKerberos();
    t.is(await kindOf(t, run(gssapi, fake.context, Buffer.from(token, "hex"), [EMPTY])), "exchange-malformed", token);
    t.is(fake.opened.length, 0);
  }
});

for (const mechanism of [gssapi, gssSpnego]) {
  test(`${mechanism.name}: a ticket that is refused becomes rejected credentials, and the acceptor is freed`, async (t) => {
    for (const kind of ["wrong-credentials", "verifier-down"] as const) {
      const fake = fakeKerberos({ failure: new Failure(kind, "Ticket expired") });
      const { credentials } = await run(mechanism, fake.context, KERBEROS_TOKEN, []);
      t.is(credentials.kind, "rejected");
      t.is(credentials.kind === "rejected" && credentials.failure.kind, kind);
      t.is(fake.closed(), 1);
    }
  });

  test(`${mechanism.name}: a principal that is nobody is rejected under its name`, async (t) => {
    const fake = fakeKerberos({ principal: "mallory@EXAMPLE.COM" });
    const { credentials } = await run(mechanism, fake.context, KERBEROS_TOKEN, [EMPTY, layer(1)]);
    t.like(credentials, { kind: "rejected", authcid: "mallory@EXAMPLE.COM" });
    t.is(fake.closed(), 1);
  });

  test(`${mechanism.name}: the client may cancel at every question, and the acceptor is freed`, async (t) => {
    const whole = [KERBEROS_TOKEN, EMPTY, layer(1)];
    for (let at = 0; at < (mechanism === gssapi ? 3 : 2); at++) {
      const fake = fakeKerberos();
      t.is(await kindOf(t, run(mechanism, fake.context, undefined, [...whole.slice(0, at), "*"])), "exchange-cancelled");
      t.is(fake.closed(), fake.opened.length);
    }
  });

  test(`${mechanism.name}: nothing goes on after the end`, async (t) => {
    const fake = fakeKerberos();
    const server = mechanism.create(fake.context);
    await server.next(KERBEROS_TOKEN);
    server.close?.();
    await t.throwsAsync(async () => server.next(KERBEROS_TOKEN), { instanceOf: Failure });
    t.is(fake.tokens.length, 1);
  });

  test(`${mechanism.name}: random answers end in credentials or in a failure of the exchange, and free the acceptor`, async (t) => {
    const good = fc.constantFrom(KERBEROS_TOKEN, EMPTY, layer(1), layer(1, "bob"));
    const answer = fc.oneof(
      good,
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.option(answer, { nil: undefined }),
        fc.array(answer, { minLength: 10, maxLength: 10 }),
        async (initial, answers) => {
          const fake = fakeKerberos();
          try {
            const { credentials } = await run(mechanism, fake.context, initial, answers);
            t.like(credentials, PROVEN);
          } catch (error) {
            t.true(error instanceof Failure && error.kind.startsWith("exchange-"), String(error));
          }
          t.is(fake.closed(), fake.opened.length);
        },
      ),
      { numRuns: 500 },
    );
  });
}

test("GSS-SPNEGO: Kerberos goes to the acceptor as it came, and its last token is acknowledged by nothing", async (t) => {
  const fake = fakeKerberos();
  const { credentials, asked } = await run(gssSpnego, fake.context, KERBEROS_TOKEN, [EMPTY]);
  t.like(credentials, { ...PROVEN, mechanism: "GSS-SPNEGO", authzid: "" });
  t.deepEqual(asked, [Buffer.from("mutual")]);
  t.deepEqual(fake.tokens, [KERBEROS_TOKEN]);
  t.is(await kindOf(t, run(gssSpnego, fakeKerberos().context, KERBEROS_TOKEN, [Buffer.from("x")])), "exchange-malformed");
});

test("GSS-SPNEGO: without a last token the client is in at once", async (t) => {
  const { credentials, asked } = await run(gssSpnego, fakeKerberos({ answers: [undefined] }).context, KERBEROS_TOKEN, []);
  t.is(credentials.kind, "proven");
  t.deepEqual(asked, []);
});
