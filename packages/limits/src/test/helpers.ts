// What the tests of this package share: settings with their defaults, credentials.

import { Failure, Secret, type Credentials } from "@postern/contracts";
import { testPassword } from "@postern/testing";
import { limitSettings, type LimitSettings } from "../settings.ts";

const { login, connections } = limitSettings.fields;

export const LOGIN: LimitSettings["login"] = {
  timeout: login.fields.timeout.default ?? 0,
  maxErrors: login.fields.maxErrors.default ?? 0,
  maxLine: login.fields.maxLine.default ?? 0,
  maxLiteral: login.fields.maxLiteral.default ?? 0,
  maxUnread: login.fields.maxUnread.default ?? 0,
  failureDelay: 3000,
  maxDelay: 15_000,
  forget: 60_000,
  refuseAfter: 6,
  knownGood: 3_600_000,
  exempt: [],
};

export const CONNECTIONS: LimitSettings["connections"] = {
  total: connections.fields.total.default ?? 0,
  perAddress: connections.fields.perAddress.default ?? 0,
  perUser: connections.fields.perUser.default ?? 0,
  exempt: [],
};

export const DEFAULTS: LimitSettings = { connections: CONNECTIONS, login: LOGIN };

/** A proof without a secret (SCRAM, NTLM, Kerberos) that was refused. */
export function refusedProof(): Credentials {
  const failure = new Failure("wrong-credentials", "The proof does not fit");
  return { kind: "rejected", mechanism: "SCRAM-SHA-256", authcid: "alice", authzid: "", secret: new Secret(""), failure };
}

export const password = (secret: string): Credentials => testPassword("alice", secret);
