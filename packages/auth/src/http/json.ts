// The question in JSON, with the field names of the http route source (docs/routing.md): POST { user, protocol, session,
// client, local, tls, login: { kind, mechanism, authcid, authzid, secret } }. The answer is 200 { "result": … } with a word
// of RESULTS, and "user" where the user has another name; or the status alone: 401, 403, 404. "text" and "wait" as there.
// Throws Failure: wrong-credentials, not-authorized, credentials-expired, source-down.

import { isUtf8 } from "node:buffer";
import { Failure, orList, type FailureKind } from "@postern/contracts";
import {
  jsonOf,
  loginFacts,
  refusalOf,
  refusedWith,
  sessionFacts,
  shown,
  textField,
  type HttpAnswer,
  type HttpClient,
} from "@postern/lookup";
import type { Login, Question } from "./index.ts";

const RESULTS = ["ok", "wrong", "unknown", "forbidden", "expired"] as const;
type Result = (typeof RESULTS)[number];

const BY_STATUS = new Map<number, Result>([
  [401, "wrong"],
  [403, "forbidden"],
  [404, "unknown"],
]);

const REFUSALS = {
  wrong: "wrong-credentials",
  forbidden: "not-authorized",
  expired: "credentials-expired",
} as const satisfies Partial<Record<Result, FailureKind>>;

function resultOf(answer: HttpAnswer): Result {
  const byStatus = BY_STATUS.get(answer.status);
  if (byStatus !== undefined) return byStatus;
  if (answer.status !== 200) throw new Failure("source-down", `answered with status ${answer.status}`);
  const { result } = jsonOf(answer);
  const known = RESULTS.find((word) => word === result);
  if (known === undefined) throw new Failure("source-down", `sent ${shown(result)} for result; it is ${orList(RESULTS)}`);
  return known;
}

/** A wrong password is refused in our own words: they are those for an unknown user. */
function refuse(answer: HttpAnswer, result: keyof typeof REFUSALS): never {
  const { said, waitMs } = refusalOf(answer);
  const words = said === undefined || result === "wrong" ? {} : { said };
  throw new Failure(REFUSALS[result], `${result}: ${refusedWith(answer, said)}`, { waitMs, ...words });
}

function readAnswer(answer: HttpAnswer): string | undefined {
  const result = resultOf(answer);
  if (result === "unknown") return undefined;
  if (result !== "ok") return refuse(answer, result);
  const { user } = jsonOf(answer);
  return user === undefined || user === null ? "" : textField("user", user);
}

function bodyOf({ user, credentials, session }: Login): string {
  const { protocol } = session.listener;
  return JSON.stringify({ user, protocol, ...sessionFacts(session), ...loginFacts(credentials) });
}

export function jsonQuestion(client: HttpClient, headers: Readonly<Record<string, string>>): Question {
  const fixed = { Accept: "application/json", "Content-Type": "application/json" };
  return async (login) => {
    // JSON has no word for other bytes: they would be sent as a password that nobody typed.
    if (!isUtf8(login.credentials.secret.reveal())) throw new Failure("wrong-credentials", "the password is not UTF-8");
    const said = await client.ask({ method: "POST", body: bodyOf(login), headers: { ...fixed, ...headers } }, (answer) => ({
      user: readAnswer(answer),
    }));
    return said.user;
  };
}
