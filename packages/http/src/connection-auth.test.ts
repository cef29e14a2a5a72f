import { Failure, type FailureKind } from "@postern/contracts";
import { bareContext } from "@postern/sasl";
import { array, assert, asyncProperty, base64String, constantFrom, oneof, tuple } from "fast-check";
import test, { type ExecutionContext } from "ava";
import { parseAuthorization, SCHEMES } from "./authorization.ts";
import { ConnectionAuth } from "./connection-auth.ts";
import {
  base64,
  connectionAuth,
  credentialsOf,
  fakeGss,
  gssToken,
  ntlmAuthenticate,
  ntlmNegotiate,
  request,
  told,
  type FakeGss,
} from "../test/helpers.ts";

const ALL = ["Negotiate", "NTLM", 'Bearer realm="mail"', 'Basic realm="mail", charset="UTF-8"'];

async function refusal(t: ExecutionContext, work: Promise<unknown>): Promise<FailureKind | undefined> {
  return (await t.throwsAsync(work, { instanceOf: Failure }))?.kind;
}

/** A house with Kerberos that takes so many tokens; what acceptors were made. */
function kerberos(steps: number) {
  const acceptors: FakeGss[] = [];
  const gss = (): FakeGss => {
    const acceptor = fakeGss(steps);
    acceptors.push(acceptor);
    return acceptor;
  };
  return { acceptors, auth: connectionAuth({ proofs: { gss, principal: async (name) => name.toLowerCase() } }) };
}

/** A house with NTLM in which everybody is wrong. */
const ntlmHouse = () =>
  connectionAuth({ proofs: { ntlm: () => Promise.reject(new Failure("wrong-credentials", "NTLM: the proof does not fit")) } });

test("connection: a request without Authorization is told what is offered", async (t) => {
  t.deepEqual(await request(connectionAuth()), {
    kind: "challenge",
    status: 401,
    headers: { "WWW-Authenticate": ALL },
    isUnderWay: false,
  });
});

test("connection: where secrets may not cross as they are, Basic and Bearer are neither offered nor taken", async (t) => {
  const auth = connectionAuth({ allowPlaintext: false });
  t.deepEqual(told(await request(auth)), ["Negotiate", "NTLM"]);
  t.is(await refusal(t, request(auth, "Basic", "alice:s3cret")), "plaintext-refused");
  t.is(await refusal(t, request(auth, "Bearer", "s3cret")), "plaintext-refused");
});

test("connection: what is not offered is not taken", async (t) => {
  const auth = connectionAuth({ offered: ["Bearer"] });
  t.deepEqual(told(await request(auth)), ['Bearer realm="mail"']);
  t.is(await refusal(t, request(auth, "Basic", "alice:s3cret")), "unknown-mechanism");
  t.is(await refusal(t, request(auth, "NTLM", ntlmNegotiate())), "unknown-mechanism");
});

test("connection: a realm that cannot be written is an error at once", (t) => {
  const options = { offered: ["Basic" as const], realm: "a\nb", allowPlaintext: true, context: bareContext() };
  t.throws(() => new ConnectionAuth(options), { message: /cannot be a realm/ });
});

test("basic: user and password; the password may hold colons, and both may be UTF-8", async (t) => {
  const { secret, ...rest } = credentialsOf(await request(connectionAuth(), "Basic", "j\u00fcrg@example.com:s3:cr\u00e8t:"));
  t.deepEqual(rest, { kind: "password", mechanism: "Basic", authcid: "j\u00fcrg@example.com", authzid: "" });
  t.is(secret.reveal().toString(), "s3:cr\u00e8t:");
});

test("basic: without a colon, a name or a password, with control characters or not in UTF-8, it is malformed", async (t) => {
  const bad = ["alice", ":s3cret", "alice:", ":", "ali\0ce:s3cret", "alice:s3\x7fcret", "alice:s3cret\n"];
  const latin1 = ["j\xfcrg:s3cret", "alice:s3cr\xe8t"].map((text) => Buffer.from(text, "latin1"));
  for (const message of [...bad, ...latin1]) {
    const error = await t.throwsAsync(request(connectionAuth(), "Basic", message), { instanceOf: Failure });
    t.is(error?.kind, "exchange-malformed");
    t.notRegex(error?.message ?? "", /s3|alice|rg/);
  }
});

test("bearer: the token is the secret, and names nobody", async (t) => {
  const { secret, ...rest } = credentialsOf(await request(connectionAuth(), "Bearer", "mF_9.B5f-4.1JqM=="));
  t.deepEqual(rest, { kind: "token", mechanism: "Bearer", authcid: "", authzid: "" });
  t.is(secret.reveal().toString(), "mF_9.B5f-4.1JqM==");
});

