// Hostile clients against the real program: slow ones are cut, loud ones stop nobody else, and none gets anywhere.

import { randomBytes } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import test from "ava";
import { Talk } from "./clients.ts";
import { memoryKb, startGateway } from "./gateway-process.ts";
import type { Gateway } from "./gateway-process.ts";
import { ALICE, FILES, LISTENERS, plain, ROUTES, startMailboxes } from "./mailboxes.ts";
import type { Mailboxes } from "./mailboxes.ts";
import { until } from "./until.ts";

const TIMEOUT_MS = 3000;

let mailboxes: Mailboxes;
let gateway: Gateway;

test.before(async () => {
  mailboxes = await startMailboxes();
  gateway = await startGateway({
    listeners: { ...LISTENERS, proxied: { protocol: "imap", tls: "none", proxyProtocol: { from: ["127.0.0.1/32"] } } },
    backends: mailboxes.backends,
    routes: ROUTES,
    files: FILES,
    config: { limits: { login: { timeout: `${TIMEOUT_MS}ms`, maxDelay: "0s" } } },
  });
});

test.after.always(async () => {
  await gateway?.stop();
  await mailboxes?.stop();
});

/** Somebody who behaves still gets in, over both protocols. */
async function othersGetIn(): Promise<void> {
  const imap = await Talk.open({ port: gateway.port("imaps"), from: "127.0.0.60" });
  await imap.ask(`a AUTHENTICATE PLAIN ${plain(ALICE)}\r\nb LOGOUT\r\n`, /^b OK.*\r\n/m);
  imap.close();
  const pop3 = await Talk.open({ port: gateway.port("pop3s"), from: "127.0.0.60" });
  await pop3.ask(`AUTH PLAIN ${plain(ALICE)}\r\nQUIT\r\n`, /(\+OK.*\r\n){3}/);
  pop3.close();
}

/** Sends one byte after the other until the other side has had enough. */
async function drip(talk: Talk, bytes: Buffer): Promise<void> {
  for (const byte of bytes) {
    if (talk.isOver) return;
    talk.send(Buffer.of(byte));
    await wait(50);
  }
}

test("slow clients: whoever is not logged in by the deadline is cut, with the protocol's words, wherever it stands", async (t) => {
  const endless = Buffer.alloc(4 * (TIMEOUT_MS / 50), "a");
  const slow: { readonly talk: Talk; readonly words: RegExp }[] = [];
  const add = async (listener: string, words: RegExp, tls?: false): Promise<Talk> => {
    const talk = await Talk.open({ port: gateway.port(listener), from: "127.0.0.61", ...(tls === false && { tls }) });
    slow.push({ talk, words });
    return talk;
  };
  const bye = /^\* BYE Too slow to log in\r\n$/m;
  const err = /^-ERR Too slow to log in\r\n$/m;
  const drips = [
    drip(await add("imaps", bye), endless),
    drip(await add("pop3s", err), endless),
    drip(await add("imap", bye, false), endless),
    drip(await add("pop3", err, false), endless),
    // Within a TLS handshake, and before it: nothing can be said.
    drip(await add("imaps", /^$/, false), Buffer.from("1603010200010001fc0303".padEnd(600, "0"), "hex")),
    drip(await add("pop3s", /^$/, false), Buffer.alloc(0)),
  ];
  // Within an exchange, within a literal, and busy with commands that lead nowhere.
  const exchange = await add("imaps", bye);
  exchange.send("a AUTHENTICATE PLAIN\r\n");
  drips.push(drip(exchange, endless));
  const literal = await add("imaps", bye);
  literal.send("a LOGIN {4000}\r\n");
  drips.push(drip(literal, endless));
  const busy = await add("imaps", bye);
  drips.push(drip(busy, Buffer.from("a NOOP\r\n".repeat(endless.length / 8))));
  const silent = await add("imap", bye, false);
  await othersGetIn();
  for (const { talk, words } of slow) t.regex(await talk.over(2 * TIMEOUT_MS + 15_000), words);
  await Promise.all(drips);
  t.true(silent.isOver);
  await until(
    () => {
      const cut = gateway
        .log()
        .filter(({ message, client }) => String(message).startsWith("session ended") && String(client).startsWith("127.0.0.61:"));
      return cut.length === slow.length && cut.every(({ ending, user }) => ending === "refused" && user === undefined)
        ? true
        : undefined;
    },
    () => `${slow.length} sessions cut at the deadline`,
  );
});

