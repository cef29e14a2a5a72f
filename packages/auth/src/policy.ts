// What a user may do: act as somebody else, and use a protocol. Throws Failure not-authorized; the reason names the rule
// that is missing, the client is told no more than that. Where nobody has checked the password yet it is wrong-credentials:
// anybody could ask whom the rules name.

import {
  Failure,
  normaliseUser,
  parsePattern,
  patternMatches,
  type Identity,
  type Pattern,
  type Session,
} from "@postern/contracts";
import { quoted } from "./quoted.ts";
import type { AuthSettings } from "./settings.ts";

export interface Policy {
  /** The identity of a user whom a verifier has checked, acting as `authzid` when it is not empty. */
  identity(user: string, authzid: string, session: Session): Identity;
  /** Applies the rights to an identity. */
  allow(identity: Identity, session: Session): Identity;
}

export function createPolicy(
  { actAs, rights }: Pick<AuthSettings, "actAs" | "rights">,
  defaultDomain: string | undefined,
): Policy {
  const compiled = (texts: readonly string[]): Pattern[] =>
    texts.map((text) => parsePattern(normaliseUser(text, defaultDomain) ?? text));
  const acting = actAs.map(({ users, as }) => ({ users: compiled(users), as: compiled(as) }));
  const allowed = rights.map(({ users, protocols }) => ({ users: compiled(users), protocols: new Set(protocols) }));
  const matches = (patterns: readonly Pattern[], user: string): boolean => patterns.some((one) => patternMatches(one, user));

  function normalised(name: string): string {
    const user = normaliseUser(name, defaultDomain);
    if (user === undefined) throw new Failure("wrong-credentials", `no user has the name ${quoted(name)}`);
    return user;
  }

  function allow(identity: Identity, { listener }: Session): Identity {
    const rule = allowed.find(({ users }) => matches(users, identity.user));
    if (rule === undefined || rule.protocols.has(listener.protocol)) return identity;
    const kind = identity.proven ? "not-authorized" : "wrong-credentials";
    throw new Failure(kind, `${quoted(identity.user)} may not use ${listener.protocol}`);
  }

  return {
    allow,
    identity(name, authzid, session) {
      const user = normalised(name);
      const other = authzid === "" ? user : normalised(authzid);
      const mayAct = other === user || acting.some(({ users, as }) => matches(users, user) && matches(as, other));
      if (!mayAct) throw new Failure("not-authorized", `${quoted(user)} may not act as ${quoted(other)}`);
      return allow({ user: other, proven: true }, session);
    },
  };
}
