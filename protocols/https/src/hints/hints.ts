// Who is asked for: the hints of a request, in the order of its service. A hint is what a
// client says; it decides where a request goes, and never who may read what: that is for the login, here or at the backend.
//
// Where the login is checked at the edge, the name that was found good takes the place of names that were only claimed. The
// sealed cookie is older than the request: it counts beside a hint that names the same mailbox, or where there is no hint at
// all. So a browser where alice logged out, and bob in, goes to bob's backend. A cookie that names only a backend (nobody had
// logged in) goes first: whoever comes, it says among that user's backends which one has the session.
// Never throws.

import { normaliseUser } from "@postern/contracts";
import type { HttpRequest } from "../exchange.ts";
import type { Admission, Hint, HintName, Service } from "../parts.ts";
import { activeSyncUser } from "./activesync.ts";
import type { Affinity } from "./affinity-cookie.ts";
import { basicUser, bearerUser } from "./authorization.ts";
import { autodiscoverMailbox } from "./autodiscover.ts";
import { anchorMailbox, explicitLogon, mailboxId, rpcServer } from "./exchange.ts";
import { ntlmUser } from "./ntlm-user.ts";

export interface Hints {
  /** `body`: all of it, for services that name the user in it. */
  of(
    request: HttpRequest,
    service: Service,
    admission: Pick<Admission, "identity"> | undefined,
    body: Buffer | undefined,
  ): readonly Hint[];
}

export interface HintParts {
  readonly affinity: Affinity;
  /** So that alice and alice@example.com are one. */
  readonly defaultDomain: string | undefined;
}

type Finder = (request: HttpRequest, body: Buffer | undefined) => string | undefined;

const FINDERS: Readonly<Record<Exclude<HintName, "cookie">, Finder>> = {
  "anchor-mailbox": anchorMailbox,
  "mailbox-id": mailboxId,
  "rpc-server": rpcServer,
  "explicit-logon": explicitLogon,
  "activesync-user": activeSyncUser,
  "autodiscover-body": autodiscoverMailbox,
  basic: basicUser,
  bearer: bearerUser,
  ntlm: ntlmUser,
};

/** What a checked login takes the place of. */
const CLAIMED: ReadonlySet<HintName> = new Set(["basic", "bearer", "ntlm"]);

export function createHints({ affinity, defaultDomain }: HintParts): Hints {
  return {
    of(request, service, admission, body) {
      const seal = service.hasAffinity && service.hints.includes("cookie") ? affinity.open(request, service) : undefined;
      const hints = plainHints(request, service, admission, body);
      if (seal === undefined) return hints;
      const { mailbox: sealed, backend } = seal;
      if (sealed === undefined || hints.length === 0) return [{ from: "cookie", ...seal }, ...hints];
      return hints.map((hint) => (normaliseUser(hint.mailbox, defaultDomain) === sealed ? { ...hint, backend } : hint));
    },
  };
}

function plainHints(
  request: HttpRequest,
  { hints }: Service,
  admission: Pick<Admission, "identity"> | undefined,
  body: Buffer | undefined,
): (Hint & { readonly mailbox: string })[] {
  const found: (Hint & { readonly mailbox: string })[] = [];
  const user = admission?.identity?.user;
  let isToldWho = user === undefined;
  for (const from of hints) {
    if (from === "cookie") continue;
    if (user !== undefined && CLAIMED.has(from)) {
      if (!isToldWho) found.push({ from: "login", mailbox: user });
      isToldWho = true;
      continue;
    }
    const mailbox = FINDERS[from](request, body);
    if (mailbox !== undefined) found.push({ from, mailbox });
  }
  if (user !== undefined && !isToldWho) found.push({ from: "login", mailbox: user });
  return found;
}