test("basic and bearer: a login holds for its own request only", async (t) => {
  const auth = connectionAuth();
  for (const [scheme, data] of [
    ["Basic", "alice:s3cret"],
    ["Bearer", "s3cret"],
  ] as const) {
    auth.keep(credentialsOf(await request(auth, scheme, data)));
    t.is((await request(auth)).kind, "challenge");
  }
});

test("basic: two requests at a time do not disturb each other", async (t) => {
  const auth = connectionAuth();
  const both = await Promise.all([request(auth, "Basic", "alice:one"), request(auth, "Basic", "bob:two")]);
  t.deepEqual(
    both.map((step) => credentialsOf(step).authcid),
    ["alice", "bob"],
  );
});

test("ntlm: the first message is answered with a challenge, the second gives rejected credentials with the name", async (t) => {
  const auth = ntlmHouse();
  const step = await request(auth, "NTLM", ntlmNegotiate());
  t.true(step.kind === "challenge" && step.isUnderWay);
  const [value = ""] = told(step);
  t.is(told(step).length, 1);
  const challenge = parseAuthorization([value])?.data;
  t.is(challenge?.toString("latin1", 0, 9), "NTLMSSP\0\x02");
  const credentials = credentialsOf(await request(auth, "NTLM", ntlmAuthenticate("alice")));
  t.is(credentials.kind, "rejected");
  t.is(credentials.authcid, "alice");
  if (credentials.kind === "rejected") t.is(credentials.failure.kind, "wrong-credentials");
  auth.keep(credentials);
  t.deepEqual(told(await request(auth)), ALL, "nothing is kept of a no");
});

test("ntlm: a second first message begins anew, with another challenge", async (t) => {
  const auth = ntlmHouse();
  const one = told(await request(auth, "NTLM", ntlmNegotiate()));
  const two = told(await request(auth, "NTLM", ntlmNegotiate()));
  t.notDeepEqual(one, two);
  t.is(credentialsOf(await request(auth, "NTLM", ntlmAuthenticate("alice"))).kind, "rejected");
});

test("ntlm: the last message without the first is malformed", async (t) => {
  t.is(await refusal(t, request(ntlmHouse(), "NTLM", ntlmAuthenticate("alice"))), "exchange-malformed");
});

test("connection: another scheme, or none, drops the exchange that was begun", async (t) => {
  const auth = ntlmHouse();
  for (const [scheme, data] of [
    ["Basic", "alice:s3cret"],
    ["Bearer", "s3cret"],
    [undefined, ""],
  ] as const) {
    await request(auth, "NTLM", ntlmNegotiate());
    await request(auth, scheme, data);
    t.is(await refusal(t, request(auth, "NTLM", ntlmAuthenticate("alice"))), "exchange-malformed", String(scheme));
  }
});

test("connection: a client that begins again and again is refused after ten rounds, and may begin once more", async (t) => {
  const auth = ntlmHouse();
  for (let n = 0; n < 10; n += 1) await request(auth, "NTLM", ntlmNegotiate());
  t.is(await refusal(t, request(auth, "NTLM", ntlmNegotiate())), "exchange-malformed");
  t.is((await request(auth, "NTLM", ntlmNegotiate())).kind, "challenge");
});

test("negotiate: one token logs in, the acceptor's token goes into the answer, and the acceptor is closed once", async (t) => {
  const { auth, acceptors } = kerberos(1);
  const step = await request(auth, "Negotiate", gssToken("ticket"));
  t.deepEqual(told(step), [`Negotiate ${base64("answer 1")}`]);
  const credentials = credentialsOf(step);
  t.is(credentials.kind, "proven");
  t.is(credentials.authcid, "alice@EXAMPLE.COM");
  if (credentials.kind === "proven") t.is(credentials.user, "alice@example.com");
  auth.close();
  t.deepEqual(
    acceptors.map(({ closed }) => closed),
    [1],
  );
});

test("negotiate: several tokens are one exchange on the connection", async (t) => {
  const { auth, acceptors } = kerberos(3);
  for (const n of [1, 2]) {
    const step = await request(auth, "Negotiate", n === 1 ? gssToken("one") : "more");
    t.deepEqual(told(step), [`Negotiate ${base64(`answer ${n}`)}`]);
    t.true(step.kind === "challenge" && step.isUnderWay);
  }
  t.is(credentialsOf(await request(auth, "Negotiate", "last")).kind, "proven");
  t.is(acceptors.length, 1);
});

test("negotiate: an initial token in the middle begins anew, and the acceptor before it is closed", async (t) => {
  const { auth, acceptors } = kerberos(2);
  await request(auth, "Negotiate", gssToken("one"));
  await request(auth, "Negotiate", gssToken("one"));
  t.deepEqual(
    acceptors.map(({ closed }) => closed),
    [1, 0],
  );
  t.is(credentialsOf(await request(auth, "Negotiate", "last")).kind, "proven");
});

