// The web side: HTTPS to clients, HTTP/1.1 to backends. A request's path is in serve.ts.

export { statusOf } from "./answers/refusals.ts";
export { buildHttps, type BuiltHttps } from "./build.ts";
export { httpPart, httpsPart } from "./part.ts";
export type { Endpoint, HttpsParts } from "./parts.ts";
export { httpsContradictions } from "./services/contradictions.ts";
export { SERVICES } from "./services/table.ts";
export type { HttpsSettings } from "./settings.ts";
