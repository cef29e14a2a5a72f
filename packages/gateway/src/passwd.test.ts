// `postern passwd` from outside: the real program, at a real terminal (script of util-linux) and with standard input.

import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthenticator, type NewHash } from "@postern/auth";
import { Secret, systemClock } from "@postern/contracts";
import { createMemoryLogger, testSession } from "@postern/testing";
import test from "ava";
import { passwordLine } from "./passwd.ts";
import { readPassword, Refused } from "./passwd-input.ts";

const POSTERN = fileURLToPath(new URL("../../../bin/postern", import.meta.url));

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Standard input is a pipe. */
async function passwd(input: string | Buffer, ...args: string[]): Promise<Outcome> {
  const child = spawn(POSTERN, ["passwd", ...args]);
  child.stdin.on("error", () => {}).end(input);
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, out, err };
}

/** Standard input is a terminal; each answer is typed when its question is there. What the screen showed, and the exit code. */
async function atTerminal(answers: readonly string[], ...args: string[]): Promise<{ code: number | null; screen: string }> {
  const child = spawn("script", ["-qec", [POSTERN, "passwd", ...args].join(" "), "/dev/null"]);
  const left = [...answers];
  let screen = "";
  let answered = 0;
  child.stdout.setEncoding("utf8").on("data", (shown: string) => {
    screen += shown;
    const asked = screen.match(/(password|again): /g)?.length ?? 0;
    for (; answered < asked; answered++) child.stdin.write(left.shift() ?? "");
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, screen };
}

const session = testSession();

/** Whom a password file with this line knows by this password. */
async function login(line: string, user: string, password: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "postern-passwd-"));
  try {
    const path = join(folder, "users");
    await writeFile(path, line, { mode: 0o600 });
    const context = { clock: systemClock, logger: createMemoryLogger(), defaultDomain: "example.com", secret: Buffer.alloc(32) };
    const settings = { cache: 0, actAs: [], rights: [], masterSeparator: undefined };
    const authenticator = createAuthenticator({ ...settings, verifiers: [{ verifier: "file", path }] }, context);
    const credentials = {
      kind: "password",
      mechanism: "PLAIN",
      authcid: user,
      authzid: "",
      secret: new Secret(password),
    } as const;
    const identity = await authenticator.check(credentials, session).finally(() => authenticator.close());
    return identity.user;
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("passwd: a line from standard input is one that the password file takes", async (t) => {
  for (const scheme of ["argon2id", "bcrypt", "sha512-crypt"]) {
    const { code, out, err } = await passwd("Grüße: 1\r\n", "--scheme", scheme, "Alice@Example.com");
    t.is(code, 0, err);
    t.regex(out, /^alice@example\.com:\{[A-Z0-9-]+\}\$[^:]+\n$/);
    t.is(err, "");
    t.is(await login(out, "alice", "Grüße: 1"), "alice@example.com");
    await t.throwsAsync(login(out, "alice", "Grüße: 2"), { message: /another password/ });
  }
});

test("passwd: --scram and --nt add columns, and a warning", async (t) => {
  const { code, out, err } = await passwd("password", "--scram", "--nt", "alice");
  t.is(code, 0, err);
  t.regex(out, /^alice:\{ARGON2ID\}[^:]+:scram-sha-256=4096,[^,]{24},[^,]{44},[^,]{44} nt=8846f7eaee8fb117ad06bdd830b7586c\n$/);
  t.regex(err, /as good as the password itself/);
  t.is(await login(out, "alice", "password"), "alice@example.com");
  t.is(await login(out.replace(/:\{ARGON2ID\}[^:]+/, ":"), "alice", "password"), "alice@example.com");
});

test("passwd: the terminal does not show the password, and wants it twice", async (t) => {
  const { code, screen } = await atTerminal(["s3cret-word\r", "s3cret-word\r"], "alice");
  t.is(code, 0, screen);
  t.notRegex(screen, /s3cret/);
  const line = /alice:\{ARGON2ID\}\S+/.exec(screen)?.[0] ?? "";
  t.is(await login(line, "alice", "s3cret-word"), "alice@example.com");
});

test("passwd: two passwords that differ, Ctrl-C, and nothing at all are refused", async (t) => {
  t.like(await atTerminal(["s3cret\r", "secret\r"], "alice"), { code: 1 });
  const cancelled = await atTerminal(["s3cret\u0003"], "alice");
  t.is(cancelled.code, 1);
  t.regex(cancelled.screen, /cancelled/);
  t.regex((await atTerminal(["\r", "\r"], "alice")).screen, /the password is empty/);
});

/** What is not a terminal. */
async function* piped(...chunks: readonly string[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

test("passwd: standard input is one line, however it comes", async (t) => {
  t.is((await readPassword(piped("sec", "ret\r", "\n"), t.fail)).toString(), "secret");
  t.is((await readPassword(piped("secret"), t.fail)).toString(), "secret");
  const cases = { "": /^the password is empty$/, "\n": /^the password is empty$/, "s3cret\nalice\n": /more than one line/ };
  for (const [input, message] of Object.entries({ ...cases, ["s3cret".repeat(1000)]: /more than 4096 bytes/ })) {
    const error = await t.throwsAsync(readPassword(piped(input), t.fail), { instanceOf: Refused, message });
    t.notRegex(error?.message ?? "", /s3cret/);
  }
});

test("passwd: what clients cannot send is refused without showing it", async (t) => {
  const cases: readonly (readonly [string | Buffer, NewHash, RegExp])[] = [
    ["s3cret\u0007", "argon2id", /without control characters/],
    [Buffer.from([0xff, 0xfe]), "argon2id", /must be UTF-8/],
    ["s3cret".repeat(200), "argon2id", /more than 1024 bytes/],
    ["s3cret".repeat(13), "bcrypt", /bcrypt takes passwords of at most 72 bytes, not 78/],
    ["s3cret\u200e", "bcrypt", /SASLprep/],
  ];
  for (const [input, scheme, message] of cases) {
    const made = passwordLine("alice", Buffer.from(input as string), { scheme, scram: true, nt: false });
    const error = await t.throwsAsync(made, { instanceOf: Refused, message });
    t.notRegex(error?.message ?? "", /s3cret/);
  }
});

test("passwd: a refusal is one sentence on standard error, and exit code 1", async (t) => {
  t.deepEqual(await passwd("", "alice"), { code: 1, out: "", err: "the password is empty\n" });
  for (const name of ["a:b", "#alice"]) {
    const { code, out, err } = await passwd("s3cret", name);
    t.deepEqual([code, out], [1, ""]);
    t.is(err, `"${name}" is no user name for a password file: # at its start and : cannot be\n`);
  }
});

test("passwd: the password is no argument, and an unknown scheme is bad usage", async (t) => {
  t.is((await passwd("", "alice", "s3cret")).code, 2);
  t.is((await passwd("secret", "--scheme", "md5", "alice")).code, 2);
});

test("passwd: keys at the terminal edit by whole characters", async (t) => {
  async function* typed(): AsyncGenerator<Buffer> {
    yield Buffer.from("wrong\u0015\u007fgrüx\u007f\u007f");
    yield Buffer.from("üß\b\u007füße\rgr");
    yield Buffer.from("üße\n");
  }
  const raw: boolean[] = [];
  const terminal = {
    isTTY: true,
    setRawMode: (mode: boolean) => {
      raw.push(mode);
      return terminal;
    },
    [Symbol.asyncIterator]: typed,
  };
  t.is((await readPassword(terminal as never, () => {})).toString(), "grüße");
  t.deepEqual(raw, [true, false]);
});

test("passwd: lines of one password differ each time", async (t) => {
  const make = () => passwordLine("alice", Buffer.from("secret"), { scheme: "bcrypt", scram: true, nt: false });
  t.not(await make(), await make());
});
