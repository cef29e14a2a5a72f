import test from "ava";
import { Failure } from "@postern/contracts";
import { testSession } from "@postern/testing";
import type { Argument, ImapCommand } from "./command-parser.ts";
import { backendId, learnFromId, parseId, quote } from "./id.ts";

const open: Argument = { kind: "open", text: "(" };
const close: Argument = { kind: "close", text: ")" };
const text = (value: string): Argument => ({ kind: "string", text: value });
const command = (...args: readonly Argument[]): ImapCommand => ({ tag: "a", verb: "ID", args });
const pairs = (...values: readonly string[]): ImapCommand => command(open, ...values.map(text), close);

test("id: tells the backend where the client is, in the keys that Dovecot reads, and counts down", (t) => {
  t.is(
    backendId(testSession()),
    '("x-session-id" "test1" "x-originating-ip" "192.0.2.7" "x-originating-port" "4711" ' +
      '"x-connected-ip" "192.0.2.1" "x-connected-port" "143" "x-proxy-ttl" "4")',
  );
});

test("id: a client on a unix socket has no address to tell", (t) => {
  t.regex(backendId(testSession({ client: { host: "", port: 0 } })), /"x-originating-ip" NIL/);
});

test("id: the client's pairs go first, without those that speak of the connection", (t) => {
  const session = testSession();
  learnFromId(
    parseId(
      pairs("Name", "Mail", "X-Originating-IP", "203.0.113.66", "x-forward-x", "y", "x-session-id", "forged", "x-mine", "ok"),
    ),
    session,
  );
  t.regex(backendId(session), /^\("name" "Mail" "x-mine" "ok" "x-session-id" "test1" "x-originating-ip" "192\.0\.2\.7"/);
  t.is(backendId(session).split("x-originating-ip").length, 2);
});

test("id: there are never more than 30 pairs, and ours are always among them", (t) => {
  const session = testSession();
  const many = Array.from({ length: 30 }, (_, index) => [`key${index}`, "v"]).flat();
  learnFromId(parseId(pairs(...many)), session);
  const id = backendId(session);
  t.is(id.split(/" "|" NIL "/).length / 2, 30);
  t.regex(id, /"x-proxy-ttl" "4"\)$/);
});

test("id: what cannot stand in a quoted string does not break out of it", (t) => {
  t.is(quote('a"b\\c\r\nd\0\xe9'), '"a\\"b\\\\c??d??"');
});

test("id: NIL, an empty list and NIL values are understood", (t) => {
  t.is(parseId(command({ kind: "atom", text: "nil" })).size, 0);
  t.is(parseId(command(open, close)).size, 0);
  t.is(parseId(command(open, text("name"), { kind: "atom", text: "NIL" }, close)).get("name"), null);
  t.is(parseId(pairs("name", "NIL")).get("name"), "NIL");
});

for (const [title, bad] of [
  ["no argument", command()],
  ["a string", command(text("x"))],
  ["a list that is not closed", command(open, text("a"), text("b"))],
  ["half a pair", command(open, text("a"), close)],
  ["a list in a list", command(open, open, text("a"), close, close)],
  ["an atom as a name", command(open, { kind: "atom", text: "name" }, text("x"), close)],
  ["a name of 31 characters", pairs("n".repeat(31), "x")],
  ["a value of 1025 characters", pairs("n", "x".repeat(1025))],
  ["31 pairs", pairs(...Array.from({ length: 62 }, (_, index) => `k${index}`))],
] as const) {
  test(`id: ${title} is a syntax error with its tag`, (t) => {
    const error = t.throws(() => parseId(bad), { instanceOf: Failure });
    t.is(error?.kind, "syntax");
    t.is(Reflect.get(error ?? {}, "tag"), "a");
  });
}
