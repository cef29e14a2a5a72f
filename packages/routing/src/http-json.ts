// A route source that asks an HTTP server in JSON: who, over what, from where; the answer names backends or an address.
// docs/routing.md has the dialect. Never sends the password unless the setting says so; then nothing is remembered.
// Throws Failure: wrong-credentials (401, only when the password was sent), route-refused (403), source-down (all else).

import { Failure, LEG_TLS, Secret, orList, plainHost } from "@postern/contracts";
import type { BackendReply, CandidateName, RouteQuery, RouteSource } from "@postern/contracts";
import { MAX_WAIT_S, addressCandidate, checkedLogin, cleanText, shown } from "./answer.ts";
import type { AddressPolicy, TimedAnswer } from "./answer.ts";
import type { HttpAnswer, HttpClient, HttpRequest } from "./http-client.ts";

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

type Facts = Record<string, unknown>;

function factsOf({ user, protocol, session }: RouteQuery, hostname: string): Facts {
  const facts: Facts = { user, protocol, gateway: hostname };
  if (session === undefined) return facts;
  const { id, client, local, tls } = session;
  return {
    ...facts,
    session: id,
    client: { host: plainHost(client.host), port: client.port },
    local: { host: plainHost(local.host), port: local.port },
    tls: tls === undefined ? null : { version: tls.version, cipher: tls.cipher, serverName: tls.serverName ?? null },
  };
}

function loginFacts({ credentials }: RouteQuery): Facts {
  if (credentials === undefined) return {};
  const { kind, mechanism, authcid, authzid, secret } = credentials;
  const salt = credentials.kind === "digest" ? { salt: credentials.salt } : {};
  return { login: { kind, mechanism, authcid, authzid, secret: secret.reveal().toString("utf8"), ...salt } };
}

function getRequest({ user, protocol, session }: RouteQuery, { headers, hostname }: JsonSourceOptions): HttpRequest {
  const query = new URLSearchParams({ user, protocol, gateway: hostname });
  if (session !== undefined) {
    query.set("client", plainHost(session.client.host));
    query.set("tls", session.tls?.version ?? "");
  }
  return { method: "GET", query: query.toString(), headers: { Accept: "application/json", ...headers } };
}

function postRequest(query: RouteQuery, { headers, hostname, sendPassword }: JsonSourceOptions): HttpRequest {
  const facts = { ...factsOf(query, hostname), ...(sendPassword && loginFacts(query)) };
  const fixed = { Accept: "application/json", "Content-Type": "application/json" };
  return { method: "POST", body: JSON.stringify(facts), headers: { ...fixed, ...headers } };
}

const isRecord = (value: unknown): value is Facts => typeof value === "object" && value !== null && !Array.isArray(value);

function jsonOf({ body }: HttpAnswer): Facts {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    if (isRecord(value)) return value;
  } catch {
    throw new Failure("source-down", "sent something that is not JSON");
  }
  throw new Failure("source-down", "sent JSON that is not an object");
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

function textField(what: string, value: unknown): string {
  if (typeof value !== "string") throw new Failure("source-down", `sent a ${what} that is not text`);
  return checkedLogin(what, value);
}

function ttlOf({ ttl }: Facts): { ttlMs?: number } {
  if (ttl === undefined) return {};
  if (typeof ttl !== "number" || !(ttl >= 0))
    throw new Failure("source-down", `sent ${shown(ttl)} for ttl, which is no number of seconds`);
  return { ttlMs: Math.min(ttl, 86_400) * 1000 };
}

/** A password for the backend is taken only when somebody has checked the client's: otherwise any password would do. */
function mayGivePassword({ credentials, session }: RouteQuery, sendPassword: boolean): boolean {
  return sendPassword || credentials === undefined || session?.identity?.proven === true;
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

/** The server's words: "text" and "wait" of a JSON object, or a plain text body. Anything else has none. */
function refusalOf(answer: HttpAnswer): { said?: BackendReply; waitMs: number } {
  const type = answer.headers.findLast(([name]) => name === "content-type")?.[1] ?? "";
  const facts = /^application\/json\b/i.test(type) ? jsonOf(answer) : {};
  const words = /^text\/plain\b/i.test(type) ? answer.body.toString("utf8") : facts.text;
  const text = typeof words === "string" ? cleanText(words) : "";
  const wait = typeof facts.wait === "number" && facts.wait > 0 ? Math.min(facts.wait, MAX_WAIT_S) : 0;
  return { waitMs: wait * 1000, ...(text !== "" && { said: { text } }) };
}

function readAnswer(answer: HttpAnswer, query: RouteQuery, options: JsonSourceOptions): TimedAnswer | undefined {
  const { sendPassword, addresses } = options;
  const withPassword = sendPassword && query.credentials !== undefined;
  if (answer.status === 200) return answerOf(answer, mayGivePassword(query, sendPassword), addresses);
  if (answer.status === 404) return undefined;
  if (answer.status === 403 || (answer.status === 401 && withPassword)) {
    const detail = refusalOf(answer);
    const kind = answer.status === 403 ? "route-refused" : "wrong-credentials";
    throw new Failure(kind, `refused with status ${answer.status}: ${shown(detail.said?.text ?? "")}`, detail);
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
