import test from "ava";
import { Failure } from "@postern/contracts";
import { testSession } from "@postern/testing";
import { keepHello } from "./hello.ts";
import { learnFromXclient, xclientLine, xclientOffer } from "./xclient.ts";

const trusting = () => {
  const session = testSession();
  return { ...session, listener: { ...session.listener, trusts: () => true } };
};
const POSTFIX = ["NAME", "ADDR", "PROTO", "HELO", "REVERSE_NAME", "PORT", "LOGIN", "DESTADDR", "DESTPORT"];
const facts = { offered: POSTFIX, forwardClient: true, login: undefined };

test("xclient: tells the backend where the client is, in what it lists", (t) => {
  const session = testSession();
  keepHello(session, "me.example.net", true);
  t.is(xclientLine(session, facts), "XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.7 PORT=4711 PROTO=ESMTP HELO=me.example.net\r\n");
  t.is(xclientLine(session, { ...facts, offered: ["TTL", "SESSION", "PORT"] }), "XCLIENT TTL=4 SESSION=test1 PORT=4711\r\n");
  t.is(xclientLine(session, { ...facts, offered: [] }), undefined);
  t.is(xclientLine(session, { ...facts, offered: ["REVERSE_NAME"] }), undefined);
});

test("xclient: a client on a unix socket has no address", (t) => {
  const line = xclientLine(testSession({ client: { host: "", port: 0 } }), facts);
  t.is(line, "XCLIENT NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE] PROTO=ESMTP HELO=[UNAVAILABLE]\r\n");
});

test("xclient: where nothing of the client may be told, our own address goes all the same, and the right to say XCLIENT with it", (t) => {
  const session = testSession();
  const nobody = "NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE]";
  t.is(xclientLine(session, { ...facts, forwardClient: false }), `XCLIENT ${nobody}\r\n`);
  const told = { offered: [...POSTFIX, "TTL"], forwardClient: false, login: "alice@example.com" };
  t.is(xclientLine(session, told), `XCLIENT TTL=4 LOGIN=alice@example.com ${nobody}\r\n`);
  t.is(xclientLine(session, { ...told, offered: ["TTL"] }), "XCLIENT TTL=4\r\n");
});

test("xclient: no name can end the word or the line", (t) => {
  const session = testSession();
  keepHello(session, "a+b=c\xe9", true);
  const line = xclientLine(session, { ...facts, login: "al ice\r\nRSET\0=+é@example.com" }) ?? "";
  t.is(
    line,
    "XCLIENT LOGIN=al+20ice+0D+0ARSET+00+3D+2B+C3+A9@example.com NAME=[UNAVAILABLE] ADDR=192.0.2.7 PORT=4711 PROTO=ESMTP HELO=a+2Bb+3Dc+E9\r\n",
  );
});

test("xclient: a name that is too long for a command line is left to EHLO", (t) => {
  const session = testSession();
  keepHello(session, "\xe9".repeat(255), false);
  t.is(xclientLine(session, facts), "XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.7 PORT=4711 PROTO=SMTP\r\n");
});

test("xclient: a trusted gateway is believed, in any case of letters", (t) => {
  const session = trusting();
  learnFromXclient("addr=203.0.113.66 Port=99 LOGIN=bob  TTL=2", session);
  t.deepEqual(session.client, { host: "203.0.113.66", port: 99 });
  t.is(xclientLine(session, { ...facts, offered: ["TTL", "LOGIN"] }), "XCLIENT TTL=1\r\n");
  learnFromXclient("ADDR=ipv6:2001:db8::7", session);
  t.is(session.client.host, "2001:db8::7");
  t.is(xclientOffer(session), "XCLIENT ADDR PORT TTL");
});

test("xclient: another client is not, but its hop count is", (t) => {
  const session = testSession();
  learnFromXclient("ADDR=203.0.113.66 PORT=99 TTL=1", session);
  t.deepEqual(session.client, { host: "192.0.2.7", port: 4711 });
  const error = t.throws(() => xclientLine(session, { ...facts, offered: [] }), { instanceOf: Failure });
  t.is(error?.kind, "route-loop");
  t.is(xclientOffer(session), "XCLIENT TTL");
});

for (const args of ["ADDR", "=x", "ADDR=\x01", "ADDR=\xe9", `ADDR=${"x".repeat(513)}`, "AD-DR=1"]) {
  test(`xclient: ${JSON.stringify(args.slice(0, 20))} is a syntax error`, (t) => {
    const error = t.throws(() => learnFromXclient(args, trusting()), { instanceOf: Failure });
    t.is(error?.kind, "syntax");
  });
}

test("xclient: an address that is none changes nothing", (t) => {
  for (const host of ["localhost", "1.2.3", "[UNAVAILABLE]", "IPV6:", "1.2.3.4+0D"]) {
    const session = trusting();
    learnFromXclient(`ADDR=${host}`, session);
    t.is(session.client.host, "192.0.2.7");
  }
});

test("xclient: what a client is called, and how it greets, is told by trusted gateways only", (t) => {
  const told = (args: string) => learnFromXclient(args, trusting());
  t.deepEqual(told("HELO=cli+2Bent NAME=a.example.org PROTO=SMTP"), {
    hello: { name: "cli+ent", extended: false },
    name: "a.example.org",
  });
  t.deepEqual(told("HELO=x"), { hello: { name: "x", extended: true }, name: undefined });
  t.deepEqual(told("HELO=[UNAVAILABLE] NAME=[TEMPUNAVAIL]"), { hello: undefined, name: undefined });
  t.deepEqual(told("HELO=a+20b NAME=a+0D+0Ab"), { hello: undefined, name: "" });
  t.deepEqual(learnFromXclient("HELO=x NAME=y", testSession()), { hello: undefined, name: undefined });
});
