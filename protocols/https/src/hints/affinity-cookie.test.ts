import { createFakeClock } from "@postern/testing";
import test from "ava";
import * as fc from "fast-check";
import { createAffinity, type Affinity, type Seal } from "./affinity-cookie.ts";
import { requestOf, serviceNamed } from "./test/request.ts";

const HOUR = 3_600_000;
const SETTINGS = { name: "postern", lifetime: 24 * HOUR, keyFile: undefined };
const SECRET = Buffer.alloc(32, 7);
const ALICE: Seal = { mailbox: "alice@example.com", backend: "mbx1" };
const OWA = serviceNamed("owa");

const made = (clock = createFakeClock(), secret = SECRET, settings = SETTINGS): Affinity =>
  createAffinity({ secret, settings, clock });

/** What the browser sends back. */
function cookie(affinity: Affinity, seal: Seal = ALICE, service = OWA): string {
  const [, line = ""] = affinity.renew(requestOf("/owa/"), seal, service, true);
  return line.split(";", 1)[0] ?? "";
}

const opened = (affinity: Affinity, sent: string, service = OWA): Seal | undefined =>
  affinity.open(requestOf("/owa/", "Cookie", sent), service);

test("affinity: what was sealed is opened, on any node with the same secret", (t) => {
  t.deepEqual(opened(made(), cookie(made())), ALICE);
  t.deepEqual(opened(made(), `a=b; ${cookie(made())}; c=d`), ALICE);
  const nobody = { mailbox: undefined, backend: "web 1/ü" };
  t.deepEqual(opened(made(), cookie(made(), nobody)), nobody);
});

test("affinity: the cookie is for its folder as the browser writes it, and no script sees it", (t) => {
  const affinity = made();
  const path = (target: string, service = OWA) =>
    affinity.renew(requestOf(target), ALICE, service, true)[1]?.replace(/^[^;]*; /, "");
  t.is(path("/OWA/auth?x"), "Path=/OWA; Secure; HttpOnly; SameSite=Lax");
  t.is(path("/sogo/so/alice", serviceNamed("webmail")), "Path=/sogo; Secure; HttpOnly; SameSite=Lax");
  t.is(path("/SOGo.woa/x", serviceNamed("webmail")), "Path=/SOGo.woa; Secure; HttpOnly; SameSite=Lax");
  t.is(path("/x", serviceNamed("other")), "Path=/; Secure; HttpOnly; SameSite=Lax");
  t.is(path("*", serviceNamed("other")), "Path=/; Secure; HttpOnly; SameSite=Lax");
  t.is(affinity.renew(requestOf("/owa"), ALICE, OWA, false)[1]?.replace(/^[^;]*; /, ""), "Path=/owa; HttpOnly; SameSite=Lax");
});

test("affinity: neither the mailbox nor the backend can be read in the cookie", (t) => {
  const bytes = Buffer.from(cookie(made()).slice("postern=".length), "base64url").toString("latin1");
  t.false(bytes.includes("alice") || bytes.includes("mbx1"));
});

test("affinity: a cookie of another service, name or secret is not opened", (t) => {
  const sent = cookie(made());
  t.is(opened(made(), sent, serviceNamed("ecp")), undefined);
  t.is(opened(made(createFakeClock(), Buffer.alloc(32, 8)), sent), undefined);
  const renamed = made(createFakeClock(), SECRET, { ...SETTINGS, name: "other" });
  t.is(opened(renamed, sent.replace("postern=", "other=")), undefined);
  t.is(opened(made(), sent.replace("postern=", "xpostern=")), undefined);
});

test("affinity: a cookie that was changed anywhere is not opened", (t) => {
  const affinity = made();
  const bytes = Buffer.from(cookie(affinity).slice("postern=".length), "base64url");
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    t.is(opened(affinity, `postern=${changed.toString("base64url")}`), undefined, `byte ${at}`);
    t.is(opened(affinity, `postern=${bytes.subarray(0, at).toString("base64url")}`), undefined, `${at} bytes`);
  }
});

test("affinity: a cookie holds as long as the setting says, also where it was opened before", async (t) => {
  const clock = createFakeClock();
  const affinity = made(clock);
  const sent = cookie(affinity);
  t.deepEqual(opened(affinity, sent), ALICE);
  await clock.advance(24 * HOUR - 1000);
  t.deepEqual(opened(affinity, sent), ALICE);
  await clock.advance(1001);
  t.is(opened(affinity, sent), undefined);
  t.is(opened(made(clock), sent), undefined);
});

test("affinity: a client that has its cookie gets none, until little of its time is left", async (t) => {
  const clock = createFakeClock();
  const affinity = made(clock);
  const has = requestOf("/owa/", "Cookie", cookie(affinity));
  t.deepEqual(affinity.renew(has, ALICE, OWA, true), []);
  t.is(affinity.renew(has, { ...ALICE, backend: "mbx2" }, OWA, true)[0], "Set-Cookie");
  t.is(affinity.renew(has, { ...ALICE, mailbox: "bob@example.com" }, OWA, true)[0], "Set-Cookie");
  t.is(affinity.renew(has, { ...ALICE, mailbox: undefined }, OWA, true)[0], "Set-Cookie");
  await clock.advance(17 * HOUR);
  t.deepEqual(affinity.renew(has, ALICE, OWA, true), []);
  await clock.advance(2 * HOUR);
  const [, line = ""] = affinity.renew(has, ALICE, OWA, true);
  await clock.advance(11 * HOUR);
  t.deepEqual(opened(affinity, line.split(";", 1)[0] ?? ""), ALICE, "it was made anew");
});

test("affinity: of several cookies the first that can be opened counts, among the first four", (t) => {
  const affinity = made();
  const good = cookie(affinity);
  t.deepEqual(opened(affinity, `postern=x; postern=; postern=AQ; ${good}`), ALICE);
  t.is(opened(affinity, `postern=1; postern=2; postern=3; postern=4; ${good}`), undefined);
  t.deepEqual(affinity.open(requestOf("/owa/", "Cookie", "a=b", "cookie", good), OWA), ALICE);
  t.is(opened(affinity, `postern=${"A".repeat(5000)}`), undefined);
});

test("affinity: random cookies never throw and are never opened; what is sealed always is", (t) => {
  const affinity = made();
  const garbage = fc.property(
    fc.oneof(
      fc.string(),
      fc.base64String().map((text) => `AQ${text}`),
    ),
    (text) => opened(affinity, `postern=${text}`) === undefined,
  );
  t.notThrows(() => fc.assert(garbage, { numRuns: 1000 }));
  const names = fc.string({ minLength: 1, maxLength: 100, unit: "grapheme" });
  const whole = fc.property(names, names, (mailbox, backend) => {
    const seal = { mailbox, backend };
    const read = opened(affinity, cookie(affinity, seal));
    return read?.mailbox === mailbox && read.backend === backend;
  });
  t.notThrows(() => fc.assert(whole));
});
