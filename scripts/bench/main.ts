// The benchmark: Postern and its peers, one run, paired and interleaved. See docs/benchmark.md.

import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { facts, markdownTable, textTable } from "./report.ts";
import type { Results } from "./report.ts";
import { measureMail } from "./mail/mail.ts";
import { measureRpc } from "./rpc/rpc.ts";
import { measureWeb } from "./web/web.ts";
import { bulk, loginRate, logins, memory } from "./measures.ts";
import { PROXIES, startProxy } from "./proxies.ts";
import type { Behind, ProxyRow, Running } from "./proxies.ts";
import { openSite } from "./site.ts";
import type { Site } from "./site.ts";
import type { Target } from "./client.ts";

const USAGE =
  "usage: scripts/bench/run [--quick] [--only NAME,NAME] [--measures mail,web,rpc,bulk,login,memory] [--json FILE] [--markdown FILE]";

/** Ends the process where it does not know an option. */
const parsed: typeof parseArgs = (config) => {
  try {
    return parseArgs(config);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(2);
  }
};

const { values: options } = parsed({
  options: {
    help: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    only: {
      type: "string",
      default: PROXIES.filter((row) => row.kind !== "yardstick")
        .map((row) => row.name)
        .join(","),
    },
    measures: { type: "string", default: "bulk,login,memory,mail,web,rpc" },
    json: { type: "string" },
    markdown: { type: "string" },
  },
});
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}
const MEGABYTE = 1e6;
const size = options.quick
  ? { bytes: 256 * MEGABYTE, logins: 300, rounds: 3 }
  : { bytes: 1000 * MEGABYTE, logins: 1000, rounds: 3 };
const SESSIONS = options.quick ? [1000] : [1000, 8000];

const results: Results = { facts: facts(PROXIES), figures: [], notes: [] };
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const note = (name: string, what: string, error: unknown): void => {
  const text = `${name}: ${what}: ${error instanceof Error ? error.message : String(error)}`.trim();
  results.notes.push(text);
  say(text);
};
const add = (proxy: string, measure: string, value: number): void => {
  results.figures.push({ proxy, measure, value });
  say(`  ${proxy.padEnd(14)} ${measure.padEnd(34)} ${value.toFixed(3)}`);
};

interface Started {
  readonly row: ProxyRow;
  readonly running: Running;
}

/** Runs `task` with all rows started, then stops them. A row that does not start is noted and left out. */
async function withProxies(
  site: Site,
  rows: readonly ProxyRow[],
  behind: Behind,
  task: (all: readonly Started[]) => Promise<void>,
): Promise<void> {
  const all: Started[] = [];
  try {
    for (const row of rows.filter((each) => each.behind.includes(behind))) {
      try {
        all.push({ row, running: await startProxy(row, site, behind) });
      } catch (error) {
        note(row.name, "does not start", error);
      }
    }
    await task(all);
  } finally {
    for (const { running } of all) await running.stop();
  }
}

/** One figure or more of one proxy. A failure is noted once, the proxy is left out of that measure, and the others go on. */
async function attempt({ row }: Started, what: string, task: () => Promise<void>): Promise<void> {
  const key = `${row.name} ${what}`;
  if (failed.has(key)) return;
  try {
    await task();
  } catch (error) {
    failed.add(key);
    note(row.name, what, error);
  }
}
const failed = new Set<string>();

const target = (site: Site, { row, running }: Started): Target => ({
  port: running.port,
  user: "alice@example.com",
  ca: site.ca,
  group: row.group ?? "X25519",
});

async function measureBulk(site: Site, rows: readonly ProxyRow[]): Promise<void> {
  for (const behind of ["plain", "tls"] as const) {
    await withProxies(site, rows, behind, async (all) => {
      for (const direction of ["down", "up"] as const) {
        const measure = `CPU s/GB ${direction}, TLS to ${behind === "tls" ? "TLS" : "plain"}`;
        for (const each of all)
          await attempt(each, measure, async () => void (await bulk(each.running, target(site, each), direction, 64 * MEGABYTE)));
        for (let round = 0; round < size.rounds; round++) {
          for (const each of all) {
            await attempt(each, measure, async () =>
              add(each.row.name, measure, await bulk(each.running, target(site, each), direction, size.bytes)),
            );
          }
        }
      }
    });
  }
}

async function measureLogins(site: Site, rows: readonly ProxyRow[]): Promise<void> {
  await withProxies(site, rows, "plain", async (all) => {
    for (const each of all)
      await attempt(each, "warm-up", async () => void (await logins(each.running, target(site, each), 300, false)));
    for (let round = 0; round < size.rounds; round++) {
      for (const each of all) {
        const count = size.logins * (each.row.loginShare ?? 1);
        for (const resume of [false, true]) {
          const kind = resume ? "resumed" : "new";
          await attempt(each, `login, ${kind}`, async () => {
            const figures = await logins(each.running, target(site, each), count, resume);
            add(each.row.name, `CPU ms/login, ${kind}`, figures.cpu);
            add(each.row.name, `login p50 ms, ${kind}`, figures.p50);
            add(each.row.name, `login p99 ms, ${kind}`, figures.p99);
            if (resume) add(each.row.name, "share resumed", figures.resumed);
          });
        }
        await attempt(each, "logins/s", async () =>
          add(each.row.name, "logins/s, 32 at a time", await loginRate(target(site, each), count * 2)),
        );
      }
    }
  });
}

async function measureMemory(site: Site, rows: readonly ProxyRow[]): Promise<void> {
  for (const row of rows) {
    await withProxies(site, [row], "plain", async (all) => {
      for (const each of all) {
        await attempt(each, "memory", async () => {
          const counts = SESSIONS.filter((count) => count <= row.sessions);
          for (const figure of await memory(each.running, target(site, each), counts)) {
            add(row.name, `kB/session at ${figure.sessions}`, figure.perSession);
          }
        });
      }
    });
  }
}

if (cpus().length < 2) say("this machine has one core: load and proxies share it, and the figures mean little");
const rows = options.only.split(",").map((name) => {
  const row = PROXIES.find((each) => each.name === name);
  if (row === undefined) throw new Error(`no proxy "${name}"; there are ${PROXIES.map((each) => each.name).join(", ")}`);
  return row;
});
const haraka = process.env["POSTERN_BENCH_HARAKA"] ?? "";
const mail = (site: Site): Promise<void> => measureMail(site, haraka, options.quick, size.rounds, { add, note });
const npm = process.env["POSTERN_BENCH_NPM"] ?? "";
const web = (site: Site): Promise<void> => measureWeb(site, npm, options.quick, size.rounds, { add, note });
const rpc = (site: Site): Promise<void> => measureRpc(site, options.quick, size.rounds, { add, note });
const measures = { mail, web, rpc, bulk: measureBulk, login: measureLogins, memory: measureMemory };
const site = await openSite();
try {
  for (const [name, measure] of Object.entries(measures)) {
    if (options.measures.split(",").includes(name)) await measure(site, rows);
  }
} finally {
  await site.close();
}
process.stdout.write(textTable(results));
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
if (options.markdown !== undefined) writeFileSync(options.markdown, markdownTable(results));
