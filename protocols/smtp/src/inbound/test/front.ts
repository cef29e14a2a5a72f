// The front behind the real path on a port of its own, with deliveries that keep what they get. Torn down with the test.

import { connect } from "node:net";
import type { ExecutionContext } from "ava";
import type { MailFilter, MailReply } from "@postern/contracts";
import { Registry, serve } from "@postern/core";
import { createHarness, ScriptedPeer, type Harness, type HarnessOptions } from "@postern/testing";
import { createInbound } from "../inbound.ts";
import { fakeDeliveries, testParts, type FakeDeliveries, type SceneOptions } from "./scene.ts";

export interface FrontOptions extends SceneOptions {
  readonly harness?: Partial<HarnessOptions<Registry>>;
  /** A write to a backend waits for it. */
  readonly wait?: () => Promise<void> | undefined;
  /** The backends' answer. */
  readonly commit?: () => Promise<MailReply>;
}

export interface Front {
  readonly harness: Harness<Registry>;
  readonly deliveries: FakeDeliveries;
  readonly dial: () => Promise<Client>;
}

export interface Client {
  readonly peer: ScriptedPeer;
  /** Is gone, as a host that was switched off. */
  readonly reset: () => void;
  /** Sends lines, each with its CRLF. */
  say(...lines: readonly string[]): void;
  /** The next replies, a line each. */
  hear(count?: number): Promise<string>;
  /** Says them, and hears as many lines. */
  ask(...lines: readonly string[]): Promise<string>;
  /** HELO, MAIL and RCPT. */
  begin(): Promise<void>;
}

export async function front(t: ExecutionContext, options: FrontOptions = {}): Promise<Front> {
  const deliveries = fakeDeliveries(options.wait, options.commit);
  const harness = createHarness({
    core: { Registry, serve },
    legs: [],
    ...options.harness,
    protocol: (house) => createInbound(testParts(house, options), deliveries.open),
  });
  t.teardown(() => harness.close());
  const port = await harness.listen();
  return {
    harness,
    deliveries,
    async dial() {
      const socket = connect({ port, host: "127.0.0.1" });
      t.teardown(() => void socket.destroy());
      return clientOf(new ScriptedPeer(socket, 10_000), () => void socket.resetAndDestroy());
    },
  };
}

function clientOf(peer: ScriptedPeer, reset: () => void): Client {
  const say: Client["say"] = (...lines) => peer.write(Buffer.from(lines.map((line) => `${line}\r\n`).join(""), "latin1"));
  const hear: Client["hear"] = async (count = 1) => {
    const lines: string[] = [];
    while (lines.length < count) lines.push((await peer.line("a reply")).toString("latin1"));
    return lines.join("\n");
  };
  const ask: Client["ask"] = (...lines) => {
    say(...lines);
    return hear(lines.length);
  };
  return {
    peer,
    reset,
    say,
    hear,
    ask,
    async begin() {
      await ask("HELO me", "MAIL FROM:<alice@example.net>", "RCPT TO:<bob@example.com>");
    },
  };
}

/** A filter that notes what it is asked. */
export function noting(rest: Partial<MailFilter> = {}): { readonly filter: MailFilter; readonly notes: string[] } {
  const notes: string[] = [];
  const filter: MailFilter = {
    name: "noting",
    connect: ({ session }) => void notes.push(`connect ${session.client.host}`),
    hello: ({ hello }) => void notes.push(`hello ${hello}`),
    sender: ({ sender }) => void notes.push(`sender ${sender.address}`),
    recipient: (_, { address }) => void notes.push(`recipient ${address}`),
    header: ({ kind }, header) => void notes.push(`header ${header.first("subject")} ${kind}`),
    content: ({ size }) => void notes.push(`content ${size}`),
    finished: (_, accepted) => void notes.push(`finished ${accepted}`),
    left: () => void notes.push("left"),
    ...rest,
  };
  return { filter, notes };
}

/** Resolves when `done` says so; looks between turns of the event loop, a bounded number of times. */
export async function until(done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 5000; turn++) {
    if (done()) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error("It does not happen");
}
