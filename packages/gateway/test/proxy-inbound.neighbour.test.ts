// A real HAProxy in front of the real program: PROXY headers of version 1 and 2 are believed from its network, and from
// nowhere else.

import test from "ava";
import { Talk } from "./clients.ts";
import { startGateway } from "./gateway-process.ts";
import type { Gateway } from "./gateway-process.ts";
import { startHaproxy } from "./haproxy.ts";
import type { Haproxy } from "./haproxy.ts";
import { ALICE, FILES, plain, ROUTES, startMailboxes } from "./mailboxes.ts";
import type { Mailboxes } from "./mailboxes.ts";

const BALANCER = { proxyProtocol: { from: ["127.0.0.1/32"] } };
const WAYS = ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c", "send-proxy-v2 check inter 100ms"];

let mailboxes: Mailboxes;
let gateway: Gateway;
let haproxy: Haproxy;

test.before(async () => {
  mailboxes = await startMailboxes();
  gateway = await startGateway({
    listeners: {
      imap: { protocol: "imap", tls: "starttls", ...BALANCER },
      imaps: { protocol: "imap", tls: "implicit", ...BALANCER },
      pop3: { protocol: "pop3", tls: "starttls", ...BALANCER },
      bare: { protocol: "imap", tls: "implicit" },
    },
    backends: mailboxes.backends,
    routes: ROUTES,
    files: FILES,
  });
  haproxy = await startHaproxy(WAYS.map((options) => ({ port: gateway.port("imaps"), options })));
});

test.after.always(async () => {
  await haproxy?.stop();
  await gateway?.stop();
  await mailboxes?.stop();
});

for (const [index, way] of WAYS.entries()) {
  test(`proxy inbound: behind HAProxy with ${way}, log and backend see the true client`, async (t) => {
    const from = `127.0.0.${20 + index}`;
    const talk = await Talk.open({ port: haproxy.ports[index] ?? 0, from });
    const client = `${from}:${talk.socket.localPort}`;
    await talk.ask(`a AUTHENTICATE PLAIN ${plain(ALICE)}\r\n`, /^a OK.*\r\n/m);
    await mailboxes.mbx1.logged(new RegExp(`Login: user=<${ALICE}>.*rip=${from}, rport=${talk.socket.localPort}\\b`));
    await talk.ask("b LOGOUT\r\n", /^b OK.*\r\n/m);
    const line = await gateway.logged({ message: /^session ended/, client });
    t.regex(String(line["via"]), /^127\.0\.0\.1:\d+$/);
    t.is(line["user"], ALICE);
  });
}

const V1 = "PROXY TCP4 192.0.2.66 192.0.2.1 50000 993\r\n";
const V2 = Buffer.concat([
  Buffer.from("0d0a0d0a000d0a515549540a2111000c", "hex"),
  Buffer.from([192, 0, 2, 66, 192, 0, 2, 1, 0xc3, 0x50, 0x03, 0xe1]),
]);

for (const [name, header] of [
  ["version 1", V1],
  ["version 2", V2],
] as const) {
  test(`proxy inbound: a ${name} header from anybody else is not believed, and the connection is dropped`, async (t) => {
    for (const listener of ["imap", "imaps", "pop3", "bare"]) {
      const from = listener === "bare" ? "127.0.0.1" : "127.0.0.9";
      const talk = await Talk.open({ port: gateway.port(listener), from, tls: false });
      const client = `${from}:${talk.socket.localPort}`;
      talk.send(header);
      talk.send(`a AUTHENTICATE PLAIN ${plain(ALICE)}\r\n`);
      await talk.over();
      t.notRegex(talk.said, /a OK/);
      const line = await gateway.logged({ message: /^session ended/, client });
      t.is(line["ending"], "refused", listener);
      t.is(line["user"], undefined);
    }
    t.false(gateway.log().some((line) => String(line["client"]).startsWith("192.0.2.66")));
  });
}

test("proxy inbound: the load balancer's own header is believed, and one that sends none is dropped unanswered", async (t) => {
  const believed = await Talk.open({ port: gateway.port("imaps"), prelude: V1 });
  await believed.ask(`a AUTHENTICATE PLAIN ${plain(ALICE)}\r\n`, /^a OK.*\r\n/m);
  await mailboxes.mbx1.logged(/rip=192\.0\.2\.66, rport=50000/);
  believed.close();
  const without = await Talk.open({ port: gateway.port("imap"), tls: false });
  without.send("a CAPABILITY\r\n");
  t.is(await without.over(), "");
  await gateway.logged({ message: /^session ended/, failure: "proxy-header" });
});

test("proxy inbound: a header that comes byte by byte is read like any other", async (t) => {
  const talk = await Talk.open({ port: gateway.port("imap"), tls: false });
  for (const byte of V2) {
    talk.send(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.regex(await talk.until(/\r\n/), /^\* OK/);
  talk.close();
});

test("proxy inbound: HAProxy in front of a gateway that does not trust it brings nobody in", async (t) => {
  const blind = await startHaproxy([{ port: gateway.port("bare"), options: "send-proxy" }]);
  t.teardown(() => blind.stop());
  await t.throwsAsync(Talk.open({ port: blind.ports[0] ?? 0 }));
});
