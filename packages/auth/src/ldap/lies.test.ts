// The LDAP verifier against servers, and people on the way to them, who lie.

import test from "ava";
import { createAuthority, issue } from "@postern/certs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { element, ENUMERATED, integer, octets } from "./ber.ts";
import { message } from "./messages.ts";
import { ALICE, ask, bindOf, directory, entry, honest, result, settings, TAGS, verifier, type Asked } from "./test/helpers.ts";
import { failureOf } from "../suite.ts";

const SECRET = "s3cret-of-a-client";
const files = await mkdtemp(join(tmpdir(), "postern-ldap-"));
test.after.always(() => rm(files, { recursive: true }));

test("ldap: a server that says yes to a name that nobody has is not believed", async (t) => {
  const fake = await directory(t, (asked) => result(asked, 0));
  const failure = await failureOf(t, ask(verifier(t, settings([fake.url])), "nobody", SECRET));
  t.is(failure.kind, "verifier-down");
});

test("ldap: several entries for one name are nobody's, and none of them is bound as", async (t) => {
  const fake = await directory(t, (asked) =>
    asked.tag === TAGS.search
      ? Buffer.concat([entry(asked, ALICE), entry(asked, "uid=alice,ou=old,dc=example,dc=com"), result(asked, 4)])
      : result(asked, 49),
  );
  const failure = await failureOf(t, ask(verifier(t, settings([fake.url])), "alice", "right"));
  t.is(failure.kind, "wrong-credentials");
  t.regex(failure.message, /more than one entry is found for "alice@example.com"/);
  t.false(fake.asked.some((asked) => asked.tag === TAGS.bind && bindOf(asked).dn === ALICE));
});

test("ldap: an answer that is garbled, another's, or nobody's is a verifier that is down", async (t) => {
  const yes = (asked: Asked): Buffer => result(asked, 0);
  const answers: Readonly<Record<string, (asked: Asked) => Buffer>> = {
    "no result": ({ id }) => message(id, element(0x61)),
    "result cut": (asked) => yes(asked).subarray(0, 9),
    "another id": (asked) => yes({ ...asked, id: asked.id + 1 }),
    "another kind": (asked) => yes({ ...asked, tag: TAGS.search }),
    "an entry": (asked) => entry(asked, ALICE),
    "notice of disconnection": () => message(0, element(0x78, integer(52, ENUMERATED), octets(""), octets(""))),
    endless: () => Buffer.from("3084ffffffff", "hex"),
    "indefinite length": () => Buffer.from("3080020101", "hex"),
    HTTP: () => Buffer.from("HTTP/1.1 200 OK\r\n\r\n"),
    "number as text": ({ id }) => message(id, element(0x61, octets("0"), octets(""), octets(""))),
  };
  for (const [what, answer] of Object.entries(answers)) {
    const fake = await directory(t, (asked) => (asked.tag === TAGS.bind ? answer(asked) : honest(asked)));
    const failure = await failureOf(t, ask(verifier(t, settings([fake.url], { timeout: 300 })), "alice", "right"));
    t.is(failure.kind, "verifier-down", what);
  }
});

test("ldap: an answer that comes byte by byte counts, one that never ends does not", async (t) => {
  const fake = await directory(t, (asked, socket) => {
    const said = honest(asked) ?? Buffer.alloc(0);
    for (const byte of said) socket.write(Buffer.from([byte]));
    return undefined;
  });
  t.deepEqual(await ask(verifier(t, settings([fake.url])), "alice", "right"), { user: "alice" });
  const endless = await directory(t, (asked) => Buffer.concat(Array.from({ length: 50 }, () => entry(asked, ALICE))));
  const failure = await failureOf(t, ask(verifier(t, settings([endless.url])), "alice", "right"));
  t.regex(failure.message, /more entries than it may/);
});

test("ldap: what came in plain text behind the answer to StartTLS is not read inside TLS", async (t) => {
  const authority = createAuthority("Test authority");
  const ca = join(files, "starttls-ca.pem");
  await writeFile(ca, authority.cert);
  const leaf = issue(authority, { names: ["127.0.0.1"] });
  // Completed by the first byte inside TLS, it would be a yes to the first bind there.
  const half = (id: number): Buffer =>
    message(id, element(0x61, integer(0, ENUMERATED), octets(""), octets("x"))).subarray(0, -1);
  for (const injected of [half(1), half(2), result({ id: 1, tag: TAGS.bind }, 0)]) {
    const fake = await directory(t, (asked, socket) => {
      if (asked.tag !== TAGS.extended) return undefined;
      socket.removeAllListeners("data");
      const tls = new TLSSocket(socket, { isServer: true, ...leaf });
      tls.on("error", () => tls.destroy());
      return Buffer.concat([result(asked, 0), injected]);
    });
    const value = settings([fake.url], { startTls: true, tls: { ca, verify: true }, base: undefined, dnTemplate: "uid={local}" });
    const failure = await failureOf(t, ask(verifier(t, value), "alice", "right"));
    t.is(failure.kind, "verifier-down");
    t.regex(failure.message, /behind its answer to StartTLS|nobody asked for/);
  }
});

test("ldap: a server that refuses StartTLS, or hangs in it, gets no password", async (t) => {
  for (const answer of [(asked: Asked) => result(asked, 2), () => undefined, (asked: Asked) => result(asked, 0)]) {
    const fake = await directory(t, (asked) => (asked.tag === TAGS.extended ? answer(asked) : result(asked, 0)));
    const value = settings([fake.url], { startTls: true, timeout: 300, base: undefined, dnTemplate: "uid={local}" });
    t.is((await failureOf(t, ask(verifier(t, value), "alice", SECRET))).kind, "verifier-down");
    t.deepEqual(
      fake.asked.filter(({ tag }) => tag !== TAGS.extended && tag !== TAGS.unbind).map(({ tag }) => tag),
      [],
    );
  }
});
