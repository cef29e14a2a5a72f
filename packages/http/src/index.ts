// HTTP authentication: what a client sends, what it is told, and the state of its connection. No sockets, no server.

export { MAX_AUTHORIZATION, parseAuthorization, SCHEMES, type Authorization, type Scheme } from "./authorization.ts";
export { challenges, type BearerError, type ChallengeOptions } from "./challenges.ts";
export {
  ConnectionAuth,
  type AuthHeaders,
  type ConnectionAuthOptions,
  type HttpAuthStep,
  type HttpChallenge,
} from "./connection-auth.ts";
export type { AnswerHead, Fields, Framing, HeadLimits, RequestHead } from "./message.ts";
export { HttpProblem } from "./problem.ts";
export { HTTP_MECHANISMS, offeredSchemes, type HttpMechanismFactory } from "./schemes.ts";
