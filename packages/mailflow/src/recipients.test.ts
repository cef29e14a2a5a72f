// Whose mail is taken, where an address leads, and what nobody may learn or do by it.

import test, { type ExecutionContext } from "ava";
import * as fc from "fast-check";
import { Failure, RELAY, type Leg, type Route, type RouteQuery } from "@postern/contracts";
import { mailContradictions } from "./mail-contradictions.ts";
import type { MailSettings } from "./mail-settings.ts";
import { parseMailbox } from "./mailbox.ts";
import { createRecipientRouter } from "./recipients.ts";
import { createAddressBook, ownDomains } from "./resolve.ts";
import { createRewriter } from "./rewrite.ts";

const DEFAULTS: MailSettings = {
  domains: ["example.com"],
  trusted: [],
  rewrite: [],
  catchAll: {},
  plusAddressing: "+",
  strippedHeaders: [],
  postmaster: undefined,
};

const leg = (backend: string): Leg => ({
  backend,
  site: undefined,
  protocol: "smtp",
  scheme: "smtp",
  host: "127.0.0.1",
  port: 25,
  tls: "none",
  ca: undefined,
  verify: true,
  serverName: undefined,
  proxyHeader: "none",
  forwardClient: true,
  allowPlaintext: false,
  login: RELAY,
  dialTimeoutMs: 1,
  replyTimeoutMs: 1,
});

/** Knows these users; remembers what it was asked. */
function scene(settings: Partial<MailSettings>, users: Readonly<Record<string, string>> = {}) {
  const asked: RouteQuery[] = [];
  const find = async (query: RouteQuery): Promise<Route> => {
    asked.push(query);
    const backend = users[query.user];
    if (backend === "down") throw new Failure("source-down", "Nobody answers");
    if (backend === undefined) throw new Failure("unknown-user", `No source knows ${query.user}`);
    return { source: "table", why: query.user, legs: [leg(backend)], login: undefined };
  };
  const backends = new Map([
    ["mbx1", new Map([["smtp", leg("mbx1")]])],
    ["webonly", new Map([["imap", leg("webonly")]])],
  ]);
  return { asked, router: createRecipientRouter({ ...DEFAULTS, ...settings }, { router: { find }, backends }) };
}

async function failure(t: ExecutionContext, promise: Promise<unknown>): Promise<Failure> {
  return t.throwsAsync<Failure>(promise, { instanceOf: Failure });
}

test("recipients: an address of ours goes where the route sources say", async (t) => {
  const { router, asked } = scene({}, { "bob@example.com": "mbx1" });
  const { deliverTo, routeAs, route } = await router.find("Bob@EXAMPLE.com", undefined);
  t.deepEqual([deliverTo, routeAs, route.legs[0]?.backend], ["Bob@example.com", "Bob@example.com", "mbx1"]);
  t.deepEqual(asked, [{ user: "bob@example.com", protocol: "smtp", credentials: undefined, session: undefined }]);
});

test("recipients: mail for other domains is relaying, and no source is asked", async (t) => {
  const { router, asked } = scene({ domains: ["example.com", "*.example.org"] });
  const others = [
    "a@other.net",
    "a@example.org",
    "a@sub.example.com",
    "a@[127.0.0.1]",
    "a@example.com.evil.net",
    "a@badexample.com",
  ];
  const routed = ["a%other.net@example.com", "other.net!a@example.com", '"a@other.net"@example.com', "@x,@y:a@example.com"];
  for (const address of [...others, ...routed.slice(0, 3)]) {
    const { kind, said } = await failure(t, router.find(address, undefined));
    t.deepEqual([address, kind, said?.text], [address, "not-authorized", "Relaying denied"]);
  }
  t.is((await failure(t, router.find("@x,@y:a@example.com", undefined))).kind, "unknown-user");
  t.deepEqual(asked, []);
});

test("recipients: without domains nothing is taken", async (t) => {
  const { router } = scene({ domains: [] }, { "a@example.com": "mbx1" });
  t.is((await failure(t, router.find("a@example.com", undefined))).kind, "not-authorized");
});

test("recipients: text that would be a second line is nobody's address", async (t) => {
  const { router, asked } = scene({});
  for (const address of ["a@example.com\r\nRCPT TO:<b@c.d>", "a\0@example.com", "a\u2028@example.com", "", "bob"])
    t.is((await failure(t, router.find(address, undefined))).kind, "unknown-user", JSON.stringify(address));
  t.deepEqual(
    asked.filter(({ user }) => /[\r\n\0\u2028]/.test(user)),
    [],
  );
});

