// Which credentials a server can be asked about. Throws nothing.

import type { Credentials } from "@postern/contracts";

/** Credentials whose secret a server can check. The others carry none: somebody else has checked them, or will. */
export type Checkable = Extract<Credentials, { readonly kind: "password" | "token" | "digest" }>;

const CHECKABLE: readonly Credentials["kind"][] = ["password", "token", "digest"] satisfies readonly Checkable["kind"][];

/** Whether a server can check them. */
export function isCheckable(credentials: Credentials): credentials is Checkable {
  return CHECKABLE.includes(credentials.kind);
}
