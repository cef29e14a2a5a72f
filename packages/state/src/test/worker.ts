// A worker for ipc.test.ts: does with its ipcState what the parent tells it, and reports. "burst" takes many places in
// one turn; "afterwards" leaves a take unanswered, waits for the channel to go and prints what the state says then.

import type { Logger } from "@postern/contracts";
import { ipcState } from "../ipc.ts";

type Counted = "take" | "count" | "hit" | "remember" | "recall" | "claimed";

export type Order =
  | { readonly type: "order"; readonly id: number; readonly method: Counted; readonly args: [string, number] }
  | { readonly type: "order"; readonly id: number; readonly method: "claim"; readonly args: [string, string, number] }
  | { readonly type: "order"; readonly id: number; readonly method: "give"; readonly args: [string] }
  | { readonly type: "order"; readonly id: number; readonly method: "burst"; readonly args: [number] }
  | { readonly type: "order"; readonly id: number; readonly method: "afterwards"; readonly args: [] };

const warnings: string[] = [];
const nothing = (): void => {};
const logger: Logger = {
  error: nothing,
  warn: (message) => void warnings.push(message),
  info: nothing,
  debug: nothing,
  isDebug: () => false,
};
const state = ipcState(process, logger);

async function afterwards(pending: Promise<boolean>): Promise<void> {
  const takes = [await pending, await state.take("all", 0), await state.take("all", 0)];
  state.give("all");
  const kept = (await state.remember("seen", 1000)) !== undefined;
  const known = (await state.recall("seen")) !== undefined;
  const claimed = (await state.claim("group", "mbx1", 1000)) !== undefined;
  const told = { takes, count: await state.count("all"), hits: await state.hit("all", 1000), kept, known, claimed, warnings };
  process.stdout.write(JSON.stringify(told));
}

async function run(order: Order): Promise<unknown> {
  if (order.method === "take" || order.method === "hit" || order.method === "remember") return state[order.method](...order.args);
  if (order.method === "claim") return state.claim(...order.args);
  if (order.method === "count" || order.method === "recall" || order.method === "claimed")
    return state[order.method](order.args[0]);
  if (order.method === "give") return state.give(order.args[0]);
  if (order.method === "burst") return Promise.all(Array.from({ length: order.args[0] }, () => state.take("all", 10)));
  process.once("disconnect", () => void afterwards(pending));
  const pending = state.take("pending", 0);
  return undefined;
}

process.on("message", (order: Order) => {
  if (order.type !== "order") return;
  void run(order).then((value) => process.connected && process.send?.({ type: "report", id: order.id, value }));
});
