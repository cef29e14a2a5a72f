// TLS passed through: each client goes, by the host name in its first message, to a backend that has the certificate.

export { buildPassthrough, type PassthroughParts } from "./build.ts";
export { passthroughContradictions } from "./contradictions.ts";
export { passthroughPart } from "./part.ts";
export type { PassthroughSettings } from "./settings.ts";
