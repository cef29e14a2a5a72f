import { Failure, FAILURES, type FailureKind } from "@postern/contracts";
import test from "ava";
import { type Said, testExchange } from "../../test/exchanges.ts";
import { testService } from "../../test/parts.ts";
import type { Service } from "../parts.ts";
import { refusalText, refuse, tellTooLarge } from "./refusals.ts";

const KINDS = Object.keys(FAILURES) as FailureKind[];
const STYLES = ["page", "program", "activesync", "mapi"] as const;
const SECRET = "10.0.0.11:443 of mbx1 refused <b>alice</b>\r\nX: y";
const BROWSER = ["Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"];

function refused(kind: FailureKind, style: Service["refusals"] | undefined, fields: readonly string[] = [], waitMs = 0): Said {
  const exchange = testExchange({ fields: style === "page" ? BROWSER : [] });
  const { said } = exchange;
  refuse(exchange, new Failure(kind, SECRET, { waitMs }), style && testService({ refusals: style }), fields);
  return said;
}

const EXPECTED: Readonly<Partial<Record<FailureKind, number>>> = {
  "wrong-credentials": 403,
  "not-authorized": 403,
  "too-many-failures": 429,
  "too-many-of-user": 429,
  "literal-too-large": 413,
  syntax: 400,
  "source-down": 503,
  "verifier-down": 503,
  "no-candidate": 503,
  "backend-unreachable": 503,
  "backend-busy": 503,
  "backend-silent": 504,
  "backend-garbled": 502,
  "backend-lost": 502,
  "shutting-down": 503,
  internal: 500,
};
for (const [kind, status] of Object.entries(EXPECTED)) {
  test(`a program is told ${kind} by ${status}`, (t) => t.is(refused(kind as FailureKind, "program").status, status));
}

test("no failure of a backend is 500, in any style", (t) => {
  for (const kind of KINDS.filter((each) => FAILURES[each].blame === "backend"))
    for (const style of [...STYLES, undefined])
      t.true([429, 502, 503, 504].includes(refused(kind, style).status ?? 0), `${kind} ${style}`);
});

test("phones and Outlook over MAPI are told our own trouble by 503 with Retry-After alone", (t) => {
  for (const kind of KINDS.filter((each) => FAILURES[each].blame !== "client"))
    for (const style of ["activesync", "mapi"] as const) {
      const said = refused(kind, style);
      t.is(said.status, 503, kind);
      t.regex(said.field("retry-after") ?? "", /^[1-9]\d*$/, kind);
    }
  t.is(refused("too-many-failures", "activesync").status, 503);
  t.is(refused("route-refused", "activesync").status, 403, "who is kept out is told so");
});

test("a request that is not understood is told as one, not as a command", (t) => {
  for (const style of STYLES) t.regex(refused("syntax", style).body, /The request is not understood\./);
  t.regex(refusalText(new Failure("syntax", SECRET)), /\nThe request is not understood\.\n$/);
});

test("401 is said only with what the client can show; 403 otherwise", (t) => {
  const challenge = ["WWW-Authenticate", 'Basic realm="Mail"', "WWW-Authenticate", "NTLM"];
  for (const style of STYLES) {
    const said = refused("wrong-credentials", style, challenge);
    t.is(said.status, 401);
    t.deepEqual(said.fields.slice(0, 4), challenge);
    t.is(refused("wrong-credentials", style).status, 403);
  }
});

test("whether there is such a user is told by nothing", (t) => {
  for (const style of STYLES) {
    const [one, other] = [refused("wrong-credentials", style), refused("unknown-user", style)];
    t.is(one.status, other.status);
    t.is(one.body, other.body);
  }
});

test("nothing of the inside is told, and nothing that came from outside", (t) => {
  for (const kind of KINDS)
    for (const style of STYLES) {
      const { body, fields } = refused(kind, style);
      t.notRegex(body + fields.join("\n"), /10\.0\.0\.11|mbx1|alice|X: y/);
    }
});

test("a person in a browser gets a page with the sentence and the request's id, scripts get text", (t) => {
  const page = refused("backend-unreachable", "page");
  t.is(page.field("content-type"), "text/html; charset=utf-8");
  t.true(page.body.includes("<p>Your mailbox is unavailable, try again later.</p>"));
  t.true(page.body.includes("<code>s1.1</code>"));
  t.regex(page.field("content-security-policy") ?? "", /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]+';/);
  for (const accept of ["*/*", "application/json", "text/htmlx", ""]) {
    const exchange = testExchange({ fields: ["Accept", accept] });
    const { said } = exchange;
    refuse(exchange, new Failure("backend-unreachable", SECRET), testService({ refusals: "page" }));
    t.is(said.field("content-type"), "text/plain; charset=utf-8", accept);
  }
});

test("those who are refused together are told to come back at different times, and not before they were told to", (t) => {
  const times = Array.from({ length: 200 }, () =>
    Number(refused("too-many-failures", "program", [], 100_000).field("retry-after")),
  );
  t.true(
    times.every((seconds) => seconds >= 100 && seconds <= 151),
    String(times),
  );
  t.true(new Set(times).size > 10);
});

test("an answer that has begun is cut", (t) => {
  const exchange = testExchange({}, { begun: 200 });
  const { said } = exchange;
  refuse(exchange, new Failure("backend-lost", SECRET), testService({ refusals: "mapi" }));
  t.deepEqual([said.cuts, said.body], [1, ""]);
});

test("a body that is too large is 413", (t) => {
  const exchange = testExchange({ method: "POST" });
  const { said } = exchange;
  tellTooLarge(exchange);
  t.is(said.status, 413);
});

test("a client that is not taken in gets one whole answer, and the end of the connection", (t) => {
  for (const kind of KINDS) {
    const text = refusalText(new Failure(kind, SECRET));
    const [head = "", body = "", ...more] = text.split("\r\n\r\n");
    t.is(more.length, 0);
    t.regex(head, /^HTTP\/1\.1 [45]\d\d [A-Z][A-Za-z ]+\r\n/);
    t.regex(head, /\r\nConnection: close$/);
    t.is(Number(/\r\nContent-Length: (\d+)/.exec(head)?.[1]), Buffer.byteLength(body));
    t.true(
      head
        .split("\r\n")
        .slice(1)
        .every((line) => /^[A-Za-z-]+: [ -~]+$/.test(line)),
      head,
    );
  }
  t.regex(refusalText(new Failure("too-many-connections", "")), /^HTTP\/1\.1 503 .*\r\nRetry-After: /);
  t.regex(refusalText(new Failure("too-many-from-address", "")), /^HTTP\/1\.1 429 /);
});
