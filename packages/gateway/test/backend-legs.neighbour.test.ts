// How the gateway reaches real backends: plain, STARTTLS, implicit TLS with an authority of its own; the client's true
// address by PROXY header, IMAP ID and POP3 XCLIENT, as Dovecot's log believes it; gateways that point at each other.

import test from "ava";
import { createAuthority } from "@postern/certs";
import { freePorts, startDovecot } from "@postern/testing";
import type { Dovecot } from "@postern/testing";
import { Talk } from "./clients.ts";
import { startGateway } from "./gateway-process.ts";
import type { Gateway, Json } from "./gateway-process.ts";
import { ALICE, backendCertificate, FILES, LISTENERS, PASSWORDS, plain } from "./mailboxes.ts";

const PASSWORD = PASSWORDS[ALICE] ?? "";
const CLIENT = "127.0.0.5";

interface Case {
  /** Which of Dovecot's ports, and the scheme. */
  readonly port: "imap" | "imaps" | "imapHaproxy";
  readonly scheme: "" | "+starttls" | "s";
  readonly leg: Json;
  /** What Dovecot's login line has; undefined: the gateway never logs in. */
  readonly line: RegExp | undefined;
}

const own = { ca: "ca.pem" };
const none = { forwardClient: false };

// Dovecot writes TLS when the leg is, and nothing or "secured" when it is not.
const CASES: Readonly<Record<string, Case>> = {
  plain: { port: "imap", scheme: "", leg: {}, line: /rip=127\.0\.0\.5, / },
  starttls: { port: "imap", scheme: "+starttls", leg: { tls: own }, line: /rip=127\.0\.0\.5, .*TLS/ },
  implicit: { port: "imaps", scheme: "s", leg: { tls: own }, line: /rip=127\.0\.0\.5, .*TLS/ },
  named: { port: "imaps", scheme: "s", leg: { tls: { ...own, serverName: "mbx.example.net" } }, line: /TLS/ },
  unverified: { port: "imaps", scheme: "s", leg: { tls: { verify: false } }, line: /TLS/ },
  "wrong-ca": { port: "imaps", scheme: "s", leg: { tls: { ca: "stranger.pem" } }, line: undefined },
  "wrong-ca-starttls": { port: "imap", scheme: "+starttls", leg: { tls: { ca: "stranger.pem" } }, line: undefined },
  "system-ca": { port: "imaps", scheme: "s", leg: {}, line: undefined },
  "wrong-name": { port: "imaps", scheme: "s", leg: { tls: { ...own, serverName: "other.example.net" } }, line: undefined },
  "proxy-v1": { port: "imapHaproxy", scheme: "", leg: { proxyHeader: "v1", ...none }, line: /rip=127\.0\.0\.5, / },
  "proxy-v2": { port: "imapHaproxy", scheme: "", leg: { proxyHeader: "v2", ...none }, line: /rip=127\.0\.0\.5, / },
  "proxy-v2-starttls": {
    port: "imapHaproxy",
    scheme: "+starttls",
    leg: { proxyHeader: "v2", tls: own, ...none },
    line: /rip=127\.0\.0\.5, .*TLS/,
  },
  "not-forwarded": { port: "imap", scheme: "", leg: none, line: /rip=127\.0\.0\.1, / },
};

let dovecot: Dovecot;
let gateway: Gateway;

const userOf = (name: string): string => `${name}@example.com`;

function portOf(name: string): number {
  const ports = { ...dovecot } as unknown as Record<string, number>;
  return ports[`${name}Port`] ?? 0;
}

/** The leg of a case for a protocol. */
function legOf({ port, scheme, leg }: Case, protocol: "imap" | "pop3"): Json {
  return { url: `${protocol}${scheme}://127.0.0.1:${portOf(port.replace("imap", protocol))}`, ...leg };
}

