// The words between a worker and the primary: one message carries everything that a worker asked in one turn of the event
// loop, in order. Plain arrays and objects, so both serialisations of node:child_process carry them.

/** take and count are answered under their id; give is not answered. */
export type Ask =
  | readonly ["take", id: number, key: string, limit: number]
  | readonly ["count", id: number, key: string]
  | readonly ["give", key: string];

export type Answer = readonly [id: number, value: boolean | number];

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
