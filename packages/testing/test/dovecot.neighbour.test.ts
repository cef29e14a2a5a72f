// The Dovecot harness against a real Dovecot: what the gateway's own tests build on.

import { existsSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import test from "ava";
import type { ExecutionContext } from "ava";
import { issue, createAuthority } from "@postern/certs";
import { startDovecot } from "../src/index.ts";
import type { Dovecot } from "../src/index.ts";

const authority = createAuthority("Test authority");
const PASSWORD = 'se:cret "pässword"';

async function dovecot(t: ExecutionContext, options: Partial<Parameters<typeof startDovecot>[0]> = {}): Promise<Dovecot> {
  const server = await startDovecot({ users: { alice: PASSWORD, "bob@example.com": "b" }, ...options });
  t.teardown(() => server.stop());
  return server;
}

// Sends each line when what came before matches; gives all that came.
function converse(socket: Socket, script: readonly (readonly [send: string, until: RegExp])[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let all = "";
    let since = "";
    let turn = -1;
    const steps: (readonly [string, RegExp])[] = [...script];
    const next = (): void => {
      turn += 1;
      since = "";
      const step = steps[turn];
      if (step === undefined) {
        socket.destroy();
        resolve(all);
      } else if (step[0] !== "") socket.write(step[0]);
    };
    socket.setEncoding("utf8").on("data", (text: string) => {
      all += text;
      since += text;
      if (steps[turn]?.[1].test(since)) next();
    });
    socket.on("error", reject);
    socket.setTimeout(5000, () => socket.destroy(new Error(`silence after: ${all}`)));
    socket.once("close", () => reject(new Error(`closed after: ${all}`)));
    next();
  });
}

const dial = (port: number): Socket => connectTcp({ port, host: "127.0.0.1" });
const plain = (user: string, password: string): string => Buffer.from(`\0${user}\0${password}`).toString("base64");
const GREETING = ["", /^(\* OK|\+OK)/] as const;

test("dovecot: takes IMAP and POP3 logins and shows delivered mail, then leaves nothing behind", async (t) => {
  const server = await dovecot(t);
  await server.deliver("alice", "Subject: hello\n\nWelcome\n");
  const imap = await converse(dial(server.imapPort), [
    GREETING,
    [`a AUTHENTICATE PLAIN ${plain("alice", PASSWORD)}\r\n`, /^a OK/m],
    ["b SELECT INBOX\r\n", /^b OK/m],
    ["c FETCH 1 BODY[TEXT]\r\n", /^c OK/m],
  ]);
  t.regex(imap, /Welcome/);
  const pop3 = await converse(dial(server.pop3Port), [
    GREETING,
    ["USER bob@example.com\r\n", /^\+OK/],
    ["PASS b\r\n", /^\+OK/],
    ["STAT\r\n", /^\+OK 0 0/],
  ]);
  t.regex(pop3, /Logged in/);
  const folder = server.folder("alice");
  t.true(existsSync(folder));
  await server.stop();
  t.false(existsSync(folder));
  t.regex(server.log(), /user=<alice>/);
});

test("dovecot: a wrong password is refused at once unless a delay is asked for", async (t) => {
  const slow = await dovecot(t, { failureDelaySeconds: 3 });
  const fast = await dovecot(t);
  const refused = (port: number, times: number): Promise<string> => {
    const wrong = Array.from(
      { length: times },
      (_, n) => [`a${n} LOGIN alice wrong\r\n`, /NO \[AUTHENTICATIONFAILED\]/] as const,
    );
    return converse(dial(port), [GREETING, ...wrong]);
  };
  const order: string[] = [];
  await Promise.all([
    refused(slow.imapPort, 1).then(() => order.push("slow")),
    refused(fast.imapPort, 3).then(() => order.push("fast")),
  ]);
  t.deepEqual(order, ["fast", "slow"]);
});

