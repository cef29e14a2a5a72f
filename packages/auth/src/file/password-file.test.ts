import { chmod, mkdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { PasswordFile } from "./password-file.ts";
import { PASSWORD, PENCIL_SHA256, world } from "./test/helpers.ts";

const ALICE = `alice:${PASSWORD}\n`;
const BOB = `bob:${PASSWORD}\n`;

const names = async (file: PasswordFile): Promise<string[]> => [...(await file.current()).users.keys()];

test("password file: problems name file and line, several at once", async (t) => {
  const { path, ...context } = await world(t, `${ALICE}# a comment\n\nbob:{PLAIN}s3cret\nALICE@example.com:${PASSWORD}\ncarol\n`);
  const error = t.throws(() => new PasswordFile(path, context));
  t.is(
    error?.message,
    `path: ${path}:4: "bob@example.com": a password in clear ({PLAIN}) is refused; make a hash of it with: postern passwd USER; ` +
      `${path}:5: "alice@example.com" is there twice; ${path}:6: the line must be user:{SCHEME}hash`,
  );
});

test("password file: of very many problems the first ten are told", async (t) => {
  const { path, ...context } = await world(t, "x\n".repeat(5000));
  t.regex(t.throws(() => new PasswordFile(path, context))?.message ?? "", /users:10: [^;]*; and 4990 more$/);
});

test("password file: what is no file, no text or not there is refused with its path", async (t) => {
  const { path, ...context } = await world(t, Buffer.from([0xff, 0xfe, 0x3a]));
  t.throws(() => new PasswordFile(path, context), { message: `path: ${path} is not UTF-8 text` });
  t.throws(() => new PasswordFile(`${path}.gone`, context), { message: `path: there is no file ${path}.gone` });
  t.throws(() => new PasswordFile(join(path, ".."), context), { message: /^path: .* is not a file$/ });
});

test("password file: a byte order mark and Windows' line ends do no harm", async (t) => {
  const { path, ...context } = await world(t, `\ufeff${ALICE.replace("\n", "\r\n")}${BOB}`);
  t.deepEqual(await names(new PasswordFile(path, context)), ["alice@example.com", "bob@example.com"]);
});

test("password file: a changed file is read again, at most once a second", async (t) => {
  const { path, write, pass, ...context } = await world(t, ALICE);
  const file = new PasswordFile(path, context);
  await writeFile(path, BOB);
  t.deepEqual(await names(file), ["alice@example.com"]);
  await write(BOB);
  t.deepEqual(await names(file), ["bob@example.com"]);
  pass(1001);
  t.deepEqual(await names(file), ["bob@example.com"]);
  t.deepEqual(context.said, ["info: password file read", "info: password file read"]);
});

test("password file: a file that is renamed over it is read, whatever its date", async (t) => {
  const { path, pass, ...context } = await world(t, ALICE);
  const file = new PasswordFile(path, context);
  const { size, mtime } = await stat(path);
  await writeFile(`${path}.new`, `carla:${PASSWORD}\n`, { mode: 0o600 });
  await utimes(`${path}.new`, mtime, mtime);
  t.is((await stat(`${path}.new`)).size, size);
  await rename(`${path}.new`, path);
  pass(5000);
  t.deepEqual(await names(file), ["carla@example.com"]);
});

test("password file: a file that was changed this moment may not be whole, and waits for the next look", async (t) => {
  const { path, write, pass, ...context } = await world(t, ALICE);
  const file = new PasswordFile(path, context);
  await write("", 0);
  t.deepEqual(await names(file), ["alice@example.com"]);
  await write(BOB, 0);
  t.deepEqual(await names(file), ["alice@example.com"]);
  pass(1001);
  t.deepEqual(await names(file), ["bob@example.com"]);
});

test("password file: bad lines leave the old table and are logged once", async (t) => {
  const { path, write, pass, ...context } = await world(t, ALICE);
  const file = new PasswordFile(path, context);
  await write(`${BOB}carol:{PLAIN}s3cret\n`);
  for (let look = 0; look < 3; look++) {
    t.deepEqual(await names(file), ["alice@example.com"]);
    pass(1001);
  }
  const errors = context.said.filter((line) => line.startsWith("error"));
  t.is(errors.length, 1);
  t.regex(errors[0] ?? "", /what was read before stays .*users:2: "carol@example\.com": a password in clear/);
  t.notRegex(context.said.join(), /s3cret/);
  await write(BOB);
  t.deepEqual(await names(file), ["bob@example.com"]);
});

test("password file: a file that is gone leaves the old table, is logged once, and is read when it is back", async (t) => {
  const { path, write, pass, ...context } = await world(t, ALICE);
  const file = new PasswordFile(path, context);
  await rm(path);
  for (let look = 0; look < 3; look++) {
    pass(1001);
    t.deepEqual(await names(file), ["alice@example.com"]);
  }
  t.deepEqual(context.said.slice(1), [
    `error: password file not read again, what was read before stays there is no file ${path}`,
  ]);
  await mkdir(path);
  pass(5000);
  t.deepEqual(await names(file), ["alice@example.com"]);
  t.regex(context.said.at(-1) ?? "", /is not a file$/);
  await rm(path, { recursive: true });
  await write(BOB);
  t.deepEqual(await names(file), ["bob@example.com"]);
});

test("password file: one that everybody can read is warned of", async (t) => {
  const { path, pass, ...context } = await world(t, ALICE);
  await chmod(path, 0o640);
  const file = new PasswordFile(path, context);
  t.deepEqual(context.said, ["info: password file read"]);
  await chmod(path, 0o644);
  pass(5000);
  await file.current();
  t.regex(context.said.at(-1) ?? "", /^warn: every user of this machine can read the password file/);
});

test("password file: what it proves is settled at start; new columns are warned of", async (t) => {
  const { path, write, ...context } = await world(t, ALICE);
  const file = new PasswordFile(path, context);
  t.deepEqual(file.proves, ["password"]);
  await write(`${ALICE}bob::scram-sha-256=${PENCIL_SHA256} nt=8846f7eaee8fb117ad06bdd830b7586c`);
  await file.current();
  t.deepEqual(file.proves, ["password"]);
  t.regex(context.said.at(-1) ?? "", /^warn: the password file has new columns: .* ntlm scram-sha-256$/);
  t.deepEqual(new PasswordFile(path, context).proves, ["password", "ntlm", "scram-sha-256"]);
});

test("password file: unknown users cost what most users cost", async (t) => {
  const expensive = PASSWORD.replace("t=2", "t=3");
  const { path, ...context } = await world(
    t,
    `a:${expensive}\nb:${PASSWORD}\nc:${PASSWORD}\nd::scram-sha-256=${PENCIL_SHA256}\n`,
  );
  t.is((await new PasswordFile(path, context).current()).typical, PASSWORD);
});

test("password file: 100,000 users are read and read again, and others have their turn meanwhile", async (t) => {
  const many = (name: string): string => Array.from({ length: 100_000 }, (_, n) => `${name}${n}:${PASSWORD}\n`).join("");
  const { path, write, ...context } = await world(t, many("user"));
  const file = new PasswordFile(path, context);
  t.is((await file.current()).users.get("user99999@example.com")?.password, PASSWORD);
  await write(many("new"));
  let turns = 0;
  const others = setInterval(() => turns++, 1);
  const { users } = await file.current();
  clearInterval(others);
  t.is(users.size, 100_000);
  t.true(users.has("new0@example.com"));
  t.true(turns >= 5, `${turns} turns`);
});
