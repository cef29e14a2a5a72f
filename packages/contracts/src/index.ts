// The words of the house: interfaces and tables, almost no behaviour. Imports only node:.

export * from "./address.ts";
export * from "./authenticator.ts";
export * from "./backend-login.ts";
export * from "./clock.ts";
export * from "./credentials.ts";
export * from "./dialogue.ts";
export * from "./endings.ts";
export * from "./failures.ts";
export * from "./health.ts";
export * from "./identity.ts";
export * from "./limits.ts";
export * from "./logger.ts";
export * from "./mechanism.ts";
export * from "./networks.ts";
export * from "./proofs.ts";
export * from "./protocol.ts";
export * from "./route.ts";
export * from "./secret.ts";
export * from "./session.ts";
export * as setting from "./settings.ts";
export { andList, durationText, orList, sizeText } from "./settings.ts";
export type { Contradiction, Fields, Parsed, Setting, ValueOf } from "./settings.ts";
export * from "./stages.ts";
export * from "./state.ts";
export * from "./user-pattern.ts";
