// `postern rule test`, and `postern check` of the sections that it runs on, from outside: the real program on real files.

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createAuthority, issue } from "@postern/certs";
import test, { type ExecutionContext } from "ava";

const POSTERN = fileURLToPath(new URL("../../../bin/postern", import.meta.url));
const EXAMPLE = fileURLToPath(new URL("../../../examples/voice-and-fax", import.meta.url));

const { cert, key } = issue(createAuthority("Postern tests"), { names: ["mail.example.com"] });

const CONFIG = `hostname: mail.example.com
tls: { certificates: [{ cert: tls/mail.pem, key: tls/mail.key }] }
listeners: [{ protocol: smtp, address: "127.0.0.1:0" }]
backends: { mbx1: { smtp: "smtp://127.0.0.1:1" }, junk: { smtp: "smtp://127.0.0.1:2" } }
routes:
  - { source: static, users: { alice@example.com: mbx1, all@example.com: junk } }
`;
const MAIL = `mail: { domains: [example.com], catchAll: { example.com: all@example.com } }
`;
const RULES = `rules:
  - { name: no programs, when: { header: { Subject: "*.exe*" } }, then: { refuse: No programs here } }
  - name: junk
    when: { score: 5, not: { sender: "" } }
    then: [{ tag: { header: X-Junk, value: "yes" } }, { redirect: junk }]
  - { name: night, when: { time: { from: "22:00", to: "06:00" }, sender: "*@loud.example" }, then: { defer: Come by day } }
`;

interface Outcome {
  readonly code: number;
  readonly out: string;
  /** Without the name of the folder. */
  readonly err: string;
}

interface Asked {
  readonly config?: string;
  /** Standard input. */
  readonly input?: string | Buffer;
}

/** Runs the program in a folder with the configuration and the example's message. */
async function postern(t: ExecutionContext, args: readonly string[], { config, input = "" }: Asked = {}): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "postern-rule-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  cpSync(EXAMPLE, folder, { recursive: true });
  mkdirSync(join(folder, "tls"));
  writeFileSync(join(folder, "tls/mail.pem"), cert);
  writeFileSync(join(folder, "tls/mail.key"), key, { mode: 0o600 });
  if (config !== undefined) writeFileSync(join(folder, "postern.yaml"), config);
  return new Promise((resolve) => {
    const child = execFile(POSTERN, args, { cwd: folder, timeout: 30_000 }, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, out, err: err.replaceAll(`${folder}/`, "") });
    });
    child.stdin?.on("error", () => {}).end(input);
  });
}

const ruleTest = (...rest: readonly string[]): string[] => ["rule", "test", "--config", "postern.yaml", "--message", ...rest];
const VOICE = [...ruleTest("voice-message.eml"), "--from", "phone@example.com", "--to", "alice@example.com"];

test("rule test: says of the example what its page says", async (t) => {
  const { code, out, err } = await postern(t, [...VOICE, "--client", "10.0.5.7"]);
  t.deepEqual([code, err], [0, ""]);
  const page = readFileSync(join(EXAMPLE, "README.md"), "utf8");
  const shown = page.split("\n").filter((line) => /^ {6}(faxes are|no voice|voice mail|alice@)/.test(line));
  t.is(shown.length, 4);
  for (const line of shown) t.true(out.includes(line.slice(4)), line);
  t.true(page.includes(out.split("\n")[0] ?? "-"));
});

test("rule test: a stranger's voice mail is ordinary mail", async (t) => {
  const { code, out } = await postern(t, [...VOICE, "--client", "198.51.100.9"]);
  t.is(code, 0);
  t.regex(
    out,
    /^ordinary message of 190B from phone@example\.com, by 198\.51\.100\.9 \(a stranger\)\ntaken out.*: content-class\n/,
  );
  t.regex(out, /alice@example\.com -> mbx1 /);
});

test("rule test: too large a voice message, and a stranger's fax, are refused with code 1", async (t) => {
  const large = await postern(t, [...VOICE, "--client", "10.0.5.7", "--size", "6MB"]);
  t.is(large.code, 1);
  t.regex(large.out, /result: refused \(header\): 552 5\.3\.4 The message is too large, at most 5MB here\n$/);
  const fax = await postern(t, [...VOICE.slice(0, -1), "FAX=+41441234567@fax.example.com"]);
  t.is(fax.code, 1);
  t.regex(fax.out, /-> nowhere: 550 5\.7\.1 This address does not take mail from outside\n/);
});

