// Checks a JWT access token (RFC 7519, RFC 9068, RFC 8725): its signature by a key of the provider, issuer, audience, times
// and type. Only algorithms with a private key; nothing that the token itself says of keys is believed. Throws Refusal, and
// Failure verifier-down.

import { cleanText } from "@postern/lookup";
import { decodeJwt, errors, jwtVerify, type JWSHeaderParameters } from "jose";
import { Refusal, type Facts } from "./claims.ts";
import type { ProviderKeys } from "./keys.ts";

export interface JwtRules {
  readonly issuer: string;
  readonly audience: readonly string[];
  readonly algorithms: readonly string[];
  /** Milliseconds. */
  readonly clockSkew: number;
}

const LONGEST_KID = 256;
/** RFC 9068 section 2.1; the plain one, and none, are what older providers write. */
const TYPES = new Set(["jwt", "at+jwt", "application/at+jwt"]);

/** The issuer that the token itself claims, not checked; undefined when it is no JWT. */
export function claimedIssuer(token: string): { readonly issuer: unknown } | undefined {
  try {
    return { issuer: decodeJwt(token).iss };
  } catch {
    return undefined;
  }
}

/** The claims of a good token. `now`: milliseconds of the wall clock. */
export async function checkJwt(token: string, keys: ProviderKeys, rules: JwtRules, now: number): Promise<Facts> {
  const { issuer, audience, algorithms, clockSkew } = rules;
  try {
    const { payload } = await jwtVerify(
      token,
      (header, jws) => {
        checkHeader(header);
        return keys.find(header, jws);
      },
      {
        issuer,
        audience: [...audience],
        algorithms: [...algorithms],
        clockTolerance: clockSkew / 1000,
        currentDate: new Date(now),
        requiredClaims: ["exp"],
      },
    );
    return payload;
  } catch (error) {
    throw refusalOf(error);
  }
}

function checkHeader({ typ, kid }: JWSHeaderParameters): void {
  if (typ !== undefined && (typeof typ !== "string" || !TYPES.has(typ.toLowerCase())))
    throw new Refusal("its header says that it is no access token");
  if (kid !== undefined && (typeof kid !== "string" || kid.length > LONGEST_KID))
    throw new Refusal("its header names a key in no usable way");
}

/** What jose and WebCrypto say of a token or a key that is no good. Errors that are not about them pass. */
function refusalOf(error: unknown): unknown {
  const kinds = [errors.JOSEError, TypeError, DOMException];
  return error instanceof Error && kinds.some((kind) => error instanceof kind) ? new Refusal(cleanText(error.message)) : error;
}
