// Who says yes: verifiers and the policy; and how the gateway logs in at the backend afterwards.

export { authenticatorOf, createAuthenticator } from "./authenticator.ts";
export { LONGEST_PASSWORD, newHash, type NewHash } from "./file/schemes.ts";
export { createBackendLogin, type LoginContext } from "./login/index.ts";
export { ntHash } from "./ntlm/check.ts";
export { authSettings, type AuthSettings } from "./settings.ts";
export type { VerifierContext } from "./verifiers.ts";
