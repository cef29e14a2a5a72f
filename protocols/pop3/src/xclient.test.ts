import test from "ava";
import { Failure } from "@postern/contracts";
import { testSession } from "@postern/testing";
import { learnFromXclient, xclientLine } from "./xclient.ts";

const trusting = () => {
  const session = testSession();
  return { ...session, listener: { ...session.listener, trusts: () => true } };
};

test("xclient: tells the backend where the client is, and counts down", (t) => {
  t.is(xclientLine(testSession()), "XCLIENT ADDR=192.0.2.7 PORT=4711 SESSION=test1 TTL=4\r\n");
  t.is(
    xclientLine(testSession({ client: { host: "2001:db8::7", port: 1 } })),
    "XCLIENT ADDR=2001:db8::7 PORT=1 SESSION=test1 TTL=4\r\n",
  );
  t.is(xclientLine(testSession({ client: { host: "", port: 0 } })), "XCLIENT SESSION=test1 TTL=4\r\n");
});

test("xclient: a trusted gateway is believed, in any case of letters", (t) => {
  const session = trusting();
  learnFromXclient("addr=203.0.113.66 Port=99 SESSION=abc  TTL=2", session);
  t.deepEqual(session.client, { host: "203.0.113.66", port: 99 });
  t.is(session.id, "test1");
  t.regex(xclientLine(session), / TTL=1\r\n$/);
});

test("xclient: another client is not, but its hop count is", (t) => {
  const session = testSession();
  learnFromXclient("ADDR=203.0.113.66 PORT=99 TTL=1", session);
  t.deepEqual(session.client, { host: "192.0.2.7", port: 4711 });
  const error = t.throws(() => xclientLine(session), { instanceOf: Failure });
  t.is(error?.kind, "route-loop");
});

for (const args of ["ADDR", "=x", "ADDR=\x01", "ADDR=\xe9", `ADDR=${"x".repeat(513)}`, "AD-DR=1"]) {
  test(`xclient: ${JSON.stringify(args.slice(0, 20))} is a syntax error`, (t) => {
    const error = t.throws(() => learnFromXclient(args, trusting()), { instanceOf: Failure });
    t.is(error?.kind, "syntax");
  });
}

test("xclient: an address that is none changes nothing", (t) => {
  for (const host of ["localhost", "1.2.3", "[UNAVAILABLE]"]) {
    const session = trusting();
    learnFromXclient(`ADDR=${host}`, session);
    t.is(session.client.host, "192.0.2.7");
  }
});
