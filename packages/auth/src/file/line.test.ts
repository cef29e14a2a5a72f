import * as fc from "fast-check";
import test from "ava";
import { parseLine } from "./line.ts";
import { PASSWORD, PENCIL_SHA1, PENCIL_SHA256 } from "./test/helpers.ts";

const NT = "8846f7eaee8fb117ad06bdd830b7586c";
const BCRYPT = "$2y$05$p/71VOtZ3w0jf.sCvIfm6ODgAd/wKA38FxTfAIoPxc8WxuNGMEsUS";
const SHA512 = "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1";
const KEYS = `{SCRAM-SHA-256}${PENCIL_SHA256}`;

const parse = (line: string) => parseLine(line, "example.com");
const accountOf = (line: string): object => {
  const parsed = parse(line);
  return parsed !== undefined && "account" in parsed ? parsed.account : { problem: parsed?.problem };
};
const problemOf = (line: string): string => {
  const parsed = parse(line);
  return parsed !== undefined && "problem" in parsed ? parsed.problem : "no problem";
};

test("line: comments and empty lines say nothing", (t) => {
  for (const line of ["", "   ", "\r", "# alice:x", "  # x"]) t.is(parse(line), undefined, JSON.stringify(line));
});

test("line: names are normalised with the default domain", (t) => {
  t.deepEqual(parse(`Alice:{ARGON2ID}${PASSWORD}\r`), { user: "alice@example.com", account: { password: PASSWORD } });
  t.deepEqual(parseLine(`Alice:${PASSWORD}`, undefined), { user: "alice", account: { password: PASSWORD } });
});

test("line: prefixes are Dovecot's, in any case; without one the hash tells", (t) => {
  for (const prefix of ["", "{CRYPT}", "{BLF-CRYPT}", "{blf-crypt}"])
    t.deepEqual(accountOf(`alice:${prefix}${BCRYPT}`), { password: BCRYPT });
  for (const prefix of ["", "{CRYPT}", "{SHA512-CRYPT}"])
    t.deepEqual(accountOf(`alice:${prefix}${SHA512}`), { password: SHA512 });
});

test("line: a line of Dovecot's with its own fields is read, with columns at its end", (t) => {
  t.deepEqual(accountOf(`alice:${BCRYPT}::::::`), { password: BCRYPT });
  t.deepEqual(accountOf(`alice:${BCRYPT}:1000:1000:Alice:/home/alice:/bin/sh`), { password: BCRYPT });
  t.deepEqual(accountOf(`alice:${BCRYPT}:1000:1000::/home/alice::userdb_mail=maildir:~/Maildir nt=${NT}`), {
    password: BCRYPT,
    nt: NT,
  });
});

test("line: columns give NT hash and SCRAM keys, with commas or colons", (t) => {
  t.deepEqual(accountOf(`alice:${BCRYPT}:nt=${NT} scram-sha-256=${PENCIL_SHA256}  scram-sha-1=${PENCIL_SHA1}`), {
    password: BCRYPT,
    nt: NT,
    "scram-sha-256": KEYS,
    "scram-sha-1": `{SCRAM-SHA-1}${PENCIL_SHA1}`,
  });
  const colons = PENCIL_SHA256.replaceAll(",", ":");
  t.deepEqual(accountOf(`alice:${BCRYPT}:scram-sha-256=${colons} nt=${NT}`), {
    password: BCRYPT,
    nt: NT,
    "scram-sha-256": `{SCRAM-SHA-256}${colons}`,
  });
});

test("line: with SCRAM keys alone a password is checked against them", (t) => {
  const account = { password: KEYS, "scram-sha-256": KEYS };
  t.deepEqual(accountOf(`alice:${KEYS}`), account);
  t.deepEqual(accountOf(`alice::scram-sha-256=${PENCIL_SHA256}`), account);
  t.deepEqual(accountOf(`alice::nt=${NT}`), { nt: NT });
});

