// Applications that cannot log in, through the real program to a real Postfix, by clients that we did not write: swaks, Python's
// smtplib and nodemailer. Nobody is routed: the route leads to a backend that is not there.

import { join } from "node:path";
import test from "ava";
import { createTransport } from "nodemailer";
import { issue } from "@postern/certs";
import { freePorts, startPostfix, type Postfix } from "@postern/testing";
import { run, succeed, Talk } from "./clients.ts";
import { startGateway, type Gateway } from "./gateway-process.ts";
import { ALICE, authority, FILES, plain } from "./mailboxes.ts";
import { delivered, message, password, someWord, SUBMISSION, users } from "./submitters.ts";

const PRINTER = "127.0.5.7";
const ACCOUNT = "Gate-geheim-7";
const BOB = "bob@example.com";

const crm = issue(authority, { names: ["crm.example.com"], client: true });
const wiki = issue(authority, { names: ["wiki.example.com"], client: true });

let relay1: Postfix;
let gateway: Gateway;
let nowhere: number;

test.before(async () => {
  // The gateway may say XCLIENT, and the clients at other addresses may not.
  relay1 = await startPostfix({ users: users(ALICE), inbound: true, xclientHosts: "127.0.0.1/32" });
  [nowhere = 0] = await freePorts(1);
  gateway = await startGateway({
    listeners: {
      printers: {
        protocol: "submission",
        tls: "none",
        applications: [{ name: "printers", from: "127.0.5.0/24", backend: "relay1" }],
      },
      programs: {
        protocol: "submission",
        tls: "starttls",
        clientCertificate: "request",
        applications: [
          { name: "crm", certificate: "CN=crm.example.com", backend: "relay1" },
          { name: "late", from: "127.0.6.0/24", backend: "nowhere" },
        ],
      },
    },
    backends: {
      relay1: { submission: `smtp://127.0.0.1:${relay1.port}` },
      nowhere: { submission: `smtp://127.0.0.1:${nowhere}` },
    },
    routes: [{ source: "static", users: { [ALICE]: "relay1" }, default: "nowhere" }],
    files: FILES,
    config: { tls: { certificates: [{ cert: "server.pem", key: "server.key" }], clientCa: "ca.pem" } },
  });
});

test.after.always(async () => {
  await gateway?.stop();
  await relay1?.stop();
});

const swaks = (from: string, word: string) => {
  const server = ["--server", "127.0.0.1", "--port", String(gateway.port("printers")), "--local-interface", from];
  const mail = ["--helo", "printer.example.net", "--from", "scan@example.com", "--to", BOB, "--header", `Subject: ${word}`];
  return run("swaks", [...server, ...mail]);
};

test.serial("applications: swaks sends without a login, and Postfix knows where it is", async (t) => {
  const word = someWord();
  const { code, stdout } = await swaks(PRINTER, word);
  t.is(code, 0, stdout.toString());
  const { head } = await delivered(relay1, word);
  t.regex(head, /^Received: from printer\.example\.net \(unknown \[127\.0\.5\.7\]\)/m);
  await relay1.logged(/: client=unknown\[127\.0\.5\.7\]\n/);
  const line = await gateway.logged({ message: "application let in", application: "printers" });
  t.is(line["why"], "address 127.0.5.7");
  t.is(line["backend"], "relay1");
  await gateway.logged({ message: /session ended/, user: "printers" });
});

test.serial("applications: swaks at another address has to log in", async (t) => {
  const { code, stdout } = await swaks("127.0.7.7", someWord());
  t.not(code, 0);
  t.regex(stdout.toString(), /530 5\.7\.0 Log in first/);
});