test("negotiate: a ticket that is refused gives rejected credentials, and the acceptor is closed", async (t) => {
  const { auth, acceptors } = kerberos(1);
  const credentials = credentialsOf(await request(auth, "Negotiate", gssToken("no")));
  t.is(credentials.kind === "rejected" && credentials.failure.message, "Kerberos: no");
  t.is(acceptors[0]?.closed, 1);
});

test("negotiate: NTLM inside is taken where it is proven, and a failed login elsewhere", async (t) => {
  const auth = ntlmHouse();
  const [value = ""] = told(await request(auth, "Negotiate", ntlmNegotiate()));
  t.regex(value, /^Negotiate TlRMTVNTUAAC/);
  t.is(credentialsOf(await request(auth, "Negotiate", ntlmAuthenticate("alice"))).authcid, "alice");
  t.is(credentialsOf(await request(kerberos(1).auth, "Negotiate", ntlmNegotiate())).kind, "rejected");
});

test("connection: a login by Negotiate is kept until the next Authorization, whatever that is", async (t) => {
  const { auth } = kerberos(1);
  const logIn = async (): Promise<void> => auth.keep(credentialsOf(await request(auth, "Negotiate", gssToken("ticket"))));
  for (const [scheme, data] of [
    ["Basic", "alice:s3cret"],
    ["Negotiate", gssToken("no")],
    ["NTLM", ntlmNegotiate()],
  ] as const) {
    await logIn();
    t.is((await request(auth)).kind, "kept");
    t.is((await request(auth)).kind, "kept");
    await request(auth, scheme, data);
    t.is((await request(auth)).kind, "challenge", scheme);
  }
});

test("connection: a login that nobody has found good is not kept, nor one from before", async (t) => {
  const { auth } = kerberos(1);
  const before = credentialsOf(await request(auth, "Negotiate", gssToken("ticket")));
  t.is((await request(auth)).kind, "challenge");
  await request(auth, "Negotiate", gssToken("ticket"));
  auth.keep(before);
  t.is((await request(auth)).kind, "challenge");
});

test("connection: a request while the exchange of the last one is answered is malformed", async (t) => {
  const { auth } = kerberos(1);
  const first = request(auth, "Negotiate", gssToken("ticket"));
  const others = [refusal(t, request(auth)), refusal(t, request(auth, "Basic", "alice:s3cret"))];
  t.deepEqual(await Promise.all(others), ["exchange-malformed", "exchange-malformed"]);
  t.is(credentialsOf(await first).kind, "proven");
});

test("connection: one that is closed frees its exchange, also while it is being answered", async (t) => {
  const idle = kerberos(2);
  await request(idle.auth, "Negotiate", gssToken("one"));
  idle.auth.close();
  idle.auth.close();
  t.is(idle.acceptors[0]?.closed, 1);
  const busy = kerberos(1);
  const work = request(busy.auth, "Negotiate", gssToken("ticket"));
  busy.auth.close();
  t.is(await refusal(t, work), "client-gone");
  t.is(busy.acceptors[0]?.closed, 1);
});

test("connection: a verifier that is down gives rejected credentials that say so", async (t) => {
  const down = new Failure("verifier-down", "Kerberos: no keytab");
  const auth = connectionAuth({
    proofs: {
      gss: () => {
        throw down;
      },
      principal: async (name) => name,
    },
  });
  const credentials = credentialsOf(await request(auth, "Negotiate", gssToken("ticket")));
  t.is(credentials.kind === "rejected" && credentials.failure, down);
});

test("connection: random requests end in challenges, credentials or failures, and all acceptors are closed", async (t) => {
  const data = oneof(
    base64String({ minLength: 4, maxLength: 80 }),
    constantFrom(gssToken("x"), ntlmNegotiate(), ntlmAuthenticate("a"), "a:b").map(base64),
  );
  const requests = array(tuple(constantFrom(undefined, ...SCHEMES), data), { maxLength: 15 });
  await assert(
    asyncProperty(requests, async (all) => {
      const { auth, acceptors } = kerberos(2);
      for (const [scheme, token] of all) {
        try {
          const step = await auth.next(scheme && parseAuthorization([`${scheme} ${token}`]));
          if (scheme === undefined) t.is(step.kind, "challenge");
        } catch (error) {
          t.true(error instanceof Failure && error.kind === "exchange-malformed", String(error));
        }
      }
      auth.close();
      t.true(acceptors.every(({ closed }) => closed === 1));
    }),
    { numRuns: 500 },
  );
});