test("recipients: the detail behind + is told to the backend, and not to the sources", async (t) => {
  const { router } = scene({}, { "bob@example.com": "mbx1", "+x@example.com": "mbx1" });
  const found = await router.find("bob+a+b@example.com", undefined);
  t.deepEqual([found.deliverTo, found.routeAs], ["bob+a+b@example.com", "bob@example.com"]);
  t.is((await router.find("+x@example.com", undefined)).routeAs, "+x@example.com");
  const fax = await scene({}, { "fax=+41441234567@example.com": "mbx1" }).router.find("FAX=+41441234567@example.com", undefined);
  t.is(fax.routeAs, "FAX=+41441234567@example.com");
  const off = scene({ plusAddressing: "" }, { "bob@example.com": "mbx1" }).router;
  t.is((await failure(t, off.find("bob+a@example.com", undefined))).kind, "unknown-user");
});

test("recipients: look-ups see a domain as mail.domains spells it, backends as the DNS does", async (t) => {
  const { router } = scene({ domains: ["bücher.example"] }, { "bob@bücher.example": "mbx1" });
  for (const address of ["bob@bücher.example", "bob@xn--bcher-kva.example"]) {
    const { deliverTo, routeAs } = await router.find(address, undefined);
    t.deepEqual([deliverTo, routeAs], ["bob@xn--bcher-kva.example", "bob@bücher.example"]);
  }
});

test("recipients: rewriting comes first, once, and never leads out of our domains", async (t) => {
  const rewrite = [
    { from: "a@example.com", to: "b@example.com" },
    { from: "b@example.com", to: "a@example.com" },
    { from: "@old.net", to: "@example.com" },
    { from: "out@example.com", to: "out@other.net" },
  ];
  const { router } = scene({ rewrite }, { "a@example.com": "mbx1", "b@example.com": "mbx1" });
  t.is((await router.find("a@example.com", undefined)).deliverTo, "b@example.com");
  t.is((await router.find("b@example.com", undefined)).deliverTo, "a@example.com");
  t.is((await router.find("b@old.net", undefined)).deliverTo, "b@example.com");
  t.is((await failure(t, router.find("out@example.com", undefined))).kind, "not-authorized");
  t.is((await failure(t, router.find("x%y@old.net", undefined))).kind, "not-authorized");
});

test("recipients: postmaster without a domain is somebody", async (t) => {
  const users = { "postmaster@example.com": "mbx1", "chief@example.com": "mbx1" };
  t.is((await scene({}, users).router.find("Postmaster", undefined)).deliverTo, "postmaster@example.com");
  t.is(
    (await scene({ postmaster: "chief@example.com" }, users).router.find("postmaster", undefined)).deliverTo,
    "chief@example.com",
  );
});

test("recipients: the catch-all gets mail for nobody, but not what a source could not tell", async (t) => {
  const settings = { catchAll: { "example.com": "all+lost@example.com" } };
  const { router } = scene(settings, { "all@example.com": "mbx1", "flaky@example.com": "down" });
  const { deliverTo, routeAs, route } = await router.find("nobody@example.com", undefined);
  t.deepEqual([deliverTo, routeAs], ["all+lost@example.com", "all@example.com"]);
  t.is(route.why, "catch-all of example.com: all@example.com");
  t.is((await failure(t, router.find("flaky@example.com", undefined))).kind, "source-down");
  t.is((await failure(t, scene(settings).router.find("nobody@example.com", undefined))).kind, "unknown-user");
});

test("recipients: a redirect goes to its backend without a look-up, and makes no domain ours", async (t) => {
  const { router, asked } = scene({});
  const { deliverTo, route } = await router.find("nobody@example.com", undefined, { redirect: "mbx1" });
  t.deepEqual([deliverTo, route.source, route.legs.map(({ backend }) => backend)], ["nobody@example.com", "rules", ["mbx1"]]);
  t.is((await failure(t, router.find("a@other.net", undefined, { redirect: "mbx1" }))).kind, "not-authorized");
  for (const backend of ["webonly", "constructor"]) {
    t.is((await failure(t, router.find("a@example.com", undefined, { redirect: backend }))).kind, "no-candidate");
    t.is(t.throws(() => router.legsOf(backend), { instanceOf: Failure }).kind, "no-candidate");
  }
  t.deepEqual(asked, []);
});

test("recipients: routeAs finds the backend by another address, which no catch-all is for", async (t) => {
  const settings = { catchAll: { "example.com": "all@example.com" } };
  const { router } = scene(settings, { "bob@voice.example.com": "mbx1", "all@example.com": "mbx1" });
  const found = await router.find("bob@example.com", undefined, { routeAs: "bob@voice.example.com" });
  t.deepEqual([found.deliverTo, found.routeAs], ["bob@example.com", "bob@voice.example.com"]);
  t.is((await failure(t, router.find("amy@example.com", undefined, { routeAs: "amy@voice.example.com" }))).kind, "unknown-user");
});

