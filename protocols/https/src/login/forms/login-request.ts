// What somebody has typed into the login page. Names and passwords that could not be sent on as they are (RFC 7617: no control
// characters, no colon in a name) are nobody's. Never throws.

import { Secret, type PasswordCredentials } from "@postern/contracts";
import { safeTarget } from "./browser.ts";
import { LONGEST_PASSWORD, LONGEST_USER } from "./session.ts";

export interface LoginRequest {
  readonly user: string;
  /** undefined: something was not typed. */
  readonly credentials: PasswordCredentials | undefined;
  /** Nobody can have such a name or password. */
  readonly isImpossible: boolean;
  readonly isPrivate: boolean;
  readonly to: string;
}

// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u001f\u007f]/;

export function loginRequest(form: URLSearchParams): LoginRequest {
  const user = (form.get("user") ?? "").trim();
  const password = form.get("password") ?? "";
  const isTyped = user !== "" && password !== "";
  const isTooLong = Buffer.byteLength(user) > LONGEST_USER || Buffer.byteLength(password) > LONGEST_PASSWORD;
  return {
    user: isTooLong ? "" : user,
    credentials: isTyped
      ? { kind: "password", mechanism: "FORM", authcid: user, authzid: "", secret: new Secret(password) }
      : undefined,
    isImpossible: isTooLong || user.includes(":") || CONTROLS.test(user) || CONTROLS.test(password),
    isPrivate: form.get("computer") === "private",
    to: safeTarget(form.get("to") ?? undefined),
  };
}
