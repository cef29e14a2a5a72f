// For the tests of milters: settings of one, and a milter that a test drives command by command.

import type { ExecutionContext } from "ava";
import type { Clock, FilterAnswer, MailFilter, MailTransaction } from "@postern/contracts";
import type { ScriptedPeer } from "@postern/testing";
import { parseScannerAddress } from "../../scanner-address.ts";
import { HEADER, scanOf, serveScanner, show, testServices, type ScannerServer } from "../../test/scanners.ts";
import { milters } from "../index.ts";
import type { MilterValues } from "../settings.ts";

/** A milter at this address, with short patience. */
export function serverOf(address: string, rest: Partial<MilterValues> = {}): MilterValues {
  const parsed = parseScannerAddress(address);
  if ("problem" in parsed) throw new Error(parsed.problem);
  return {
    name: "test",
    address: parsed.value,
    timeouts: { connect: 5000, command: 5000, content: 5000 },
    onFailure: "defer",
    discard: "refuse",
    atOnce: 10,
    ...rest,
  };
}

export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** A reply: its letter, and its data. */
export const reply = (letter: string, ...data: readonly (string | Buffer)[]): Buffer => {
  const parts = [Buffer.from(letter), ...data.map((part) => Buffer.from(part as string))];
  const body = Buffer.concat(parts);
  return Buffer.concat([u32(body.length), body]);
};

export const CONTINUE = reply("c");

export interface Heard {
  readonly letter: string;
  readonly data: Buffer;
}

/** What it does when a command came: bytes to send, "close", or nothing. */
export type Behaviour = (heard: Heard, nth: number) => Buffer | "close" | undefined;

export interface FakeMilter extends ScannerServer {
  /** "C client…", with NUL as "|"; macros as "DC j|…". */
  readonly heard: string[];
  readonly bodies: Buffer[];
}

const SILENT = new Set(["D", "A", "Q"]);
const MAX_COMMANDS = 20_000;

export interface FakeOptions {
  readonly version?: number;
  readonly actions?: number;
  readonly steps?: number;
  readonly macros?: Buffer;
  /** In place of the agreement. */
  readonly negotiate?: Buffer | "close";
  readonly on?: Readonly<Record<string, Behaviour>>;
}

/** A milter that goes on with everything but what `on` says for a command's letter. */
export async function fakeMilter(t: ExecutionContext, options: FakeOptions = {}): Promise<FakeMilter> {
  const heard: string[] = [];
  const bodies: Buffer[] = [];
  const { version = 6, actions = 0x15, steps = 0, macros = Buffer.alloc(0), negotiate, on = {} } = options;
  const agreement = negotiate ?? reply("O", u32(version), u32(actions), u32(steps), macros);

  async function serve(peer: ScriptedPeer): Promise<void> {
    const counts = new Map<string, number>();
    for (let command = 0; command < MAX_COMMANDS; command += 1) {
      const head = await next(peer);
      if (head === undefined) return;
      const { letter, data } = head;
      if (letter === "B") bodies.push(data);
      heard.push(`${letter}${letter === "B" ? data.length : data.toString("latin1").replaceAll("\0", "|")}`);
      if (letter === "Q") return peer.end();
      const nth = (counts.get(letter) ?? 0) + 1;
      counts.set(letter, nth);
      const answer = letter === "O" ? agreement : (on[letter] ?? standard)({ letter, data }, nth);
      if (answer === "close") return peer.destroy();
      if (answer !== undefined) peer.write(answer);
    }
  }

  const server = await serveScanner(serve);
  t.teardown(() => server.stop());
  return Object.assign(server, { heard, bodies });
}

const standard: Behaviour = ({ letter }) => (SILENT.has(letter) ? undefined : CONTINUE);

/** The next packet; undefined: the gateway has left. */
async function next(peer: ScriptedPeer): Promise<Heard | undefined> {
  try {
    const size = (await peer.bytes(4, "a packet")).readUInt32BE();
    const bytes = await peer.bytes(size, "a packet");
    return { letter: bytes.toString("latin1", 0, 1), data: bytes.subarray(1) };
  } catch {
    return undefined;
  }
}

/** The filter, talking to one milter. */
export function milterFilter(server: { readonly address: string }, rest: Partial<MilterValues> = {}, clock?: Clock) {
  const services = testServices(clock);
  const filter = milters.build({ servers: [serverOf(server.address, rest)] }, services);
  if (filter === undefined) throw new Error("the filter is off");
  return { filter, services };
}

/** A whole message, stage by stage, until somebody objects: where, and how. */
export async function talk(
  filter: MailFilter,
  mail: MailTransaction,
  body = "hello\r\n",
): Promise<{ readonly stage: string; readonly answer: FilterAnswer }> {
  const { header } = mail;
  const { hello } = mail.visit;
  const stages: Readonly<Record<string, () => unknown>> = {
    connect: () => filter.connect?.(Object.assign(mail.visit, { hello: undefined })),
    hello: () => filter.hello?.(Object.assign(mail.visit, { hello })),
    sender: () => filter.sender?.(mail),
    ...Object.fromEntries(mail.recipients.map((one, at) => [`recipient${at + 1}`, () => filter.recipient?.(mail, one)])),
    header: () => header && filter.header?.(mail, header),
    content: () => {
      const bytes = Buffer.concat([header?.bytes ?? Buffer.from(HEADER), Buffer.from(`\r\n${body}`)]);
      return filter.scan?.(mail) === undefined ? undefined : show(scanOf(filter, mail), bytes);
    },
  };
  for (const [stage, ask] of Object.entries(stages)) {
    const answer = (await ask()) as FilterAnswer;
    if (answer !== undefined) return { stage, answer };
  }
  return { stage: "end", answer: undefined };
}

/** Where talk() hears the answer to a command. */
export const STAGE_OF = {
  C: "connect",
  H: "hello",
  M: "sender",
  R: "recipient1",
  T: "header",
  L: "header",
  N: "header",
  B: "content",
  E: "content",
} as const;

export const say =
  (answer: Buffer | "close" | undefined): Behaviour =>
  () =>
    answer;

export async function eventually(t: { fail(words: string): void }, holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500; turn += 1) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.fail("it does not come");
}
