// SMTP as the gateway speaks it: submission (people and applications that send mail), and the inbound role (mail that comes in).

export { buildInbound, type InboundServices } from "./inbound/build.ts";
export { inboundPart } from "./inbound/inbound.ts";
export type { InboundSettings } from "./inbound/parts.ts";
export { submission } from "./submission/submission.ts";
