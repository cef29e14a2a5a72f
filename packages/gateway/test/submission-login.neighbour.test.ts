// How a submission session gets in at a real Postfix with a Dovecot behind its AUTH: by the user's own SCRAM, passed through;
// by XCLIENT or a master user, where the gateway has checked her. And gateways that point at themselves, and flags alone.

import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { freePorts, startPostfix, type Postfix } from "@postern/testing";
import { run, succeed, Talk } from "./clients.ts";
import { launch, POSTERN, startGateway, type Gateway } from "./gateway-process.ts";
import { ALICE, FILES, plain, WRONG } from "./mailboxes.ts";
import { delivered, message, password, smtplib, someWord, SUBMISSION, users } from "./submitters.ts";

const CYRUS = "/usr/lib/cyrus/bin";
const MASTER = "Master-geheim-9";

let mx1: Postfix;

test.before(async () => {
  mx1 = await startPostfix({
    users: users(ALICE),
    masterUsers: { gate: MASTER },
    mechanisms: "plain login scram-sha-256",
  });
});

test.after.always(async () => {
  await mx1?.stop();
});

/** A gateway that checks users itself, in front of the same Postfixes. */
async function checking(t: ExecutionContext, login: unknown): Promise<Gateway> {
  const hashed = await succeed("openssl", ["passwd", "-6", "-stdin"], { input: `${password(ALICE)}\n` });
  const own = await startGateway({
    listeners: SUBMISSION,
    backends: { mx1: { submission: { url: `smtp://127.0.0.1:${mx1.port}`, login } } },
    routes: [{ source: "static", default: "mx1" }],
    files: { ...FILES, users: `${ALICE}:${hashed.toString().trim()}\n`, "master.pass": `${MASTER}\n` },
    config: { authentication: { verifiers: [{ verifier: "file", path: "users" }] } },
  });
  t.teardown(() => own.stop());
  return own;
}

for (const [name, login, seen] of [
  ["by XCLIENT, without any password", "xclient", /sasl_method=XCLIENT, sasl_username=alice@example\.com/],
  [
    "as a master user",
    { strategy: "master", user: "gate", passwordFile: "master.pass" },
    /sasl_method=PLAIN, sasl_username=alice@example\.com/,
  ],
] as const) {
  test.serial(`submission: a user whom the gateway has checked is logged in ${name}`, async (t) => {
    const own = await checking(t, login);
    const word = someWord();
    const before = mx1.log().length;
    const good = await smtplib(own, "submissions", ALICE, password(ALICE), message(word, ALICE));
    t.is(good.code, 0, good.stderr);
    await delivered(mx1, word);
    t.regex(mx1.log().slice(before), seen);
    const bad = await smtplib(own, "submission", ALICE, WRONG, "x");
    t.is(bad.code, 3);
    t.regex(bad.stdout.toString(), /^535 5\.7\.8 Authentication failed/);
    t.false(own.written().includes(MASTER));
  });
}

test.serial("submission: SCRAM is passed through, and the gateway never sees the password", async (t) => {
  const own = await startGateway({
    listeners: { submissions: { protocol: "submission", tls: "implicit", mechanisms: ["SCRAM-SHA-256"] } },
    backends: { mx1: { submission: `smtp://127.0.0.1:${mx1.port}` } },
    routes: [{ source: "static", default: "mx1" }],
    files: FILES,
  });
  t.teardown(() => own.stop());
  const smtptest = (secret: string, input: string) => {
    const args = ["-s", "-p", String(own.port("submissions")), "-m", "SCRAM-SHA-256", "-a", ALICE, "-u", ALICE, "-w", secret];
    return run(join(CYRUS, "smtptest"), [...args, "127.0.0.1"], { input, timeoutMs: 20_000 });
  };
  const mail = `MAIL FROM:<${ALICE}>\r\nRCPT TO:<dave@example.com>\r\nQUIT\r\n`;
  const good = await smtptest(password(ALICE), mail);
  t.regex(good.stdout.toString(), /Authenticated\.[^]*250 2\.1\.5/, good.stderr);
  await mx1.logged(/sasl_method=SCRAM-SHA-256, sasl_username=alice@example\.com/);
  const bad = await smtptest(WRONG, "QUIT\r\n");
  t.regex(bad.stdout.toString(), /535 5\.7\.8 Authentication failed[^]*Authentication failed/);
});

test.serial("submission: a gateway that points at itself stops, and says so", async (t) => {
  const [port = 0] = await freePorts(1);
  const own = await startGateway({
    listeners: { loop: { protocol: "submission", tls: "none", address: `127.0.0.1:${port}` } },
    backends: { own: { submission: `smtp://127.0.0.1:${port}` } },
    routes: [{ source: "static", default: "own" }],
    files: FILES,
  });
  t.teardown(() => own.stop());
  const talk = await Talk.open({ port, tls: false });
  await talk.ask("EHLO me.example.net\r\n", /^250 .*\r\n/m);
  t.regex(await talk.ask(`AUTH PLAIN ${plain(ALICE)}\r\n`, /^5.*\r\n/m), /^554 5\.4\.6 .*point at each other\r\n/m);
  talk.close();
  await own.logged({ failure: "route-loop" });
});

test.serial("submission: flags alone make a working submission gateway", async (t) => {
  const [plainPort = 0, tlsPort = 0] = await freePorts(2);
  const listeners = ["--submission", `127.0.0.1:${plainPort}`, "--submissions", `127.0.0.1:${tlsPort}`];
  const backend = ["--backend", `mx=smtp://127.0.0.1:${mx1.port}`, "--route", "*=mx"];
  const own = launch([POSTERN, "serve", "--self-signed", ...listeners, ...backend]);
  try {
    await own.ready(2);
    t.deepEqual(own.lines(), [`submission 127.0.0.1:${plainPort} (STARTTLS)`, `submission 127.0.0.1:${tlsPort} (TLS)`]);
    const talk = await Talk.open({ port: tlsPort, tls: { rejectUnauthorized: false } });
    await talk.ask("EHLO me.example.net\r\n", /^250 .*\r\n/m);
    t.regex(await talk.ask(`AUTH PLAIN ${plain(ALICE)}\r\n`, /^\d{3} .*\r\n$/m), /^235 /);
    talk.close();
  } finally {
    t.is(await own.stop(), 0);
  }
});
