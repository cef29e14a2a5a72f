// The words between a worker and the primary: one message carries everything that a worker asked in one turn of the event
// loop, in order. Plain arrays and objects, so both serialisations of node:child_process carry them.

/** All but give are answered under their id. */
export type Ask =
  | readonly ["take", id: number, key: string, limit: number]
  | readonly ["count", id: number, key: string]
  | readonly ["hit", id: number, key: string, windowMs: number]
  | readonly ["remember", id: number, key: string, ttlMs: number]
  | readonly ["recall", id: number, key: string]
  | readonly ["claim", id: number, key: string, value: string, ttlMs: number]
  | readonly ["claimed", id: number, key: string]
  | readonly ["give", key: string];

/** null stands for undefined, which JSON has not. */
export type AnswerValue = boolean | number | string | null;
export type Answer = readonly [id: number, value: AnswerValue];

export interface AskMessage {
  readonly type: "postern.state.ask";
  readonly asks: readonly Ask[];
}

export interface AnswerMessage {
  readonly type: "postern.state.answer";
  readonly answers: readonly Answer[];
}

const isType = (message: unknown, type: string): boolean =>
  typeof message === "object" && message !== null && "type" in message && message.type === type;

/** Other parts use the same channel: their messages are passed by. */
export const isAsk = (message: unknown): message is AskMessage => isType(message, "postern.state.ask");
export const isAnswer = (message: unknown): message is AnswerMessage => isType(message, "postern.state.answer");
