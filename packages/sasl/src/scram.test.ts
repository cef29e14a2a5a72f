import test from "ava";
import { Failure, type Proofs, type ServerMechanism } from "@postern/contracts";
import { bareContext } from "./context.ts";
import { ALL, binding, BINDING, bindings, client, converse, header, proofs, say } from "../test/scram-client.ts";
import { scramKeys } from "./scram-keys.ts";
import { Scram, scramSha256 } from "./scram.ts";
import { kindOf } from "./suite.ts";

const VECTORS = [
  {
    title: "RFC 5802 section 5",
    variant: { name: "SCRAM-SHA-1", hash: "sha1", bound: false },
    salt: "QSXCR+Q6sek8bf92",
    nonce: "3rfcNHYJY1ZVvWVs7j",
    dialogue: [
      "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
      "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
      "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
      "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ],
  },
  {
    title: "RFC 7677 section 3",
    variant: { name: "SCRAM-SHA-256", hash: "sha256", bound: false },
    salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
    nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    dialogue: [
      "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
      "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ],
  },
] as const;

for (const { title, variant, salt, nonce, dialogue } of VECTORS) {
  test(`scram: the exchange of ${title} is followed byte by byte`, async (t) => {
    const keys = await scramKeys(variant.hash, "pencil", Buffer.from(salt, "base64"), 4096);
    const account = { keys, user: "user@example.com" };
    const mechanism = new Scram(variant, bareContext({ proofs: { scram: async () => account } }), nonce);
    t.is(mechanism.claimed, "");
    t.is(await say(mechanism, undefined), "");
    t.is(await say(mechanism, dialogue[0]), dialogue[1]);
    t.is(mechanism.claimed, "user");
    t.is(await say(mechanism, dialogue[2]), dialogue[3]);
    const step = await mechanism.next(Buffer.alloc(0));
    if (step.kind !== "done" || step.credentials.kind !== "proven") return t.fail();
    const { authcid, authzid, user, secret } = step.credentials;
    t.deepEqual([step.credentials.mechanism, authcid, authzid, user], [variant.name, "user", "", "user@example.com"]);
    return t.is(secret.reveal().length, 0);
  });
}

for (const [mechanism, hash] of ALL) {
  const { name } = mechanism;
  const create = (): ServerMechanism => mechanism.create(bareContext({ proofs, bindings, offers: () => true }));
  const told = { hash, header: header(mechanism), ...binding(mechanism) };

  test(`${name}: the right password is proven, in the name of the verifier`, async (t) => {
    const credentials = await converse(create(), client({ ...told, header: header(mechanism, "a=bob=2C=3D") }));
    t.like(credentials, { kind: "proven", mechanism: name, authcid: "alice", authzid: "bob,=", user: "alice@example.com" });
  });

  test(`${name}: a wrong password and an unknown user are refused after the same steps, with the same words`, async (t) => {
    const wrong = await converse(create(), client({ ...told, password: "pen" }));
    const unknown = await converse(create(), client({ ...told, user: "mallory" }));
    if (wrong.kind !== "rejected" || unknown.kind !== "rejected") return t.fail();
    t.deepEqual([wrong.failure.kind, unknown.failure.kind], ["wrong-credentials", "wrong-credentials"]);
    t.is(wrong.failure.message, unknown.failure.message);
    return t.deepEqual([wrong.authcid, unknown.authcid], ["alice", "mallory"]);
  });

  test(`${name}: the server's part of the nonce is new in every exchange, and long`, async (t) => {
    const firsts = await Promise.all([create(), create()].map((one) => say(one, client(told).first)));
    const nonces = firsts.map((first) => /^r=client([^,]+),/.exec(first)?.[1] ?? "");
    t.not(nonces[0], nonces[1]);
    for (const nonce of nonces) t.true(Buffer.from(nonce, "base64").length >= 18);
  });

  test(`${name}: a proof with another nonce, or with another c=, is refused`, async (t) => {
    const replayed = client({ ...told, change: (text) => text.replace(/r=.*/, "r=clientfromyesterday") });
    t.is(await kindOf(t, converse(create(), replayed)), "exchange-malformed");
    for (const other of [
      "biws",
      "eSws",
      "",
      Buffer.from("n,a=root,").toString("base64"),
      Buffer.from("p=tls-exporter,,").toString("base64"),
    ]) {
      if (other === "biws" && !mechanism.bound) continue;
      const credentials = await converse(create(), client({ ...told, change: (text) => text.replace(/c=[^,]*/, `c=${other}`) }));
      t.is(credentials.kind === "rejected" && credentials.failure.kind, "wrong-credentials", other);
    }
  });

  test(`${name}: extensions that the client does not insist on are passed over, and signed`, async (t) => {
    const credentials = await converse(create(), client({ ...told, change: (text) => `${text},x=y,z=1=2` }));
    t.is(credentials.kind, "proven");
  });

  test(`${name}: nothing may follow the server's signature`, async (t) => {
    const who = client(told);
    const one = create();
    await say(one, who.final(await say(one, who.first)));
    t.is(await kindOf(t, say(one, "x")), "exchange-malformed");
  });
}

test("scram: a client that sees no channel binding where there is some is refused, as somebody came between", async (t) => {
  for (const [mechanism, hash] of ALL.filter(([{ bound }]) => !bound)) {
    const who = (): ReturnType<typeof client> => client({ hash, header: "y,," });
    const credentials = await converse(mechanism.create(bareContext({ proofs, bindings, offers: () => true })), who());
    t.is(credentials.kind === "rejected" && credentials.failure.kind, "wrong-credentials");
    t.is((await converse(mechanism.create(bareContext({ proofs })), who())).kind, "proven");
  }
});

test("scram: both kinds of channel binding are taken, and only those of this channel", async (t) => {
  for (const [mechanism, hash] of ALL.filter(([{ bound }]) => bound)) {
    for (const type of ["tls-exporter", "tls-server-end-point"] as const) {
      const told = { hash, header: `p=${type},,` };
      const create = (): ServerMechanism => mechanism.create(bareContext({ proofs, bindings, offers: () => true }));
      t.is((await converse(create(), client({ ...told, binding: BINDING[type] }))).kind, "proven");
      const elsewhere = await converse(create(), client({ ...told, binding: Buffer.from("bytes of another channel") }));
      t.is(elsewhere.kind === "rejected" && elsewhere.failure.kind, "wrong-credentials");
      const none = mechanism.create(bareContext({ proofs }));
      t.is(await kindOf(t, converse(none, client({ ...told, binding: BINDING[type] }))), "exchange-malformed");
    }
  }
});

test("scram: a verifier that is down is told as such, with the name that was claimed", async (t) => {
  const down: Proofs = { scram: () => Promise.reject(new Failure("verifier-down", "no answer")) };
  const credentials = await converse(scramSha256.create(bareContext({ proofs: down })), client({ hash: "sha256" }));
  if (credentials.kind !== "rejected") return t.fail();
  return t.deepEqual([credentials.failure.kind, credentials.authcid], ["verifier-down", "alice"]);
});

for (const [mechanism] of ALL.filter(([{ relays }]) => relays)) {
  const { name } = mechanism;
  const live = (): ServerMechanism => mechanism.create(bareContext({ bindings }), true);

  test(`${name} live: the first message tells the names, and is passed on as it came`, async (t) => {
    const one = live();
    t.deepEqual(await one.next(undefined), { kind: "challenge", data: Buffer.alloc(0) });
    t.is(one.claimed, "");
    const initial = Buffer.from("y,a=bob,n=a=2Clice,r=client,x=y");
    t.deepEqual(await one.next(initial), { kind: "live", authcid: "a,lice", authzid: "bob", initial });
    t.is(one.claimed, "a,lice");
  });

  test(`${name} live: what is bound to our channel, or malformed, is not passed on`, async (t) => {
    for (const message of ["p=tls-exporter,,n=alice,r=client", "n,,m=x,n=alice,r=client", "n,,r=client", ""])
      t.is(
        await kindOf(
          t,
          Promise.try(() => live().next(Buffer.from(message))),
        ),
        "exchange-malformed",
        message,
      );
  });
}