test("rule test: JSON holds the same for programs, and the message may come from standard input with CRLF", async (t) => {
  const input = "Subject: hello\r\n\r\nbody\r\n";
  const args = [...ruleTest("-"), "--from", "<amy@example.net>", "--to", "alice@example.com", "--to", "who@example.com"];
  const told = await postern(
    t,
    [...args, "--score", "5.5", "--finding", "X", "--helo", "me", "--time", "2026-01-31T12:00:00Z", "--json"],
    {
      config: CONFIG + MAIL + RULES,
      input,
    },
  );
  t.is(told.code, 0);
  const result = JSON.parse(told.out) as Record<string, unknown>;
  t.deepEqual(result["message"], {
    sender: "amy@example.net",
    recipients: ["alice@example.com", "who@example.com"],
    client: "192.0.2.1",
    hello: "me",
    score: 5.5,
    findings: ["X"],
    now: Date.UTC(2026, 0, 31, 12),
    size: Buffer.byteLength(input),
  });
  const { edits, redirect, kind, refusal } = result;
  t.deepEqual(
    { edits, redirect, kind, refusal },
    {
      edits: [{ do: "prepend", name: "X-Junk", value: "yes" }],
      redirect: "junk",
      kind: "ordinary",
      refusal: undefined,
    },
  );
  t.like(result["rules"], [
    { rule: "night", stage: "sender", outcome: "does not fit" },
    { rule: "no programs", stage: "header", outcome: "does not fit", because: "header: Subject *.exe*" },
    { rule: "junk", stage: "content", outcome: "fits", did: ["tag: X-Junk: yes", "redirect: junk"] },
  ]);
});

test("rule test: the catch-all, and the time, are those of the configuration and the flags", async (t) => {
  const config = CONFIG + MAIL + RULES;
  const lost = await postern(t, [...VOICE.slice(0, -1), "lost@example.com"], { config });
  t.regex(lost.out, /lost@example\.com -> junk \(static: catch-all of example\.com: .*\), as all@example\.com\n/);
  const night = await postern(
    t,
    [...ruleTest("voice-message.eml"), "--from", "a@loud.example", "--to", "alice@example.com", "--time", "2026-01-31T23:00:00Z"],
    { config },
  );
  t.deepEqual([night.code, night.out.trimEnd().split("\n").at(-1)], [1, "result: refused (sender): 451 4.7.1 Come by day"]);
});

test("rule test: a source that needs the network is not asked, nor any behind it", async (t) => {
  const config = CONFIG.replace("routes:\n", 'routes:\n  - { source: http, url: "http://127.0.0.1:1/" }\n') + MAIL;
  const { code, out } = await postern(t, VOICE, { config });
  t.is(code, 1);
  t.regex(out, /-> nowhere: source-down: a dry run does not ask the http source; try postern route\n/);
});

test("rule test: what cannot be understood is bad usage, what cannot be read is not", async (t) => {
  const replaced = (flag: string, value: string): string[] => {
    const at = VOICE.indexOf(flag);
    return at === -1 ? [...VOICE, flag, value] : VOICE.with(at + 1, value);
  };
  const cases: readonly [args: readonly string[], code: number, err: RegExp][] = [
    [replaced("--from", "amy"), 2, /^--from must be an address such as alice@example\.com, not "amy"$/m],
    [replaced("--to", "a@b\r\nRCPT"), 2, /^--to must be an address .*, not "a@b\\r\\nRCPT"$/m],
    [replaced("--client", "mail.example.com"), 2, /^--client must be an IP address/],
    [replaced("--size", "large"), 2, /^--size must be a size/],
    [replaced("--score", "high"), 2, /^--score must be a number/],
    [replaced("--time", "yesterday"), 2, /^--time must be a time/],
    [["rule"], 2, /Which of test\?/],
    [["rule", "test"], 2, /message, from, to/],
    [replaced("--message", "missing.eml"), 1, /^Cannot read missing\.eml: ENOENT/],
  ];
  for (const [args, code, err] of cases) {
    const outcome = await postern(t, args);
    t.is(outcome.code, code, args.join(" "));
    t.regex(outcome.err, err);
    t.is(outcome.out, "");
  }
});