test("slow clients: a header of a trusted load balancer that never ends is cut too", async (t) => {
  const talk = await Talk.open({ port: gateway.port("proxied"), tls: false });
  await drip(talk, Buffer.from("PROXY TCP4 192.0.2.1"));
  t.is(await talk.over(TIMEOUT_MS + 15_000), "");
  await gateway.logged({ message: /^session ended/, failure: "proxy-header" });
});

const NOISE = [
  randomBytes(65_536),
  Buffer.alloc(65_536, "x"),
  Buffer.from("a NOOP\r\n".repeat(8000)),
  Buffer.from("a LOGIN {16000+}\r\n".repeat(4000)),
  Buffer.alloc(65_536, "\r\n"),
  Buffer.from(`${"{".repeat(30_000)}\r\n`),
];

/** Floods the listeners from many sides until `task` is done and so many connections were cut. */
async function flooded(cuts: number, task: () => Promise<void>): Promise<void> {
  let flooding = true;
  let cut = 0;
  const flood = async (index: number): Promise<void> => {
    const listener = ["imap", "pop3", "imaps", "pop3s"][index % 4] ?? "";
    const target = { port: gateway.port(listener), from: `127.0.0.${70 + (index % 8)}` };
    while (flooding) {
      const talk = await Talk.open({ ...target, ...(index % 8 < 6 && { tls: false }) });
      // Whoever floods does not read either.
      talk.socket.pause();
      while (flooding && !talk.socket.destroyed && talk.error === undefined) {
        if (talk.socket.writableLength < 1024 * 1024) talk.send(NOISE[index % NOISE.length] ?? "");
        await wait(20);
      }
      talk.close();
      cut += 1;
    }
  };
  const floods = Array.from({ length: 24 }, (_, index) => flood(index));
  try {
    await task();
    await until(
      () => (cut >= cuts ? true : undefined),
      () => `${cuts} floods to be cut, not ${cut}`,
      60_000,
    );
  } finally {
    flooding = false;
    await Promise.all(floods);
  }
}

test("floods: garbage from many sides stops nobody else from logging in, and memory stays bounded", async (t) => {
  const seen: number[] = [];
  for (let round = 0; round < 2; round += 1) {
    await flooded(50, async () => {
      for (let count = 0; count < 5; count += 1) await othersGetIn();
    });
    seen.push(memoryKb(gateway.pid));
  }
  // What a collection of garbage leaves lying about is far below what the floods sent: gigabytes.
  t.true(Math.max(...seen) < 700 * 1024, `${seen.join(" kB, ")} kB`);
  t.log(`kB after each round: ${seen.join(" ")}`);
  t.false(gateway.log().some(({ failure }) => failure === "internal"));
});

test("attacks: another protocol's request closes the connection, unanswered but for the greeting", async (t) => {
  for (const listener of ["imap", "pop3"])
    for (const first of [
      "GET / HTTP/1.1\r\nHost: mail.example.com\r\n\r\n",
      "POST /a HTTP/1.1\r\n\r\na LOGIN x y\r\n",
      "\x16\x03\x01\x02\x00\r\n",
    ]) {
      const talk = await Talk.open({ port: gateway.port(listener), tls: false });
      talk.send(first);
      await talk.over();
      t.regex(talk.said, /^(\* OK|\+OK)[^\r]*\r\n$/, first);
    }
});

test("attacks: what is sent in clear behind STARTTLS or STLS is never obeyed, and ends the connection", async (t) => {
  for (const [listener, command, injected] of [
    ["imap", "a STARTTLS\r\n", "b NOOP\r\n"],
    ["pop3", "STLS\r\n", "CAPA\r\n"],
  ] as const) {
    const talk = await Talk.open({ port: gateway.port(listener), tls: false });
    await talk.until(/\r\n/);
    talk.send(command + injected);
    t.notRegex(await talk.over(), /^b |PIPELINING/m);
    await gateway.logged({
      message: /^session ended/,
      failure: "bytes-behind-starttls",
      listener: `${listener} 127.0.0.1:${gateway.port(listener)}`,
    });
  }
});
