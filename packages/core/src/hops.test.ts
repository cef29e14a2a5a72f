import test from "ava";
import { Failure } from "@postern/contracts";
import { fakeSession } from "../test/front.ts";
import { reportedAddress, takeTtl, ttlFor } from "./hops.ts";
import { oneLine } from "./one-line.ts";

test("hops: the time to live goes down by one at every gateway, and then it is over", (t) => {
  let ttl: string | undefined;
  const seen: string[] = [];
  const error = t.throws(
    () => {
      for (;;) {
        const session = fakeSession();
        takeTtl(session, ttl);
        ttl = ttlFor(session);
        seen.push(ttl);
      }
    },
    { instanceOf: Failure },
  );
  t.is(error?.kind, "route-loop");
  t.deepEqual(seen, ["4", "3", "2", "1"]);
});

test("hops: a time to live that is none changes nothing, and a large one gives no more", (t) => {
  for (const text of [undefined, null, "", "x", "-1", "1e3", "9999", " 1"]) {
    const session = fakeSession();
    takeTtl(session, text);
    t.is(session.hops, 0, String(text));
  }
  const session = fakeSession();
  takeTtl(session, "999");
  t.is(ttlFor(session), "4");
});

test("hops: a reported address is taken from trusted peers only, and only when it is one", (t) => {
  const trusted = fakeSession({ trusted: true });
  t.deepEqual(reportedAddress(trusted, "2001:db8::7", "4711"), { host: "2001:db8::7", port: 4711 });
  t.deepEqual(reportedAddress(trusted, "::ffff:192.0.2.7", null), { host: "192.0.2.7", port: 0 });
  t.is(reportedAddress(fakeSession(), "192.0.2.9", "1"), undefined);
  for (const host of [undefined, null, "", "localhost", "1.2.3.4\r\n", "1.2.3", "1.2.3.4 x"])
    t.is(reportedAddress(trusted, host, "1"), undefined, String(host));
  for (const port of ["65536", "-1", "x", "1.5"]) t.is(reportedAddress(trusted, "192.0.2.7", port)?.port, 0, port);
});

test("one line: control characters become question marks, all other text stays", (t) => {
  t.is(oneLine("a\rb\nc\0d\x1b[2Je\x7ff\tg"), "a?b?c?d?[2Je?f?g");
  t.is(oneLine("plain \xe9 text []"), "plain \xe9 text []");
});
