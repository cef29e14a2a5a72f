// Shared state of several workers: the primary holds the places, workers ask over the channel of node:child_process.
// A worker sends at most one message per turn of the event loop. Never throws, and never refuses because the channel is
// gone: then take() answers true and nothing is counted, because mail that can be read counts more than a limit that is
// kept exactly.

import type { ChildProcess } from "node:child_process";
import type { Logger, SharedState } from "@postern/contracts";
import type { MemoryState } from "./memory.ts";
import { isAnswer, isAsk, type Answer, type AnswerMessage, type AnswerValue, type Ask, type AskMessage } from "./messages.ts";

/**
 * The primary's side: answers one worker until its channel closes or it exits, and then gives back all its places.
 * Call it right after fork().
 */
export function serveState(memory: MemoryState, worker: ChildProcess): void {
  const state = memory.forOwner(worker);

  async function answerOf(ask: Ask): Promise<Answer | undefined> {
    switch (ask[0]) {
      case "take":
        return [ask[1], await state.take(ask[2], ask[3])];
      case "count":
        return [ask[1], await state.count(ask[2])];
      case "hit":
        return [ask[1], await state.hit(ask[2], ask[3])];
      case "remember":
        return [ask[1], (await state.remember(ask[2], ask[3])) ?? null];
      case "recall":
        return [ask[1], (await state.recall(ask[2])) ?? null];
      case "claim":
        return [ask[1], (await state.claim(ask[2], ask[3], ask[4])) ?? null];
      case "claimed":
        return [ask[1], (await state.claimed(ask[2])) ?? null];
      case "give":
        state.give(ask[1]);
        return undefined;
    }
  }

  async function onMessage(message: unknown): Promise<void> {
    if (!isAsk(message)) return;
    const answers = (await Promise.all(message.asks.map(answerOf))).filter((answer) => answer !== undefined);
    if (answers.length === 0 || !worker.connected) return;
    worker.send({ type: "postern.state.answer", answers } satisfies AnswerMessage, ignoreSendError);
  }

  // What a dead worker still has in the channel must not take places again.
  function end(): void {
    worker.off("message", listener);
    memory.drop(worker);
  }

  const listener = (message: unknown): void => void onMessage(message);
  worker.on("message", listener);
  worker.once("exit", end);
  worker.once("disconnect", end);
}

/** A send that fails means that the peer is gone; its exit or disconnect event says so too, and is acted on there. */
function ignoreSendError(): void {}

/** What a worker needs of its own process object. */
export type WorkerChannel = Pick<NodeJS.Process, "connected" | "send" | "on" | "once">;

type Resolve = (value: AnswerValue) => void;

/**
 * The worker's side, over the channel to the primary: `ipcState(process, logger)`. When the channel is gone, take()
 * answers true, count() and hit() answer 0, remember(), recall(), claim() and claimed() undefined, give() does nothing, and one
 * warning is logged. Like every listener for messages it keeps the worker alive until the channel closes.
 */
export function ipcState(channel: WorkerChannel, logger: Logger): SharedState {
  const waiting = new Map<number, { readonly resolve: Resolve; readonly withoutChannel: AnswerValue }>();
  let asks: Ask[] = [];
  let lastId = 0;
  let gone = false;

  function lose(): void {
    if (!gone) logger.warn("The channel to the primary process is gone: limits are no longer counted in this worker");
    gone = true;
    asks = [];
    for (const { resolve, withoutChannel } of waiting.values()) resolve(withoutChannel);
    waiting.clear();
  }

  function flush(): void {
    if (asks.length === 0) return;
    const message: AskMessage = { type: "postern.state.ask", asks };
    asks = [];
    if (channel.send === undefined || !channel.connected) return lose();
    channel.send(message, undefined, undefined, (error) => {
      if (error !== null) lose();
    });
  }

  function queue(ask: Ask): void {
    if (asks.length === 0) setImmediate(flush);
    asks.push(ask);
  }

  function round<T extends AnswerValue>(withoutChannel: T, ask: (id: number) => Ask): Promise<T> {
    if (gone) return Promise.resolve(withoutChannel);
    lastId += 1;
    const id = lastId;
    return new Promise<T>((resolve) => {
      waiting.set(id, { resolve: resolve as Resolve, withoutChannel });
      queue(ask(id));
    });
  }

  channel.on("message", (message: unknown) => {
    if (!isAnswer(message)) return;
    for (const [id, value] of message.answers) {
      waiting.get(id)?.resolve(value);
      waiting.delete(id);
    }
  });
  channel.once("disconnect", lose);

  return {
    take: (key, limit) => round(true, (id) => ["take", id, key, limit]),
    count: (key) => round(0, (id) => ["count", id, key]),
    hit: (key, windowMs) => round(0, (id) => ["hit", id, key, windowMs]),
    remember: async (key, ttlMs) => (await round<number | null>(null, (id) => ["remember", id, key, ttlMs])) ?? undefined,
    recall: async (key) => (await round<number | null>(null, (id) => ["recall", id, key])) ?? undefined,
    claim: async (key, value, ttlMs) => (await round<string | null>(null, (id) => ["claim", id, key, value, ttlMs])) ?? undefined,
    claimed: async (key) => (await round<string | null>(null, (id) => ["claimed", id, key])) ?? undefined,
    give(key) {
      if (!gone) queue(["give", key]);
    },
  };
}
