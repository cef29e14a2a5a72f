// The web side: HTTPS to clients, HTTP/1.1 to backends.

export { httpPart, httpsPart } from "./part.ts";
export type { Endpoint, HttpsParts } from "./parts.ts";
export type { HttpsSettings } from "./settings.ts";