test.serial(
  "applications: smtplib sends two messages on one connection, and a refused recipient is Postfix's word",
  async (t) => {
    const [one, two] = [someWord(), someWord()];
    const script = `
import smtplib, sys
port, source, one, two = sys.argv[1:]
s = smtplib.SMTP("127.0.0.1", int(port), local_hostname="app.example.net", source_address=(source, 0))
for word in (one, two):
    refused = s.sendmail("app@example.com", ["bob@example.com", "eve@elsewhere.example"], "Subject: %s\\r\\n\\r\\n.hidden\\r\\n..\\r\\n" % word)
    print(refused["eve@elsewhere.example"][0])
s.quit()
`;
    const out = await succeed("/usr/bin/python3", ["-c", script, ...[gateway.port("printers"), PRINTER, one, two].map(String)]);
    t.is(out.toString(), "554\n554\n");
    for (const word of [one, two]) t.regex((await delivered(relay1, word)).message.toString(), /\r\n\r\n\.hidden\r\n\.\.\r\n/);
  },
);

for (const [title, certificate, ok] of [
  ["with its certificate", crm, true],
  ["with another one of the same authority", wiki, false],
  ["without one", undefined, false],
] as const) {
  test.serial(`applications: nodemailer ${title} is ${ok ? "let in behind STARTTLS" : "told to log in"}`, async (t) => {
    const word = someWord();
    const transport = createTransport({
      host: "127.0.0.1",
      port: gateway.port("programs"),
      requireTLS: true,
      name: "crm.example.net",
      localAddress: "127.0.8.8",
      tls: { ca: authority.cert, servername: "mail.example.com", ...certificate },
    });
    t.teardown(() => transport.close());
    const sending = transport.sendMail({ from: "crm@example.com", to: BOB, subject: word, text: "hello" });
    if (!ok) return void (await t.throwsAsync(sending, { message: /530 5\.7\.0 Log in first/ }));
    await sending;
    t.regex((await delivered(relay1, word)).head, /\(unknown \[127\.0\.8\.8\]\)/);
    await gateway.logged({ message: "application let in", application: "crm", why: "certificate CN=crm.example.com" });
  });
}

test.serial("applications: what is sent together with MAIL reaches Postfix in order", async (t) => {
  const word = someWord();
  const sent = message(word, "scan@example.com");
  const talk = await Talk.open({ port: gateway.port("printers"), from: PRINTER, tls: false });
  await talk.until(/^220 .*\r\n/);
  talk.send(
    `EHLO printer.example.net\r\nMAIL FROM:<scan@example.com>\r\nRCPT TO:<${BOB}>\r\nBDAT ${sent.length} LAST\r\n${sent}QUIT\r\n`,
  );
  const said = await talk.over();
  t.deepEqual(said.match(/^\d{3} \d\S+/gm), ["250 2.1.0", "250 2.1.5", "250 2.0.0", "221 2.0.0"], said);
  t.deepEqual((await delivered(relay1, word)).message, Buffer.from(sent));
});

test.serial("applications: who logs in is a user, at the user's backend", async (t) => {
  const talk = await Talk.open({ port: gateway.port("programs"), from: "127.0.6.6", tls: false });
  await talk.ask("EHLO me.example.net\r\n", /^250 .*\r\n/m);
  t.regex(await talk.ask(`AUTH PLAIN ${plain(ALICE)}\r\n`, /\r\n/), /^235 2\.7\.0 /);
  talk.close();
  await gateway.logged({ message: /session ended/, user: ALICE, mechanism: "PLAIN" });
});

test.serial("applications: a backend that is down costs a try, not the message", async (t) => {
  const talk = await Talk.open({ port: gateway.port("programs"), from: "127.0.6.6", tls: false });
  await talk.ask("EHLO me.example.net\r\n", /^250 .*\r\n/m);
  for (const turn of [1, 2]) t.regex(await talk.ask("MAIL FROM:<a@example.com>\r\n", /\r\n/), /^451 4\.3\.0 /, String(turn));
  talk.close();
  await gateway.logged({ message: "login failed", user: "late", kind: "backend-unreachable" });
});