test.before(async () => {
  const names = Object.keys(CASES);
  dovecot = await startDovecot({
    users: Object.fromEntries(names.map((name) => [userOf(name), PASSWORD])),
    tls: backendCertificate,
    haproxy: true,
    trustedNetworks: "127.0.0.0/8",
  });
  gateway = await startGateway({
    listeners: LISTENERS,
    files: { ...FILES, "stranger.pem": createAuthority("A stranger").cert },
    backends: Object.fromEntries(
      Object.entries(CASES).map(([name, row]) => [name, { imap: legOf(row, "imap"), pop3: legOf(row, "pop3") }]),
    ),
    routes: [{ source: "static", users: Object.fromEntries(names.map((name) => [userOf(name), name])) }],
    // Dovecot's log is read here: no probes in between.
    config: { health: { interval: "1h" } },
  });
});

test.after.always(async () => {
  await gateway?.stop();
  await dovecot?.stop();
});

for (const [name, row] of Object.entries(CASES)) {
  const outcome = row.line === undefined ? "is refused before the password is sent" : "lets the user in";
  for (const protocol of ["imap", "pop3"] as const) {
    test(`backend legs: ${protocol}, ${name} ${outcome}`, async (t) => {
      const talk = await Talk.open({ port: gateway.port(`${protocol}s`), from: CLIENT });
      await talk.until(/\r\n/);
      const login = protocol === "imap" ? "a AUTHENTICATE PLAIN" : "AUTH PLAIN";
      const answer = await talk.ask(`${login} ${plain(userOf(name), PASSWORD)}\r\n`, /^(a|\+OK|-ERR).*\r\n/m);
      const clientPort = talk.socket.localPort ?? 0;
      if (row.line === undefined) {
        t.regex(answer, protocol === "imap" ? /a NO \[UNAVAILABLE\]/ : /-ERR \[SYS\/TEMP\]/);
        talk.close();
        await gateway.logged({ message: "backend failed", kind: "backend-tls", reason: new RegExp(`^${name} ${protocol} `) });
        t.notRegex(dovecot.log(), new RegExp(`${protocol}-login: .*user=<${userOf(name)}>`));
        return;
      }
      t.regex(answer, /a OK|\+OK/);
      const [line] = await dovecot.logged(new RegExp(`${protocol}-login: Info: Login: user=<${userOf(name)}>.*\n`));
      t.regex(line, row.line);
      if (name !== "not-forwarded") t.regex(line, new RegExp(`rport=${clientPort}\\b`));
      talk.close();
      const ended = await gateway.logged({ message: /^session ended/, client: `${CLIENT}:${clientPort}` });
      t.is(line.includes(`session=<${String(ended["session"])}>`), row.leg["forwardClient"] !== false);
    });
  }
}

test("backend legs: the backend's own certificate is not taken for another backend's by a resumed session", async (t) => {
  // Each TLS session is kept by its policy: after a good login on the same port, a wrong name is still refused.
  for (const name of ["implicit", "wrong-name", "implicit", "wrong-ca"]) {
    const talk = await Talk.open({ port: gateway.port("imaps") });
    const answer = await talk.ask(`a AUTHENTICATE PLAIN ${plain(userOf(name), PASSWORD)}\r\n`, /^a .*\r\n/m);
    t.regex(answer, name === "implicit" ? /a OK/ : /a NO \[UNAVAILABLE\]/);
    talk.close();
  }
});

test("backend legs: two gateways that point at each other tell the client, after a few hops", async (t) => {
  const [here = 0, there = 0] = await freePorts(2);
  const pointing = (port: number, target: number): Promise<Gateway> =>
    startGateway({
      listeners: { imap: { protocol: "imap", tls: "none", address: `127.0.0.1:${port}`, trust: ["127.0.0.0/8"] } },
      files: FILES,
      backends: { other: { imap: `imap://127.0.0.1:${target}` } },
      routes: [{ source: "static", default: "other" }],
      config: { health: { interval: "1h" } },
    });
  const pair = [await pointing(here, there), await pointing(there, here)];
  try {
    const talk = await Talk.open({ port: here, tls: false });
    t.regex(await talk.ask(`a AUTHENTICATE PLAIN ${plain(ALICE)}\r\n`, /^a .*\r\n/m), /a NO/);
    talk.close();
    const failed = pair.flatMap((one) => one.log()).filter(({ message }) => message === "login failed");
    t.true(failed.some(({ kind }) => kind === "route-loop"));
    t.true(failed.length <= 10, `${failed.length} logins were tried`);
  } finally {
    for (const one of pair) await one.stop();
  }
});