const BAD: Readonly<Record<string, RegExp>> = {
  alice: /^the line must be user:\{SCHEME\}hash$/,
  [`:${BCRYPT}`]: /^"" is not a user name$/,
  [`a\u0007b:${BCRYPT}`]: /^"a\\u0007b" is not a user name$/,
  "alice:": /neither a hash nor a column/,
  "alice::::::": /neither a hash nor a column/,
  "alice:{PLAIN}s3cret":
    /^"alice@example.com": a password in clear \(\{PLAIN\}\) is refused; make a hash of it with: postern passwd/,
  "alice:{cleartext}s3cret": /\{CLEARTEXT\}\) is refused/,
  "alice:s3cret": /no hash of a known scheme/,
  "alice:!": /no hash of a known scheme/,
  "alice:{SSHA512}s3cret": /^"alice@example.com": the scheme \{SSHA512\} is not known; known are ARGON2ID, BLF-CRYPT/,
  "alice:{s3cret and more}x": /: the scheme is not known/,
  [`alice:{BLF-CRYPT}${SHA512}`]: /no hash of bcrypt/,
  [`alice:{ARGON2ID}${PASSWORD}s3cret!`]: /argon2id hash is malformed/,
  [`alice:${PASSWORD.replace("m=256", "m=7")}`]: /m=8 to 1048576, not 7/,
  [`alice:${PASSWORD.replace("m=256", "m=9999999")}`]: /m=8 to 1048576, not 9999999/,
  [`alice:${PASSWORD.replace("t=2", "t=999")}`]: /t=1 to 100, not 999/,
  [`alice:${PASSWORD.replace("p=1", "p=0")}`]: /p=1 to 64, not 0/,
  [`alice:${PASSWORD.replace("v=19", "v=16")}`]: /malformed/,
  [`alice:${PASSWORD.replace("argon2id", "argon2i")}`]: /no hash of a known scheme/,
  [`alice:${BCRYPT.replace("$05$", "$17$")}`]: /a cost of 4 to 16, not 17/,
  [`alice:${BCRYPT.replace("2y", "2x")}`]: /bcrypt hash is malformed/,
  [`alice:${BCRYPT}s`]: /bcrypt hash is malformed/,
  [`alice:${SHA512.replace("$6$", "$6$rounds=999$")}`]: /1000 to 5000000 rounds, not 999/,
  [`alice:${SHA512.replace("$6$", "$6$rounds=999999999$")}`]: /1000 to 5000000 rounds, not 999999999/,
  [`alice:${SHA512.slice(0, -1)}`]: /sha512-crypt hash is malformed/,
  [`alice:${KEYS.replace("4096", "1")}`]: /4096 to 5000000 iterations, not 1/,
  [`alice:${KEYS.replace("=,wf", ",,wf")}`]: /scram-sha-256 keys are malformed/,
  [`alice:${KEYS.replace("256", "1")}`]: /scram-sha-1 keys are malformed/,
  [`alice:${BCRYPT}:nt=s3cret`]: /nt must be 32 hexadecimal digits/,
  [`alice:${BCRYPT}:nt=${NT} nt=${NT}`]: /nt is there twice/,
  [`alice:${KEYS}:scram-sha-256=${PENCIL_SHA256}`]: /scram-sha-256 is there twice/,
  [`alice:${BCRYPT}::::::nologin`]: /the column "" is not known/,
  [`alice:${BCRYPT}::::::allow_nets=10.0.0.0/8`]:
    /the column "allow_nets" is not known; known are nt, scram-sha-256, scram-sha-1/,
  [`alice:${BCRYPT}:x=s3cret`]: /the column "x" is not known/,
  [`alice:${BCRYPT}:${"x".repeat(5000)}`]: /more than 4096 characters/,
};

test("line: what is wrong is told in a sentence that shows nothing secret", (t) => {
  for (const [line, problem] of Object.entries(BAD)) {
    t.regex(problemOf(line), problem, line);
    t.notRegex(problemOf(line), /s3cret/, line);
  }
});

test("line: no text breaks the parser, and what it takes has no problem", (t) => {
  const part = fc.constantFrom(
    ":",
    "alice",
    PASSWORD,
    BCRYPT,
    SHA512,
    KEYS,
    "{CRYPT}",
    "{",
    "}",
    "$",
    "nt=",
    NT,
    " ",
    ",",
    "=",
    "#",
  );
  const text = fc.array(fc.oneof({ weight: 5, arbitrary: part }, fc.string({ unit: "binary", maxLength: 20 })), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(text, (parts) => {
      const parsed = parse(parts.join(""));
      if (parsed === undefined) return;
      if ("problem" in parsed) t.regex(parsed.problem, /^[\x20-\x7e…]+$/);
      else t.true(Object.keys(parsed.account).length > 0);
    }),
    { numRuns: 3000 },
  );
  t.pass();
});
