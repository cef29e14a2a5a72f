// The inbound role for tests: its parts with defaults, a router that knows who is ours, and a delivery that keeps what it gets.

import {
  Failure,
  type Clock,
  type Health,
  type Leg,
  type Logger,
  type MailFilter,
  type MailReply,
  type MailTransaction,
  type RecipientRouter,
} from "@postern/contracts";
import { defaultsOf, testLeg } from "@postern/testing";
import type { Delivery, InboundParts, InboundSettings, OpenDelivery } from "../parts.ts";
import { inboundSettings } from "../settings.ts";

/** What the harness or a transcript brings. */
export interface World {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hostname: string;
  readonly health: Health;
}

export interface SceneOptions {
  readonly settings?: Partial<InboundSettings>;
  readonly filters?: readonly MailFilter[];
  readonly legs?: readonly Leg[];
  readonly features?: readonly (readonly string[])[];
  readonly trusts?: boolean;
  readonly strippedHeaders?: readonly string[];
  readonly parts?: Partial<InboundParts>;
}

export const FEATURES = ["PIPELINING", "SIZE 10000000", "8BITMIME", "SMTPUTF8", "DSN"];

export function testParts({ clock, logger, hostname, health }: World, options: SceneOptions = {}): InboundParts {
  return {
    hostname,
    settings: { ...(defaultsOf(inboundSettings) as InboundSettings), ...options.settings },
    clock,
    logger,
    recipients: testRouter(options.legs ?? [testLeg(25, { protocol: "smtp", scheme: "smtp" })]),
    filters: options.filters ?? [],
    health,
    pool: { take: () => Promise.reject(new Failure("backend-unreachable", "There is no backend in this test")), close: () => {} },
    backendFeatures: () => options.features ?? [FEATURES],
    trusts: () => options.trusts ?? false,
    strippedHeaders: options.strippedHeaders ?? ["x-forged-*"],
    ...options.parts,
  };
}

/** example.com is ours; nobody@ is not there, down@ cannot be looked up, alias@ lives as alice@. */
export function testRouter(legs: readonly Leg[]): RecipientRouter {
  return {
    find(address) {
      const [local = "", domain = ""] = address.toLowerCase().split(/@(?=[^@]*$)/);
      if (local !== "postmaster" && domain !== "example.com") return fails("not-authorized");
      if (local === "nobody") return fails("unknown-user");
      if (local === "down") return fails("source-down");
      const deliverTo = local === "alias" ? "alice@example.com" : address;
      return Promise.resolve({
        deliverTo,
        routeAs: deliverTo,
        route: { source: "test", why: "fixed", legs, login: undefined },
      });
    },
    legsOf: () => legs,
  };
}

const fails = (kind: "not-authorized" | "unknown-user" | "source-down"): Promise<never> =>
  Promise.reject(new Failure(kind, "The test says so"));

/** What came to the backends in one transaction. */
export interface Delivered {
  readonly transaction: MailTransaction;
  readonly recipients: string[];
  readonly chunks: Buffer[];
  /** How often it gave its connections back. */
  rests: number;
  end: "open" | "committed" | "aborted";
}

export interface FakeDeliveries {
  readonly open: OpenDelivery;
  readonly all: Delivered[];
  /** Messages that were committed. */
  readonly taken: () => string[];
}

/** Takes everything, unless the recipient is called refused@ or full@; slows down where `wait` says so. */
export function fakeDeliveries(wait?: () => Promise<void> | undefined, commit?: () => Promise<MailReply>): FakeDeliveries {
  const all: Delivered[] = [];
  const open: OpenDelivery = (transaction): Delivery => {
    const one: Delivered = { transaction, recipients: [], chunks: [], rests: 0, end: "open" };
    all.push(one);
    return {
      recipient({ deliverTo }) {
        if (deliverTo.startsWith("refused@")) return Promise.resolve(reply(550, "5.7.1", "Go away", deliverTo));
        if (deliverTo.startsWith("full@")) return Promise.resolve(reply(452, "4.2.2", "Full"));
        one.recipients.push(deliverTo);
        return Promise.resolve(reply(250, "2.1.5", "Recipient OK"));
      },
      rest: () => void one.rests++,
      begin: () => Promise.resolve(undefined),
      write(chunk) {
        if (one.end !== "open") throw new Error(`Content for a delivery that is ${one.end}`);
        one.chunks.push(Buffer.from(chunk));
        return wait?.();
      },
      async commit() {
        const answer = (await commit?.()) ?? reply(250, "2.0.0", `Taken as ${all.length}`);
        if (one.end === "open" && answer.code < 300) one.end = "committed";
        return answer;
      },
      abort() {
        if (one.end === "open") one.end = "aborted";
      },
      facts: { backends: ["mbx1"], mayBeDoubled: [] },
    };
  };
  const taken = (): string[] =>
    all.filter(({ end }) => end === "committed").map(({ chunks }) => Buffer.concat(chunks).toString("latin1"));
  return { open, all, taken };
}

const reply = (code: number, status: string, ...lines: string[]): MailReply => ({ code, status, lines });
