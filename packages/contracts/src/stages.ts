// The stages of a session, in the order of core/src/path.ts. A stage name is set before each step, so every log line,
// time-out and metric can say where it happened. Docs and metric labels are generated from this table.

export const STAGES = {
  accept: "accepting the connection",
  "proxy-header": "reading the PROXY header",
  tls: "TLS handshake",
  converse: "talking to the client before login",
  authenticate: "checking who is there",
  limits: "checking limits",
  route: "finding the user's backend",
  dial: "dialling the backend",
  login: "logging in at the backend",
  relay: "relaying",
  serve: "answering the client, request by request",
  end: "ending",
} as const;

export type Stage = keyof typeof STAGES;
