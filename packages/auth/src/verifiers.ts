// The kinds of verifiers: the ONLY file here that names them all. A new kind is a folder and two lines.

import { setting, type Clock, type Logger, type ValueOf, type Verifier } from "@postern/contracts";
import { certificateSettings, createCertificateVerifier } from "./certificate/index.ts";
import { createHttpVerifier } from "./http/index.ts";
import { httpSettings } from "./http/settings.ts";
import { createKerberosVerifier, kerberosSettings } from "./kerberos/verifier.ts";
import { ntlmSettings } from "./ntlm/settings.ts";
import { createNtlmVerifier } from "./ntlm/verifier.ts";
import { createLdapVerifier } from "./ldap/index.ts";
import { ldapSettings } from "./ldap/settings.ts";
import { createOauthVerifier } from "./oauth/index.ts";
import { oauthSettings } from "./oauth/settings.ts";
import { createFileVerifier, fileSettings } from "./file/index.ts";

/** What a verifier gets of the house. */
export interface VerifierContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly defaultDomain: string | undefined;
  /** What counts as one client where they take turns; without it the address. */
  readonly clientKey?: (host: string) => string;
}

const backendSettings = setting.group("The backend decides about whom no verifier before it knows; it must be the last one.", {});

export const verifierSettings = setting.tagged("One verifier", "verifier", {
  file: fileSettings,
  http: httpSettings,
  kerberos: kerberosSettings,
  ldap: ldapSettings,
  ntlm: ntlmSettings,
  oauth: oauthSettings,
  certificate: certificateSettings,
  backend: backendSettings,
});

export type VerifierValue = ValueOf<typeof verifierSettings>;

/** By kind; `backend` is no verifier, but the end of the list. Throws an Error that says "KEY: sentence" for bad settings. */
const BUILDERS: {
  readonly [K in VerifierValue["verifier"]]: (
    settings: Extract<VerifierValue, { readonly verifier: K }>,
    context: VerifierContext,
  ) => Verifier | undefined;
} = {
  file: createFileVerifier,
  oauth: createOauthVerifier,
  http: createHttpVerifier,
  kerberos: createKerberosVerifier,
  ldap: createLdapVerifier,
  ntlm: createNtlmVerifier,
  certificate: createCertificateVerifier,
  backend: () => undefined,
};

/** One verifier of the list; undefined for `backend`. */
export function buildVerifier(value: VerifierValue, context: VerifierContext): Verifier | undefined {
  return (BUILDERS[value.verifier] as (settings: VerifierValue, context: VerifierContext) => Verifier | undefined)(
    value,
    context,
  );
}
