// `postern rule test`: a dry run of the mail-flow rules on one message: which rule fits, what it does, why the others do not,
// and where each recipient goes. No network: no backend is asked, no look-up server, no edge defence. Exit code 0 when the
// message would go to the backends, 1 when it would be refused or the configuration is wrong, 2 for bad usage.

import { createReadStream } from "node:fs";
import { isIP } from "node:net";
import { addressKey, Failure, setting, systemClock, type RouteSource } from "@postern/contracts";
import type { CommandArgs } from "@postern/config";
import { createRouter } from "@postern/core";
import { dryRun, type DryMessage } from "@postern/mailflow";
import { HeaderCollector, LINE_PROBLEMS, LineEndings, parseHeader, type HeaderSplit } from "@postern/message";
import { adHocLeg } from "./house.ts";
import type { GatewayConfig } from "./parts.ts";
import { ruleTestText } from "./rule-test-text.ts";
import { readSource } from "./serve.ts";
import { sourcesOf } from "./sources.ts";
import { usableConfig } from "./usable.ts";

export interface RuleTestArgs extends CommandArgs {
  /** A file, or "-" for standard input. Lines may end with LF alone. */
  readonly message: string;
  /** "" or "<>" is the null sender. */
  readonly from: string;
  readonly to: readonly string[];
  readonly client: string;
  readonly helo: string | undefined;
  /** Instead of the message's own. */
  readonly size: string | undefined;
  readonly score: string | undefined;
  readonly finding: readonly string[];
  /** ISO 8601; now when not given. */
  readonly time: string | undefined;
}

/** What is wrong with the command line, or with the message. */
class Wrong extends Error {
  readonly code: 1 | 2;

  constructor(code: 1 | 2, message: string) {
    super(message);
    this.code = code;
  }
}

export async function runRuleTest(args: RuleTestArgs): Promise<number> {
  try {
    const envelope = envelopeOf(args);
    const result = await usableConfig(readSource(args));
    if ("problems" in result) throw new Wrong(1, result.problems.join("\n"));
    const { config } = result;
    const { header, size } = await readMessage(args.message);
    const message: DryMessage = { ...envelope, header: parseHeader(header), size: envelope.size ?? size };
    const sources = localSources(config);
    const { backends, mail, rules } = config;
    const router = createRouter(sources, backends, adHocLeg);
    const run = await dryRun(message, { mail, rules, router, backends, clientKey: addressKey });
    for (const source of sources) source.close();
    const { header: _, ...facts } = message;
    process.stdout.write(args.json ? `${JSON.stringify({ message: facts, ...run }, null, 2)}\n` : ruleTestText(message, run));
    return run.refusal === undefined && run.recipients.some(({ problem }) => problem === undefined) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    process.stderr.write(`${error.message}\n`);
    return error.code;
  }
}

type Envelope = Omit<DryMessage, "header" | "size"> & { readonly size: number | undefined };

function envelopeOf({ from, to, client, helo, size, score, finding, time }: RuleTestArgs): Envelope {
  if (isIP(client) === 0) throw new Wrong(2, `--client must be an IP address, not "${client}"`);
  const now = time === undefined ? systemClock.now() : Date.parse(time);
  if (Number.isNaN(now)) throw new Wrong(2, `--time must be a time such as 2026-01-31T22:15:00Z, not "${time}"`);
  const points = Number(score ?? 0);
  if (score === "" || !Number.isFinite(points)) throw new Wrong(2, `--score must be a number, not "${score}"`);
  return {
    sender: addressOf("from", from, (address) => address === ""),
    recipients: to.map((one) => addressOf("to", one, (address) => /^postmaster$/i.test(address))),
    client,
    hello: helo,
    size: size === undefined ? undefined : bytesOf(size),
    score: points,
    findings: finding,
    now,
  };
}

function bytesOf(size: string): number {
  const parsed = setting.size("", {}).parse(size);
  if ("problem" in parsed) throw new Wrong(2, `--size ${parsed.problem}`);
  return parsed.value;
}

/** With or without the brackets. */
function addressOf(flag: string, text: string, isSpecial: (address: string) => boolean): string {
  const address = /^<(.*)>$/s.exec(text)?.[1] ?? text;
  if (isSpecial(address) || /^[^\p{Cc}]+@[^\p{Cc}]+$/u.test(address)) return address;
  throw new Wrong(2, `--${flag} must be an address such as alice@example.com, not ${JSON.stringify(text)}`);
}

const MAX_HEADER = 4 * 1024 ** 2;

/** Only the header is kept. */
async function readMessage(file: string): Promise<{ readonly header: Buffer; readonly size: number }> {
  const endings = new LineEndings("repair");
  const collector = new HeaderCollector(MAX_HEADER);
  let split: HeaderSplit | undefined;
  let size = 0;
  const take = (chunk: ReturnType<LineEndings["push"]>): void => {
    if (typeof chunk === "string") throw new Wrong(1, `${file}: ${LINE_PROBLEMS[chunk]}; such a message is refused`);
    size += chunk.length;
    if (split !== undefined || chunk.length === 0) return;
    const answer = collector.push(chunk);
    if (answer === "too-large") throw new Wrong(1, `${file}: the header is too large`);
    split = answer;
  };
  for await (const chunk of chunksOf(file)) take(endings.push(chunk));
  take(endings.end());
  return { header: (split ?? collector.end()).header, size };
}

async function* chunksOf(file: string): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of file === "-" ? process.stdin : createReadStream(file)) yield chunk as Buffer;
  } catch (error) {
    throw new Wrong(1, `Cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Sources that answer by themselves; the others would need the network. */
const LOCAL: ReadonlySet<GatewayConfig["routes"][number]["source"]> = new Set(["static", "hash"]);

function localSources(config: GatewayConfig): RouteSource[] {
  return config.routes.flatMap((route) =>
    LOCAL.has(route.source) ? sourcesOf({ ...config, routes: [route] }, systemClock) : [unasked(route.source)],
  );
}

/** Whether it knows the user cannot be told; so nobody behind it is asked either. */
const unasked = (name: string): RouteSource => ({
  name,
  cacheable: false,
  find: () => Promise.reject(new Failure("source-down", `a dry run does not ask the ${name} source; try postern route`)),
  close: () => {},
});
