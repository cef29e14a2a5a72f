// Measures the mail gateways of proxies.ts against each other, as main.ts does for the others: started side by side, rounds
// interleaved.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { authServer } from "../peers.ts";
import { LOAD_CORE, portOpen, startPinned, stop, type Program } from "../processes.ts";
import { startRow, type Running } from "../proxies.ts";
import type { Site } from "../site.ts";
import { cpuOf, type Load } from "./measures.ts";
import { MAIL_ROWS, missing, type MailRow, type MailSite } from "./proxies.ts";

export interface MailReport {
  readonly add: (proxy: string, measure: string, value: number) => void;
  readonly note: (name: string, what: string, error: unknown) => void;
}

interface Measure {
  readonly name: string;
  readonly role: MailRow["role"];
  readonly load: Load;
  /** From CPU seconds to the figure. */
  readonly figure: (cpu: number, load: Load) => number;
}

const MB = 1e6;
const perMessage = (cpu: number, load: Load): number => (cpu * 1000) / load.messages;
const messagesPerSecond = (cpu: number, load: Load): number => load.messages / cpu;
const perGB = (cpu: number, load: Load): number => cpu / ((load.messages * load.bytes) / 1e9);
const megabytesPerSecond = (cpu: number, load: Load): number => (load.messages * load.bytes) / MB / cpu;

const measuresOf = (quick: boolean): readonly Measure[] => {
  const [few, many] = quick ? [300, 2000] : [1000, 5000];
  const large = { messages: quick ? 12 : 40, perConnection: 4, bytes: 20 * MB, atOnce: 4 };
  return [
    {
      name: "submission: CPU ms/session, one message of 4 kB",
      role: "submission",
      load: { messages: few, perConnection: 1, bytes: 4096, atOnce: 8 },
      figure: perMessage,
    },
    { name: "submission: CPU s/GB", role: "submission", load: large, figure: perGB },
    {
      name: "inbound: messages/CPU s, one of 4 kB a connection",
      role: "inbound",
      load: { messages: many, perConnection: 1, bytes: 4096, atOnce: 16 },
      figure: messagesPerSecond,
    },
    {
      name: "inbound: messages/CPU s, ten of 4 kB a connection",
      role: "inbound",
      load: { messages: many, perConnection: 10, bytes: 4096, atOnce: 16 },
      figure: messagesPerSecond,
    },
    { name: "inbound: MB/CPU s, messages of 20 MB", role: "inbound", load: large, figure: megabytesPerSecond },
  ];
};

/** Runs all measures of mail. A gateway that does not start, or fails, is noted, and the others go on. */
export async function measureMail(site: Site, haraka: string, quick: boolean, rounds: number, report: MailReport): Promise<void> {
  const programs: Program[] = [];
  try {
    const mailPort = await site.freePort();
    const mailAuthPort = await site.freePort();
    const folder = join(site.folder, "mail-auth");
    mkdirSync(folder);
    const backend = [process.execPath, join(import.meta.dirname, "backend.ts"), String(mailPort)];
    programs.push(startPinned(LOAD_CORE, backend, join(site.folder, "mail-backend.log")));
    programs.push(startPinned(LOAD_CORE, authServer(folder, mailAuthPort, mailPort).command, join(site.folder, "mail-auth.log")));
    await portOpen(programs[0]!, mailPort);
    await portOpen(programs[1]!, mailAuthPort);
    for (const role of ["submission", "inbound"] as const)
      await measureRole({ ...site, mailPort, mailAuthPort, haraka }, role, measuresOf(quick), rounds, report);
  } finally {
    for (const program of programs) await stop(program);
  }
}

async function measureRole(
  site: MailSite,
  role: MailRow["role"],
  measures: readonly Measure[],
  rounds: number,
  { add, note }: MailReport,
): Promise<void> {
  const running = new Map<MailRow, Running>();
  try {
    for (const row of MAIL_ROWS.filter((one) => one.role === role)) {
      const absent = missing(row, site);
      try {
        if (absent !== undefined) throw new Error(`${absent} is not here`);
        running.set(row, await startRow(row.name, site, (folder, port) => row.launch(site, folder, port)));
      } catch (error) {
        note(row.name, "does not start", error);
      }
    }
    for (const { name, load, figure } of measures.filter((one) => one.role === role)) {
      const warmUp = { ...load, messages: Math.min(load.messages, 200), bytes: Math.min(load.bytes, MB) };
      for (const round of [0, ...Array.from({ length: rounds }, (_, index) => index + 1)]) {
        for (const [row, proxy] of running) {
          const target = { port: proxy.port, ...(role === "submission" && { ca: site.ca }) };
          try {
            const cpu = await cpuOf(proxy, target, round === 0 ? warmUp : load);
            if (round > 0) add(row.name, name, figure(cpu, load));
          } catch (error) {
            note(row.name, name, error);
            await proxy.stop();
            running.delete(row);
          }
        }
      }
    }
  } finally {
    for (const proxy of running.values()) await proxy.stop();
  }
}
