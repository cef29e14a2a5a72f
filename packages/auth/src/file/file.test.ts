import { createHmac } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { Failure, type NtlmResponse, type Verifier } from "@postern/contracts";
import { authenticatorOf } from "../authenticator.ts";
import { ntHash } from "../ntlm/check.ts";
import { authenticatorSuite, contextOf, failureOf, password, SESSION } from "../suite.ts";
import { createFileVerifier } from "./index.ts";
import { PASSWORD, PENCIL_SHA1, PENCIL_SHA256, world, type World } from "./test/helpers.ts";

const NT = ntHash("password").toString("hex");
const POLICY = { verifiers: [], cache: 0, actAs: [], rights: [], masterSeparator: undefined };

async function verifierOf(t: ExecutionContext, text: string): Promise<{ verifier: Verifier; house: World }> {
  const house = await world(t, text);
  const verifier = createFileVerifier({ path: house.path }, house);
  t.teardown(() => verifier.close());
  return { verifier, house };
}

authenticatorSuite(test, "file", {
  create: async (t) => {
    const { verifier, house } = await verifierOf(t, `alice:${PASSWORD}\nbob:${PASSWORD}\n`);
    return authenticatorOf([verifier], false, POLICY, { ...contextOf(), ...house });
  },
  password: "password",
  proves: true,
});

const USERS: Readonly<Record<string, readonly [string, string]>> = {
  argon2id: ["password", `{ARGON2ID}${PASSWORD}`],
  bcrypt: ["U*U", "{BLF-CRYPT}$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"],
  sha512: [
    "Hello world!",
    "{CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
  ],
  scram: ["pencil", `{SCRAM-SHA-256}${PENCIL_SHA256}`],
};

test("file: each scheme knows the right password from a wrong one", async (t) => {
  const text = Object.entries(USERS).map(([user, [, hash]]) => `${user}:${hash}\n`);
  const { verifier } = await verifierOf(t, text.join(""));
  for (const [user, [right]] of Object.entries(USERS)) {
    t.deepEqual(await verifier.check?.(password(user, right), SESSION), { user: `${user}@example.com` });
    const failure = await failureOf(t, Promise.resolve(verifier.check?.(password(user, `${right}s3cret`), SESSION)));
    t.is(failure.kind, "wrong-credentials");
    t.is(failure.message, `the password file has another password for "${user}@example.com"`);
  }
});

test("file: of a user who is not there nothing is said, whatever the password", async (t) => {
  const { verifier } = await verifierOf(t, `alice:${PASSWORD}\n`);
  for (const name of ["bob", "alice@example.org", "alice\0", ""])
    t.is(await verifier.check?.(password(name, "password"), SESSION), undefined, name);
});

test("file: an unknown user, or no user at all, costs a check of a hash like one who is known", async (t) => {
  const { verifier } = await verifierOf(t, `alice:${PASSWORD}\n`);
  for (const name of ["alice", "bob", "no\0name"]) {
    const asked = Array.from({ length: 110 }, async () => verifier.check?.(password(name, "password"), SESSION));
    const busy = (await Promise.allSettled(asked)).filter((result) => result.status === "rejected");
    t.is(busy.length, 8, name);
    t.true(busy.every(({ reason }) => reason instanceof Failure && reason.kind === "verifier-down"));
  }
});

test("file: without any hash a password is wrong for who is there, and nobody else is known", async (t) => {
  const { verifier } = await verifierOf(t, `alice::nt=${NT}\n`);
  t.is((await failureOf(t, Promise.resolve(verifier.check?.(password("alice", "password"), SESSION)))).kind, "wrong-credentials");
  t.is(await verifier.check?.(password("bob", "password"), SESSION), undefined);
});

test("file: proves what its columns give", async (t) => {
  t.deepEqual((await verifierOf(t, `alice:${PASSWORD}`)).verifier.proves, ["password"]);
  const { verifier } = await verifierOf(
    t,
    `a:${PASSWORD}:nt=${NT}\nb::scram-sha-256=${PENCIL_SHA256} scram-sha-1=${PENCIL_SHA1}`,
  );
  t.deepEqual(new Set(verifier.proves), new Set(["password", "ntlm", "scram-sha-256", "scram-sha-1"]));
});

