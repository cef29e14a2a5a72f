// HTTP: authentication (what a client sends, what it is told, the state of its connection), and the messages of HTTP/1.1: heads,
// framing, chunks. No sockets, no server.

export { parseAnswerHead } from "./answer-head.ts";
export { originForm, parseAuthority, type Authority, type OriginForm } from "./authority.ts";
export { MAX_AUTHORIZATION, parseAuthorization, SCHEMES, type Authorization, type Scheme } from "./authorization.ts";
export { challenges, type BearerError, type ChallengeOptions } from "./challenges.ts";
export {
  CHANNEL_METHODS,
  type Channel,
  type ChannelAnswer,
  type ChannelBody,
  type ChannelServer,
  type ChannelSink,
} from "./channel.ts";
export { chunkHead, ChunkedReader, LAST_CHUNK, lastChunk } from "./chunked.ts";
export {
  ConnectionAuth,
  type AuthHeaders,
  type ConnectionAuthOptions,
  type HttpAuthStep,
  type HttpChallenge,
} from "./connection-auth.ts";
export { allOf, firstOf, hasField, listOf, withoutFields } from "./fields.ts";
export { answerFraming, requestFraming } from "./framing.ts";
export { HeadReader, type EmptyLine } from "./head-reader.ts";
export { answerText, ReadyLines, requestText } from "./head-text.ts";
export { hopByHop, trailerFields } from "./hop-by-hop.ts";
export type { AnswerHead, Fields, Framing, HeadLimits, RequestHead } from "./message.ts";
export { lowerName } from "./names.ts";
export { ownText } from "./own-text.ts";
export { HttpProblem } from "./problem.ts";
export { MAX_METHOD, parseRequestHead } from "./request-head.ts";
export { HTTP_MECHANISMS, offeredSchemes, type HttpMechanismFactory } from "./schemes.ts";
