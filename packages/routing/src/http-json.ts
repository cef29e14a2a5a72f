// A route source that asks an HTTP server in JSON: who, over what, from where; the answer names backends or an address.
// docs/routing.md has the dialect. Never sends the password unless the setting says so; then nothing is remembered.
// Throws Failure: wrong-credentials (401, only when the password was sent), route-refused (403), source-down (all else).

import { Failure, LEG_TLS, Secret, orList, plainHost } from "@postern/contracts";
import type { CandidateName, RouteQuery, RouteSource } from "@postern/contracts";
import { isCheckable, jsonOf, loginFacts, refusalOf, refusedWith, sessionFacts, shown, textField } from "@postern/lookup";
import type { Checkable, Facts, HttpAnswer, HttpClient, HttpRequest } from "@postern/lookup";
import { addressCandidate } from "./answer.ts";
import type { AddressPolicy, TimedAnswer } from "./answer.ts";

export interface JsonSourceOptions {
  readonly name: string;
  readonly client: HttpClient;
  readonly method: "GET" | "POST";
  /** The admin's own headers: sent as they are. */
  readonly headers: Readonly<Record<string, string>>;
  /** POST only. */
  readonly sendPassword: boolean;
  /** How addresses are reached that belong to no configured backend, when the answer does not say it. */
  readonly addresses: AddressPolicy;
  /** This gateway's name, as the server sees it. */
  readonly hostname: string;
}

function getRequest({ user, protocol, session }: RouteQuery, { headers, hostname }: JsonSourceOptions): HttpRequest {
  const query = new URLSearchParams({ user, protocol, gateway: hostname });
  if (session !== undefined) {
    query.set("client", plainHost(session.client.host));
    query.set("tls", session.tls?.version ?? "");
  }
  return { method: "GET", query: query.toString(), headers: { Accept: "application/json", ...headers } };
}

/** What the server is to check: only what it can. */
function toCheck({ credentials }: RouteQuery, sendPassword: boolean): Checkable | undefined {
  return sendPassword && credentials !== undefined && isCheckable(credentials) ? credentials : undefined;
}

function postRequest(query: RouteQuery, { headers, hostname, sendPassword }: JsonSourceOptions): HttpRequest {
  const { user, protocol, session } = query;
  const login = toCheck(query, sendPassword);
  const known = { user, protocol, gateway: hostname, ...sessionFacts(session) };
  const facts = { ...known, ...(login !== undefined && loginFacts(login)) };
  const fixed = { Accept: "application/json", "Content-Type": "application/json" };
  return { method: "POST", body: JSON.stringify(facts), headers: { ...fixed, ...headers } };
}

function addressOf({ port, tls }: Facts, host: string, policy: AddressPolicy): CandidateName {
  const wanted = tls === undefined ? policy.tls : LEG_TLS.find((word) => word === tls);
  if (wanted === undefined) throw new Failure("source-down", `sent ${shown(tls)} for tls; it is ${orList(LEG_TLS)}`);
  return addressCandidate(host, typeof port === "number" ? port : 0, { ...policy, tls: wanted });
}

function candidatesOf(facts: Facts, policy: AddressPolicy): readonly CandidateName[] {
  const { backends, backend, host } = facts;
  const names: unknown = backends ?? (backend === undefined ? undefined : [backend]);
  if (names === undefined && typeof host === "string") return [addressOf(facts, host, policy)];
  if (host !== undefined) throw new Failure("source-down", "sent both backends and a host");
  if (!Array.isArray(names) || names.length === 0 || names.length > 100) {
    throw new Failure("source-down", `sent ${shown(names)} for backends, which is no list of names`);
  }
  return names.map((name: unknown) => {
    if (typeof name === "string" && /^[\x21-\x7e]{1,255}$/.test(name)) return { backend: name };
    throw new Failure("source-down", `sent ${shown(name)}, which is no backend's name`);
  });
}

function ttlOf({ ttl }: Facts): { ttlMs?: number } {
  if (ttl === undefined) return {};
  if (typeof ttl !== "number" || !(ttl >= 0))
    throw new Failure("source-down", `sent ${shown(ttl)} for ttl, which is no number of seconds`);
  return { ttlMs: Math.min(ttl, 86_400) * 1000 };
}

/** A password for the backend is taken only when somebody has checked the client's: otherwise any password would do. */
function mayGivePassword(query: RouteQuery, sendPassword: boolean): boolean {
  const { credentials, session } = query;
  return credentials === undefined || session?.identity?.proven === true || toCheck(query, sendPassword) !== undefined;
}

function answerOf(answer: HttpAnswer, givesPassword: boolean, policy: AddressPolicy): TimedAnswer {
  const facts = jsonOf(answer);
  if (facts.password !== undefined && !givesPassword) {
    throw new Failure("source-down", "sent a password though nobody has checked the client's; set sendPassword: true");
  }
  const candidates = candidatesOf(facts, policy);
  const user = facts.user === undefined ? {} : { user: textField("user", facts.user) };
  const secret = facts.password === undefined ? {} : { secret: new Secret(textField("password", facts.password)) };
  const login = { ...user, ...secret };
  const names = candidates.map((c) => ("backend" in c ? c.backend : `${c.host} port ${c.port}`)).join(", ");
  return { candidates, why: `answered ${names}`, ...ttlOf(facts), ...(Object.keys(login).length > 0 && { login }) };
}

function readAnswer(answer: HttpAnswer, query: RouteQuery, options: JsonSourceOptions): TimedAnswer | undefined {
  const { sendPassword, addresses } = options;
  const withPassword = toCheck(query, sendPassword) !== undefined;
  if (answer.status === 200) return answerOf(answer, mayGivePassword(query, sendPassword), addresses);
  if (answer.status === 404) return undefined;
  if (answer.status === 403 || (answer.status === 401 && withPassword)) {
    const detail = refusalOf(answer);
    const kind = answer.status === 403 ? "route-refused" : "wrong-credentials";
    throw new Failure(kind, refusedWith(answer, detail.said), detail);
  }
  throw new Failure("source-down", `answered with status ${answer.status}`);
}

/** The source; `close` closes the client's connections. Throws Error when the password would have to travel in a URL. */
export function jsonSource(options: JsonSourceOptions): RouteSource {
  const { name, client, method, sendPassword } = options;
  if (sendPassword && method === "GET") throw new Error("sendPassword: needs method POST, a URL is no place for a password");
  const find = (query: RouteQuery): Promise<TimedAnswer | undefined> => {
    const request = method === "GET" ? getRequest(query, options) : postRequest(query, options);
    return client.ask(request, (answer) => readAnswer(answer, query, options));
  };
  return { name, cacheable: !sendPassword, find, close: () => client.close() };
}