test("file: SCRAM keys are given as they are in the file, to those who have them", async (t) => {
  const { verifier } = await verifierOf(t, `alice:${PASSWORD}\nbob:{SCRAM-SHA-256}${PENCIL_SHA256}`);
  const found = await verifier.scram?.("sha256", "bob@example.com");
  t.is(found?.user, "bob@example.com");
  const { iterations, salt, storedKey, serverKey } = found?.keys ?? t.fail();
  t.is([iterations, ...[salt, storedKey, serverKey].map((bytes) => bytes.toString("base64"))].join(","), PENCIL_SHA256);
  t.is(await verifier.scram?.("sha1", "bob@example.com"), undefined);
  t.is(await verifier.scram?.("sha256", "alice@example.com"), undefined);
  t.is(await verifier.scram?.("sha256", "nobody@example.com"), undefined);
});

test("file: SCRAM keys of who has none look like those of nobody", async (t) => {
  const more = PENCIL_SHA256.replace("4096", "10000");
  const lines = [
    `alice:${PASSWORD}`,
    ...["bob", "carol"].map((user) => `${user}::scram-sha-256=${more}`),
    `dan::scram-sha-256=${PENCIL_SHA256}`,
  ];
  const { verifier, house } = await verifierOf(t, lines.join("\n"));
  const { proofs } = authenticatorOf([verifier], false, POLICY, { ...contextOf(), ...house });
  const [alice, nobody] = [await proofs.scram?.("sha256", "alice"), await proofs.scram?.("sha256", "nobody")];
  t.is(alice?.user, undefined);
  t.is(nobody?.user, undefined);
  t.is(alice?.keys.iterations, 10_000);
  t.is(nobody?.keys.iterations, 10_000);
});

/** [MS-NLMP] section 3.3.2, with AV pairs of nothing. */
function ntlmResponse(user: string, domain: string, secret: string): NtlmResponse {
  const hmac = (key: Buffer, ...parts: Buffer[]): Buffer => createHmac("md5", key).update(Buffer.concat(parts)).digest();
  const key = hmac(ntHash(secret), Buffer.from(user.toUpperCase() + domain, "utf16le"));
  const serverChallenge = Buffer.from("0123456789abcdef", "hex");
  const temp = Buffer.concat([Buffer.from([1, 1]), Buffer.alloc(30)]);
  const ntResponse = Buffer.concat([hmac(key, serverChallenge, temp), temp]);
  return { user, domain, workstation: "PC", serverChallenge, ntResponse, lmResponse: Buffer.alloc(24) };
}

test("file: an NTLM response fits the NT hash of its user, by any of the names that Windows sends", async (t) => {
  const { verifier } = await verifierOf(
    t,
    `alice:${PASSWORD}:nt=${NT}\nbob@example.org::nt=${NT.toUpperCase()}\ncarol:${PASSWORD}`,
  );
  const ask = async (user: string, domain: string, secret = "password") => verifier.ntlm?.(ntlmResponse(user, domain, secret));
  for (const [user, domain] of [
    ["Alice", ""],
    ["alice", "EXAMPLE"],
    ["alice", "example.com"],
    ["alice@example.com", ""],
    ["alice", "ad.example.net"],
  ] as const)
    t.is((await ask(user, domain))?.user, "alice@example.com", `${domain}\\${user}`);
  t.is((await ask("bob", "example.org"))?.user, "bob@example.org");
  t.is((await ask("bob", "example.org"))?.sessionBaseKey.length, 16);
  t.is(await ask("bob", ""), undefined);
  t.is(await ask("carol", ""), undefined);
  t.is((await failureOf(t, ask("alice", "", "s3cret"))).kind, "wrong-credentials");
});

test("file: a changed password counts, and nothing secret is logged", async (t) => {
  const { verifier, house } = await verifierOf(t, `alice:${PASSWORD}\n`);
  await house.write(`alice:${USERS["bcrypt"]?.[1]}\n`);
  t.is((await failureOf(t, Promise.resolve(verifier.check?.(password("alice", "password"), SESSION)))).kind, "wrong-credentials");
  t.deepEqual(await verifier.check?.(password("alice", "U*U"), SESSION), { user: "alice@example.com" });
  t.notRegex(house.said.join(), /\$/);
});