test("recipients: routeAs that is the address itself has chosen nothing", async (t) => {
  const { router } = scene({}, { "bob@example.com": "mbx1" });
  for (const routeAs of ["bob+x@EXAMPLE.com", "bob+x@example.com", "bob@example.com"])
    t.is((await router.find("bob+x@EXAMPLE.com", undefined, { routeAs })).routeAs, "bob@example.com");
});

test("rewriting never loops: whatever the patterns, an address becomes at most one other, which is ours", (t) => {
  const name = fc.constantFrom("a", "b", "c", "a-*", "*", "*-b");
  const domain = fc.constantFrom("example.com", "b.example", "c.example");
  const address = fc.tuple(name, domain).map(([local, where]) => `${local}@${where}`);
  const plain = fc.tuple(fc.constantFrom("a", "b", "c", "a-x", "x-b", "a-a-b"), domain).map((parts) => parts.join("@"));
  const domains = ["example.com", "b.example", "c.example"];
  fc.assert(
    fc.property(fc.array(fc.record({ from: address, to: address }), { maxLength: 6 }), plain, (rewrite, from) => {
      const mailbox = parseMailbox(from)!;
      // What each rule would do alone: the first that does anything is the only one that does.
      const only = rewrite.map((one) => createRewriter([one])(mailbox)).find((other) => other !== undefined) ?? from;
      const book = createAddressBook({ ...DEFAULTS, domains, rewrite });
      if (parseMailbox(only) === undefined)
        return t.throws(() => book.resolve(from), { instanceOf: Failure }).kind === "unknown-user";
      return book.resolve(from).deliverTo === only;
    }),
  );
  t.pass();
});

test("contradictions: what the table cannot see is told with its place", (t) => {
  const mail: MailSettings = {
    ...DEFAULTS,
    domains: ["example.com", "*.example.org", "EXAMPLE.com"],
    rewrite: [
      { from: "a@old.net", to: "a@other.net" },
      { from: "b@old.net", to: "*@example.com" },
      { from: "@old.net", to: "@sub.example.org" },
      { from: "*@old.net", to: "x@example.com" },
      { from: "info@*.old.net", to: "info@*.example.org" },
      { from: "info@*.older.net", to: "info@*.example.net" },
    ],
    catchAll: {
      "example.com": "all@other.net",
      "other.net": "all@example.com",
      "*": "all@example.com",
      "*.example.org": "all@example.com",
    },
    postmaster: "me@other.net",
  };
  t.deepEqual(mailContradictions(mail), [
    { key: "domains[2]", problem: '"EXAMPLE.com" is there twice; keep one' },
    { key: "rewrite[0].to", problem: "other.net is none of mail.domains; add it there, or choose an address in one of them" },
    { key: "rewrite[1].to", problem: "has * where b@old.net has none; * must stand on the same side of the @ in both" },
    { key: "rewrite[5].to", problem: "*.example.net is none of mail.domains; add it there, or choose an address in one of them" },
    { key: "rewrite[3].from", problem: "is there twice; keep the first, which wins" },
    {
      key: "catchAll.example.com",
      problem: "other.net is none of mail.domains; add it there, or choose an address in one of them",
    },
    { key: "catchAll.other.net", problem: "other.net is none of mail.domains, so no mail for it is taken; add it there" },
    { key: "catchAll.*", problem: '"*" is no domain; write example.com or *.example.com' },
    { key: "postmaster", problem: "other.net is none of mail.domains; add it there, or choose an address in one of them" },
  ]);
  t.deepEqual(mailContradictions({ ...DEFAULTS, domains: ["*.example.com"] }), [
    { key: "postmaster", problem: "is missing, and no domain of mail.domains stands by itself; give an address" },
  ]);
  const all = { address: "::", prefix: 0, family: "ipv6" } as const;
  t.deepEqual(mailContradictions({ ...DEFAULTS, trusted: [{ address: "10.0.0.0", prefix: 8, family: "ipv4" }, all] }), [
    {
      key: "trusted[1]",
      problem: "is every address there is, so that whatever strangers claim is believed; name the relays",
    },
  ]);
  t.deepEqual(mailContradictions(DEFAULTS), []);
});

test("own domains: are found in any spelling, and by *.parent", (t) => {
  const isOurs = ownDomains({ domains: ["Example.COM", "*.example.org", "bücher.example"] });
  for (const domain of ["example.com", "EXAMPLE.com", "a.b.example.org", "xn--bcher-kva.example", "Bücher.example"])
    t.true(isOurs(domain), domain);
  for (const domain of ["example.org", "sub.example.com", "", "[192.0.2.1]"]) t.false(isOurs(domain), domain);
});
