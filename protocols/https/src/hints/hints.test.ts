import { createFakeClock } from "@postern/testing";
import test from "ava";
import type { HttpRequest } from "../exchange.ts";
import type { Hint, Service } from "../parts.ts";
import { createAffinity, type Seal } from "./affinity-cookie.ts";
import { createHints } from "./hints.ts";
import { basic, bearer, requestOf, serviceNamed } from "./test/request.ts";

const affinity = createAffinity({
  secret: Buffer.alloc(32, 1),
  settings: { name: "postern", lifetime: 3_600_000, keyFile: undefined },
  clock: createFakeClock(),
});
const hints = createHints({ affinity, defaultDomain: "example.com" });
const EWS = serviceNamed("ews");
const ALICE = { mailbox: "alice@example.com", backend: "mbx1" };

const told = (request: HttpRequest, service: Service, user?: string, body?: string): Hint[] => [
  ...hints.of(
    request,
    service,
    { identity: user === undefined ? undefined : { user, proven: true } },
    body === undefined ? undefined : Buffer.from(body),
  ),
];

/** A request that brings the cookie for it, as a browser has it from before. */
function withCookie(service: Service, seal: Seal, ...fields: string[]): HttpRequest {
  const [, line = ""] = affinity.renew(requestOf("/"), seal, service, true);
  return requestOf("/", "Cookie", line.split(";", 1)[0] ?? "", ...fields);
}

test("hints: they come in the order of the service", (t) => {
  const request = requestOf("/ews", "Authorization", basic("alice"), "X-AnchorMailbox", "bob@example.com");
  t.deepEqual(told(request, EWS), [
    { from: "anchor-mailbox", mailbox: "bob@example.com" },
    { from: "basic", mailbox: "alice" },
  ]);
  t.deepEqual(
    told(request, { ...EWS, hints: ["basic", "anchor-mailbox"] }).map(({ from }) => from),
    ["basic", "anchor-mailbox"],
  );
  t.deepEqual(told(request, { ...EWS, hints: [] }), []);
});

test("hints: a phone's login goes before the user in its query", (t) => {
  const request = requestOf(
    "/Microsoft-Server-ActiveSync?Cmd=Sync&User=bob&DeviceId=1&DeviceType=x",
    "Authorization",
    basic("alice"),
  );
  const found = told(request, serviceNamed("activesync"));
  t.deepEqual(
    found.map(({ from, mailbox }) => [from, mailbox]),
    [
      ["basic", "alice"],
      ["activesync-user", "bob"],
    ],
  );
});

test("hints: Autodiscover's body goes before the login", (t) => {
  const body = "<Autodiscover><EMailAddress>bob@example.com</EMailAddress></Autodiscover>";
  const found = told(
    requestOf("/autodiscover", "Authorization", bearer({ upn: "alice@example.com" })),
    serviceNamed("autodiscover"),
    undefined,
    body,
  );
  t.deepEqual(
    found.map(({ from }) => from),
    ["autodiscover-body", "bearer"],
  );
});

test("hints: a login that was checked takes the place of what is claimed", (t) => {
  const request = requestOf("/ews", "Authorization", basic("bob"), "X-AnchorMailbox", "carol@example.com");
  t.deepEqual(told(request, EWS, "alice@example.com"), [
    { from: "anchor-mailbox", mailbox: "carol@example.com" },
    { from: "login", mailbox: "alice@example.com" },
  ]);
  t.deepEqual(told(request, { ...EWS, hints: [] }, "alice@example.com"), [{ from: "login", mailbox: "alice@example.com" }]);
});

test("hints: the cookie alone says who and where", (t) => {
  t.deepEqual(told(withCookie(EWS, ALICE), EWS), [{ from: "cookie", ...ALICE }]);
});

test("hints: the cookie adds the backend to a hint that names the same mailbox, in any spelling", (t) => {
  for (const user of ["alice", "Alice@Example.com", "EXAMPLE\\alice"])
    t.deepEqual(
      told(withCookie(EWS, ALICE, "Authorization", basic(user)), EWS),
      [{ from: "basic", mailbox: user === "EXAMPLE\\alice" ? "alice" : user, backend: "mbx1" }],
      user,
    );
  t.deepEqual(told(withCookie(EWS, ALICE), EWS, "alice@example.com"), [{ from: "login", ...ALICE }]);
});

test("hints: the cookie of another user who logged in before is worth nothing", (t) => {
  t.deepEqual(told(withCookie(EWS, ALICE, "Authorization", basic("bob")), EWS), [{ from: "basic", mailbox: "bob" }]);
  t.deepEqual(told(withCookie(EWS, ALICE), EWS, "bob@example.com"), [{ from: "login", mailbox: "bob@example.com" }]);
});

test("hints: an anchor that another mailbox is asked for with leaves the cookie for the login behind it", (t) => {
  const request = withCookie(EWS, ALICE, "Authorization", basic("alice"), "X-AnchorMailbox", "bob@example.com");
  t.deepEqual(told(request, EWS), [
    { from: "anchor-mailbox", mailbox: "bob@example.com" },
    { from: "basic", mailbox: "alice", backend: "mbx1" },
  ]);
});

test("hints: a cookie that names only a backend says where, whoever comes", (t) => {
  const nobody = { mailbox: undefined, backend: "web1" };
  t.deepEqual(told(withCookie(EWS, nobody, "Authorization", basic("bob")), EWS), [
    { from: "cookie", ...nobody },
    { from: "basic", mailbox: "bob" },
  ]);
});

test("hints: where a service has no affinity the cookie is not opened", (t) => {
  t.deepEqual(told(withCookie(EWS, ALICE), { ...EWS, hasAffinity: false }), []);
  t.deepEqual(told(withCookie(serviceNamed("owa"), ALICE), EWS), []);
});