test.serial("applications: where Postfix wants a login, the gateway's own account is used", async (t) => {
  const relay2 = await startPostfix({ users: { gate: ACCOUNT } });
  t.teardown(() => relay2.stop());
  const hashed = await succeed("openssl", ["passwd", "-6", "-stdin"], { input: `${password(ALICE)}\n` });
  const login = { strategy: "master", user: "gate", passwordFile: "gate.pass" };
  const own = await startGateway({
    listeners: {
      printers: { ...SUBMISSION["submission"], applications: [{ name: "printers", from: "127.0.5.0/24", backend: "relay2" }] },
    },
    backends: { relay2: { submission: { url: `smtp://127.0.0.1:${relay2.port}`, login } } },
    routes: [{ source: "static", default: "relay2" }],
    files: { ...FILES, users: `${ALICE}:${hashed.toString().trim()}\n`, "gate.pass": `${ACCOUNT}\n` },
    config: { authentication: { verifiers: [{ verifier: "file", path: "users" }] } },
  });
  t.teardown(() => own.stop());
  const word = someWord();
  const server = ["--server", "127.0.0.1", "--port", String(own.port("printers")), "--local-interface", PRINTER];
  const tls = ["--tls", "--tls-verify", "--tls-ca-path", join(own.folder, "ca.pem")];
  const { code, stdout } = await run("swaks", [...server, ...tls, "--from", ALICE, "--to", BOB, "--header", `Subject: ${word}`]);
  t.is(code, 0, stdout.toString());
  await delivered(relay2, word);
  await relay2.logged(/client=unknown\[127\.0\.5\.7\], sasl_method=PLAIN, sasl_username=gate/);
  t.false(own.written().includes(ACCOUNT));
});

test.serial("applications: behind a PROXY header Postfix knows the client, and believes no XCLIENT of its own", async (t) => {
  const relay3 = await startPostfix({ users: {}, inbound: true, proxyHeader: true, xclientHosts: "192.0.2.1" });
  t.teardown(() => relay3.stop());
  const url = `smtp://127.0.0.1:${relay3.port}`;
  const own = await startGateway({
    listeners: {
      printers: { ...SUBMISSION["submission"], applications: [{ name: "printers", from: "127.0.5.0/24", backend: "relay3" }] },
    },
    backends: { relay3: { submission: { url, proxyHeader: "v2", forwardClient: false } } },
    routes: [{ source: "static", default: "relay3" }],
    files: FILES,
  });
  t.teardown(() => own.stop());
  const talk = await Talk.open({ port: own.port("printers"), from: PRINTER, tls: false });
  await talk.ask("EHLO printer.example.net\r\n", /^250 .*\r\n/m);
  t.regex(await talk.ask("MAIL FROM:<scan@example.com>\r\n", /\r\n/), /^250 2\.1\.0 /);
  t.regex(await talk.ask("RSET\r\n", /\r\n/), /^250 /);
  t.regex(await talk.ask("XCLIENT LOGIN=boss@example.com ADDR=10.1.1.1\r\n", /\r\n/), /^550 5\.7\.0 /);
  talk.close();
  await relay3.logged(/disconnect from unknown\[127\.0\.5\.7\]/);
});

for (const forwardClient of [true, false]) {
  test.serial(
    `applications: a client cannot use the gateway's right to say XCLIENT (forwardClient: ${forwardClient})`,
    async (t) => {
      const own = await startGateway({
        listeners: {
          printers: {
            ...SUBMISSION["submission"],
            applications: [{ name: "printers", from: "127.0.5.0/24", backend: "relay1" }],
          },
        },
        backends: { relay1: { submission: { url: `smtp://127.0.0.1:${relay1.port}`, forwardClient } } },
        routes: [{ source: "static", default: "relay1" }],
        files: FILES,
      });
      t.teardown(() => own.stop());
      const talk = await Talk.open({ port: own.port("printers"), from: PRINTER, tls: false });
      await talk.ask("EHLO printer.example.net\r\n", /^250 .*\r\n/m);
      t.regex(await talk.ask("MAIL FROM:<scan@example.com>\r\n", /\r\n/), /^250 2\.1\.0 /);
      t.regex(await talk.ask("RSET\r\n", /\r\n/), /^250 /);
      t.regex(await talk.ask("XCLIENT LOGIN=boss@example.com ADDR=10.1.1.1\r\n", /\r\n/), /^550 5\.7\.0 /);
      talk.close();
    },
  );
}