test("dovecot: offers TLS by STARTTLS and on its own ports with the given certificate", async (t) => {
  const server = await dovecot(t, { tls: issue(authority, { names: ["localhost"] }) });
  for (const port of [server.imapsPort, server.pop3sPort]) {
    const socket = connectTls({ port, host: "127.0.0.1", servername: "localhost", ca: authority.cert });
    t.regex(await converse(socket, [GREETING]), /Dovecot/);
  }
  t.regex(await converse(dial(server.imapPort), [GREETING]), /STARTTLS/);
});

test("dovecot: believes PROXY headers on the ports for them", async (t) => {
  const server = await dovecot(t, { haproxy: true });
  const header = "PROXY TCP4 192.0.2.7 192.0.2.1 4711 143\r\n";
  await converse(dial(server.imapHaproxyPort), [
    [header, /^\* OK/],
    ["a LOGIN bob@example.com b\r\n", /^a OK/m],
  ]);
  const [imap] = await server.logged(/imap-login: Info: Login: user=<bob@example.com>.*rip=192\.0\.2\.7, rport=4711/);
  await converse(dial(server.pop3HaproxyPort), [
    [header, /^\+OK/],
    ["USER bob@example.com\r\n", /^\+OK/],
    ["PASS b\r\n", /^\+OK/],
  ]);
  const [pop3] = await server.logged(/pop3-login: Info: Login: user=<bob@example.com>.*rip=192\.0\.2\.7, rport=4711/);
  t.truthy(imap && pop3);
});

test("dovecot: believes ID and XCLIENT of trusted networks only", async (t) => {
  const id = 'i ID ("x-originating-ip" "192.0.2.8" "x-originating-port" "4712" "x-session-id" "postern-1")\r\n';
  const login = ["a LOGIN bob@example.com b\r\n", /^a OK/m] as const;
  const trusting = await dovecot(t, { trustedNetworks: "127.0.0.0/8" });
  await converse(dial(trusting.imapPort), [GREETING, [id, /^i OK/m], login]);
  await trusting.logged(/rip=192\.0\.2\.8, rport=4712.*session=<postern-1>/);
  await converse(dial(trusting.pop3Port), [
    GREETING,
    ["XCLIENT ADDR=192.0.2.9 PORT=4713 SESSION=postern-2\r\n", /^\+OK/],
    ["USER bob@example.com\r\n", /^\+OK/],
    ["PASS b\r\n", /^\+OK/],
  ]);
  await trusting.logged(/rip=192\.0\.2\.9, rport=4713.*session=<postern-2>/);
  const wary = await dovecot(t);
  await converse(dial(wary.imapPort), [GREETING, [id, /^i OK/m], login]);
  const [line] = await wary.logged(/Login: user=<bob@example.com>.*/);
  t.regex(line, /rip=127\.0\.0\.1/);
});

test("dovecot: a master user logs in as another", async (t) => {
  const server = await dovecot(t, { masterUsers: { postern: "m" } });
  const text = await converse(dial(server.imapPort), [GREETING, ["a LOGIN bob@example.com*postern m\r\n", /^a OK/m]]);
  t.regex(text, /Logged in/);
});

test("dovecot: serves a few hundred sessions at once from one address", async (t) => {
  const server = await dovecot(t);
  const sockets = Array.from({ length: 300 }, () => dial(server.imapPort));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
  });
  const ready = sockets.map(
    (socket) =>
      new Promise<void>((resolve, reject) => {
        let text = "";
        socket.once("error", reject).once("close", () => reject(new Error(`closed after ${text}`)));
        socket.setEncoding("utf8").on("data", (chunk: string) => {
          if (text === "") socket.write("a LOGIN bob@example.com b\r\nb SELECT INBOX\r\n");
          text += chunk;
          if (/^b OK/m.test(text)) resolve();
        });
      }),
  );
  await t.notThrowsAsync(Promise.all(ready));
});

test("dovecot: a start that fails tells why", async (t) => {
  await t.throwsAsync(startDovecot({ users: { "a:b": "x" } }), { message: /no colons/ });
  const server = await dovecot(t);
  await t.throwsAsync(startDovecot({ users: {}, ports: { imap: server.imapPort, pop3: server.pop3Port } }), {
    message: /Address already in use/,
  });
});
