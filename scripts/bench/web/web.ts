// Measures the web proxies of proxies.ts against each other: started side by side, rounds interleaved.

import { join } from "node:path";
import type { MailReport } from "../mail/mail.ts";
import { SETTLE } from "../measures.ts";
import { LOAD_CORE, portOpen, startPinned, stop } from "../processes.ts";
import { startRow, type Running } from "../proxies.ts";
import type { Site } from "../site.ts";
import { perGB, perHeldPoll, requestsPerCpuSecond, type WebTarget } from "./load.ts";
import { absent, WEB_ROWS, type WebRow, type WebSite } from "./proxies.ts";

interface Measure {
  readonly name: string;
  readonly rounds: number;
  readonly take: (proxy: Running, target: WebTarget) => Promise<number>;
}

const MB = 1e6;

function measuresOf(quick: boolean, rounds: number): readonly Measure[] {
  const [seconds, bytes] = quick ? [1, 400 * MB] : [2.5, 1000 * MB];
  const polls = quick ? ([1000, 3000] as const) : ([1000, 8000] as const);
  return [
    // Short rounds, and many: a machine that others use changes its speed from one second to the next.
    { name: "web: requests/CPU s, 1 kB, kept alive", rounds: 4 * rounds, take: (proxy) => requestsPerCpuSecond(proxy, seconds) },
    { name: "web: CPU s/GB down", rounds, take: (proxy, target) => perGB(proxy, target, "down", bytes) },
    { name: "web: CPU s/GB up", rounds, take: (proxy, target) => perGB(proxy, target, "up", bytes) },
    {
      name: `web: kB per held poll, from ${polls[0]} to ${polls[1]}`,
      rounds: 1,
      take: (proxy, target) => perHeldPoll(proxy, target, polls, SETTLE),
    },
  ];
}

/** Runs all measures of the web. A proxy that does not start, or fails, is noted, and the others go on. */
export async function measureWeb(
  site: Site,
  npm: string,
  quick: boolean,
  rounds: number,
  { add, note }: MailReport,
): Promise<void> {
  const webPort = await site.freePort();
  const command = [process.execPath, join(import.meta.dirname, "backend.ts"), String(webPort)];
  const backend = startPinned(LOAD_CORE, command, join(site.folder, "web-backend.log"));
  const running = new Map<WebRow, Running>();
  try {
    await portOpen(backend, webPort);
    for (const row of WEB_ROWS) {
      try {
        running.set(row, await start(row, { ...site, webPort, npm }));
      } catch (error) {
        note(row.name, "does not start", error);
      }
    }
    for (const [row, proxy] of running) await take(row, "warm-up", () => requestsPerCpuSecond(proxy, 2), running, note);
    for (const measure of measuresOf(quick, rounds)) {
      for (let round = 0; round < measure.rounds; round++) {
        for (const [row, proxy] of running) {
          const target = { port: proxy.port, ca: site.ca };
          const figure = await take(row, measure.name, () => measure.take(proxy, target), running, note);
          if (figure !== undefined) add(row.name, measure.name, figure);
        }
      }
    }
  } finally {
    for (const proxy of running.values()) await proxy.stop();
    await stop(backend);
  }
}

async function take(
  row: WebRow,
  what: string,
  measure: () => Promise<number>,
  running: Map<WebRow, Running>,
  note: MailReport["note"],
): Promise<number | undefined> {
  try {
    return await measure();
  } catch (error) {
    note(row.name, what, error);
    await running.get(row)?.stop();
    running.delete(row);
    return undefined;
  }
}

function start(row: WebRow, site: WebSite): Promise<Running> {
  const missing = absent(row, site);
  if (missing !== undefined) throw new Error(`${missing} is not here`);
  return startRow(row.name, site, (folder, port) => row.launch(site, folder, port));
}
