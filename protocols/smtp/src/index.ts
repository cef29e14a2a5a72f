// SMTP as the gateway speaks it: submission (people and applications that send mail), and the inbound role (mail that comes in).

export { createInbound, inboundPart } from "./inbound/inbound.ts";
export { submission } from "./submission/submission.ts";
