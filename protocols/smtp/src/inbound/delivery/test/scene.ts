// A delivery with a pool around it, and the message of one client, for tests. Torn down with the test.

import type { ExecutionContext } from "ava";
import {
  Failure,
  type Leg,
  type MailRecipient,
  type MailReply,
  type MailTransaction,
  type MailVisit,
  type Route,
} from "@postern/contracts";
import { createBackendPool, type BackendPool, type PoolSettings } from "@postern/core";
import { createFakeClock, createMemoryLogger, testSession, type FakeClock, type MemoryLogger } from "@postern/testing";
import type { Delivery, InboundParts } from "../../parts.ts";
import { greet, leave, type SmtpBackend } from "../backend.ts";
import { openDelivery } from "../delivery.ts";

type Parameters = Readonly<Record<string, string | undefined>>;

export interface SceneOptions {
  readonly policy?: InboundParts["settings"]["severalBackends"];
  readonly heldBytes?: number;
  readonly pool?: Partial<PoolSettings>;
  /** Legs by the name of a backend, for redirects. */
  readonly legs?: Readonly<Record<string, readonly Leg[]>>;
  /** Where added recipients are at home, and those that a rule wants to be found by this address. */
  readonly added?: Readonly<Record<string, readonly Leg[]>>;
}

/** Deadlines of the scene, by its clock. */
const TIMEOUT = 20_000;

/** The outcome of work that somebody's silence holds up. */
export async function asTimePasses<R>(clock: FakeClock, work: Promise<R>): Promise<R> {
  let isOver = false;
  const over = work.finally(() => {
    isOver = true;
  });
  for (let turn = 0; turn < 5000 && !isOver; turn++) {
    await clock.advance(TIMEOUT / 100);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return over;
}

export interface MessageOptions {
  readonly from?: string;
  readonly parameters?: Parameters;
  readonly client?: string;
  readonly hello?: string;
  readonly hostName?: string;
  readonly redirect?: string;
  readonly added?: readonly string[];
}

export interface Scene {
  readonly clock: FakeClock;
  readonly pool: BackendPool<SmtpBackend>;
  readonly logger: MemoryLogger;
  readonly trace: string[];
  readonly message: (options?: MessageOptions) => Message;
}

export interface Message {
  readonly transaction: MailTransaction;
  readonly delivery: Delivery;
  /** The answer for a recipient with these candidates, in one line. */
  readonly to: (address: string, legs: readonly Leg[], parameters?: Parameters) => Promise<string>;
  /** A rule has chosen: a recipient that was told is found by another address. */
  readonly routeAs: (address: string, other: string) => void;
  /** Begins, writes, commits; the answer in one line. */
  readonly send: (...chunks: readonly (string | Buffer)[]) => Promise<string>;
}

export const text = ({ code, status, lines }: MailReply): string =>
  [code, status, lines.join(" / ")].filter((part) => part !== "").join(" ");

export const routeTo = (legs: readonly Leg[]): Route => ({ source: "test", why: "", legs, login: undefined });

const mapOf = (values: Parameters): ReadonlyMap<string, string | undefined> => new Map(Object.entries(values));

export function scene(t: ExecutionContext, options: SceneOptions = {}): Scene {
  const clock = createFakeClock();
  const logger = createMemoryLogger({ debug: true });
  const trace: string[] = [];
  const health: InboundParts["health"] = {
    facts: () => ({ state: "up", since: 0, evidence: "" }),
    order: (legs) => legs,
    succeeded: () => {},
    failed: () => {},
  };
  const pool = createBackendPool<SmtpBackend>({
    greet: greet("gw.example.net"),
    leave,
    limits: { maxLine: 8192, maxUnread: 65_536 },
    clock,
    health,
    settings: { perBackend: 10, idle: 30_000, ahead: 0, wait: 5000, ...options.pool },
  });
  t.teardown(() => pool.close());
  const settings = {
    severalBackends: options.policy ?? "split",
    heldBytes: options.heldBytes ?? 256 * 1024,
    replyTimeout: TIMEOUT,
    endTimeout: TIMEOUT,
  };
  const recipients: InboundParts["recipients"] = {
    find: (address, _, { routeAs = address } = {}) => {
      const legs = options.added?.[routeAs];
      if (legs === undefined) return Promise.reject(new Failure("unknown-user", `Nobody knows ${routeAs}`));
      return Promise.resolve({ deliverTo: address, routeAs, route: routeTo(legs) });
    },
    legsOf: (backend) => {
      const legs = options.legs?.[backend];
      if (legs === undefined) throw new Failure("no-candidate", `There is no backend ${backend}`);
      return legs;
    },
  };
  // The rest of the parts is the front's.
  const parts = {
    hostname: "gw.example.net",
    settings,
    clock,
    logger,
    recipients,
    health,
    pool,
  } as unknown as InboundParts;
  let count = 0;
  return {
    clock,
    pool,
    logger,
    trace,
    message(about = {}) {
      const transaction = transactionOf(`m${++count}`, about);
      const delivery = openDelivery(transaction, parts, (direction, line) => trace.push(`${direction}: ${line}`));
      return messageOf(transaction, delivery);
    },
  };
}

function transactionOf(id: string, about: MessageOptions): MailTransaction {
  const visit: MailVisit = {
    session: testSession({ client: { host: about.client ?? "192.0.2.7", port: 4711 } }),
    hello: about.hello ?? "client.example.org",
    extended: true,
    spokeEarly: false,
    trusted: false,
    refusedRecipients: 0,
    hostName: about.hostName,
    findings: [],
  };
  return {
    id,
    visit,
    sender: { address: about.from ?? "sender@example.org", parameters: mapOf(about.parameters ?? {}) },
    recipients: [],
    size: 0,
    header: undefined,
    came: undefined,
    kind: undefined,
    findings: [],
    authentication: [],
    edits: [],
    redirect: about.redirect,
    added: [...(about.added ?? [])],
  };
}

function messageOf(transaction: MailTransaction, delivery: Delivery): Message {
  const told = new Map<string, MailRecipient>();
  return {
    transaction,
    delivery,
    routeAs(address, other) {
      const recipient = told.get(address);
      if (recipient === undefined) throw new Error(`${address} was not told`);
      recipient.routeAs = other;
    },
    async to(address, legs, parameters = {}) {
      const recipient: MailRecipient = { address, deliverTo: address, routeAs: address, parameters: mapOf(parameters) };
      told.set(address, recipient);
      return text(await delivery.recipient(recipient, { deliverTo: address, routeAs: address, route: routeTo(legs) }));
    },
    async send(...chunks) {
      const refusal = await delivery.begin();
      if (refusal !== undefined) return text(refusal);
      for (const chunk of chunks) await delivery.write(Buffer.from(chunk));
      return text(await delivery.commit());
    },
  };
}

/** Resolves when `done` says so; looks a bounded number of times. */
export async function until(done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 5000; turn++) {
    if (done()) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error("It does not happen");
}