test("rule test: a message that would be refused as it is written is refused here", async (t) => {
  const { code, err } = await postern(t, [...ruleTest("-"), ...VOICE.slice(6)], { input: Buffer.from("Subject: x\n\na\0b\n") });
  t.deepEqual([code, err], [1, "-: there is a NUL; such a message is refused\n"]);
});

test("check: mistakes of mail and rules are told, each at its place", async (t) => {
  const mail = `mail:
  domains: [example.com, "*", Example.COM]
  rewrite: [{ from: "@old.example", to: "@new.example" }]
  catchAll: { other.example: alice@example.com }
  postmaster: chief
`;
  const rules = `rules:
  - { name: a, when: { sender: nobody }, then: accept }
  - { name: b, when: { recipient: alice@example.com }, then: { redirect: mbx2 } }
  - { name: b, when: { size: { over: 2MB, under: 1MB } }, then: [accept, { addRecipient: x@other.example }] }
  - { name: c, then: { refuse: Nein, code: 550 } }
`;
  const { code, err } = await postern(t, ["check", "--config", "postern.yaml"], { config: CONFIG + mail + rules });
  t.is(code, 1);
  t.deepEqual(err.trimEnd().split("\n"), [
    "postern.yaml:8:26: mail.domains[1]: would be every domain there is; name them, or *.example.com for all below example.com",
    'postern.yaml:11:15: mail.postmaster: must be an address such as alice@example.com, not "chief"',
    'postern.yaml:13:32: rules[0].when.sender: must be an address such as alice@example.com, *@example.com, *, or "" for the null sender, not "nobody"',
    'postern.yaml:14:74: rules[1].then.redirect: unknown backend "mbx2"; did you mean "mbx1"?',
    "postern.yaml:14:74: rules[1].then.redirect: takes the whole message to mbx2, but the rule is about single recipients (recipient); use routeAs, or name the backend in routes",
    'postern.yaml:15:13: rules[2].name: another rule is named "b"; give each its own name',
    "postern.yaml:15:30: rules[2].when.size: nothing is over 2MB and under 1MB; choose a larger under",
    "postern.yaml:15:74: rules[2].then[1]: is never done, because the rule ends with accept; move it up, or take it out",
    'postern.yaml:16:38: rules[3].then.code: unknown key "code"; known here: do, refuse, defer, tag, removeHeader, addRecipient, redirect, routeAs, rate or maxSize',
  ]);
});

test("check: what mail and rules say of domains must fit together", async (t) => {
  const mail = `mail:
  domains: [example.com, Example.COM]
  rewrite: [{ from: "@old.example", to: "@new.example" }]
  catchAll: { other.example: alice@example.com }
rules:
  - { name: a, then: { addRecipient: [x@example.com, x@other.example] } }
  - { name: b, then: { addRecipient: x@other.example } }
`;
  const { code, err } = await postern(t, ["check", "--config", "postern.yaml"], { config: CONFIG + mail });
  t.is(code, 1);
  t.deepEqual(err.trimEnd().split("\n"), [
    'postern.yaml:8:26: mail.domains[1]: "example.com" is there twice; keep one',
    "postern.yaml:9:41: mail.rewrite[0].to: new.example is none of mail.domains; add it there, or choose an address in one of them",
    "postern.yaml:10:30: mail.catchAll.other.example: other.example is none of mail.domains, so no mail for it is taken; add it there",
    "postern.yaml:12:54: rules[0].then.addRecipient[1]: other.example is none of mail.domains, so nothing may go there; add it there",
    "postern.yaml:13:38: rules[1].then.addRecipient: other.example is none of mail.domains, so nothing may go there; add it there",
  ]);
});

test("check: without accepted domains nobody may listen for mail", async (t) => {
  const { code, err } = await postern(t, ["check", "--config", "postern.yaml"], { config: CONFIG });
  t.is(code, 1);
  t.regex(err, /^postern\.yaml:1:1: mail\.domains: a listener speaks smtp, .*as in mail: \{ domains: \[example\.com\] \}$/m);
});
