// How a session can end: who ended it, and the sentence for people. One row is one metric label and one value of
// `ending` in the session's log line. A session that ends with a failure carries the failure's kind beside it.

export interface EndingRow {
  readonly by: "client" | "backend" | "gateway";
  readonly sentence: string;
}

export const ENDINGS = {
  logout: { by: "client", sentence: "The client said goodbye" },
  "client-closed": { by: "client", sentence: "The client closed the connection" },
  "client-error": { by: "client", sentence: "The connection to the client broke" },
  "backend-closed": { by: "backend", sentence: "The backend closed the connection" },
  "backend-error": { by: "backend", sentence: "The connection to the backend broke" },
  idle: { by: "gateway", sentence: "Nothing moved for longer than the idle limit" },
  kicked: { by: "gateway", sentence: "An administrator ended the session" },
  drained: { by: "gateway", sentence: "The gateway is stopping" },
  refused: { by: "gateway", sentence: "The session failed; the failure says why" },
} as const satisfies Record<string, EndingRow>;

export type Ending = keyof typeof ENDINGS;
