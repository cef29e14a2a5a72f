import test from "ava";
import { Secret, type BackendDialogue } from "@postern/contracts";
import { testLeg, testSession } from "@postern/testing";
import { login } from "./back.ts";

/** Logs in with a password at a backend that says these lines; what it was sent, and what of its lines was traced. */
async function sent(password: string, lines: readonly string[], traced: string[] = []): Promise<string[]> {
  const written: string[] = [];
  const queue = [...lines];
  const backend: BackendDialogue = {
    secure: false,
    pending: 0,
    readLine: () => Promise.resolve(queue.shift() ?? "* BYE the script is over"),
    readBytes: (count) => Promise.resolve(Buffer.alloc(count)),
    write: (data) => void written.push(data.toString("latin1")),
    writeSecret: (data) => void written.push(data.toString("latin1")),
    trace: (line) => void traced.push(line),
    startTls: () => Promise.resolve(),
    drained: () => Promise.resolve(),
  };
  const secret = new Secret(Buffer.from(password, "latin1"));
  const credentials = { kind: "password", mechanism: "CLEARTEXT", authcid: "alice", authzid: "", secret } as const;
  await login(backend, credentials, testSession(), testLeg(143));
  return written;
}

const WELCOME = "L OK [CAPABILITY IMAP4rev1] in";

test("back: with LITERAL- a literal of 4096 bytes goes at once, a longer one waits to be asked for", async (t) => {
  const greeting = "* OK [CAPABILITY IMAP4rev1 LITERAL-] hi";
  const fits = "\xe9".repeat(4096);
  t.deepEqual(await sent(fits, [greeting, WELCOME]), [`L LOGIN "alice" {4096+}\r\n${fits}\r\n`]);
  const long = "\xe9".repeat(4097);
  t.deepEqual(await sent(long, [greeting, "+ go", WELCOME]), ['L LOGIN "alice" {4097}\r\n', `${long}\r\n`]);
});

test("back: with LITERAL+ a literal of any size goes at once", async (t) => {
  const long = "\xe9".repeat(10_000);
  const greeting = "* OK [CAPABILITY IMAP4rev1 LITERAL+] hi";
  t.deepEqual(await sent(long, [greeting, WELCOME]), [`L LOGIN "alice" {10000+}\r\n${long}\r\n`]);
});

test("back: the wire trace shows no challenge of the backend", async (t) => {
  const traced: string[] = [];
  const greeting = "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=LOGIN] hi";
  await sent("s3cret", [greeting, "+ VXNlcm5hbWU6", "+ UGFzc3dvcmQ6", WELCOME], traced);
  t.deepEqual(traced, [greeting, "+ ***", "+ ***", WELCOME]);
});
