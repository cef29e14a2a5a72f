// An answer in nginx's mail `auth_http` dialect, judged as ngx_mail_auth_http_module.c judges it: by its headers alone, the
// last of a name counts, and any Auth-Status but OK and WAIT is a refusal in the words of the server. The status line does
// not count, but for one thing that nginx lacks: a 5xx without Auth-Status is a server that is down.
// Throws Failure: wrong-credentials (with the server's words and wait), source-down.

import { Failure, Secret } from "@postern/contracts";
import type { BackendReply, FailureDetail, RouteAnswer, RouteQuery } from "@postern/contracts";
import { MAX_WAIT_S, addressCandidate, checkedLogin, cleanText, shown } from "./answer.ts";
import type { AddressPolicy } from "./answer.ts";
import type { HttpAnswer } from "./http-client.ts";
import { authMethod, authProtocol } from "./nginx-request.ts";

/** Auth-Status: WAIT: ask again after this many milliseconds. */
export interface AskAgain {
  readonly againMs: number;
}

interface Fields {
  readonly of: (name: string) => string | undefined;
  /** The refusal, if any Auth-Status is one. */
  readonly refusal: string | undefined;
  readonly wait: boolean;
}

// A value ends where nginx ends it: spaces around it do not count.
const spaces = /^ +| +$/g;

function fieldsOf({ headers }: HttpAnswer): Fields {
  const last = new Map(headers.map(([name, value]) => [name, value.replace(spaces, "")]));
  const statuses = headers.filter(([name]) => name === "auth-status").map(([, value]) => value.replace(spaces, ""));
  return {
    of: (name) => last.get(name),
    refusal: statuses.findLast((status) => status !== "OK" && status !== "WAIT"),
    wait: statuses.includes("WAIT"),
  };
}

function waitSeconds(fields: Fields): number {
  const text = fields.of("auth-wait") ?? "";
  return /^\d+$/.test(text) ? Math.min(Number(text), MAX_WAIT_S) : 0;
}

const ERROR_CODE = /^[45]\d\d(?: [45]\.\d{1,3}\.\d{1,3})?$/;

/** The server's words. Auth-Error-Code counts for SMTP only, as in nginx; elsewhere a leading "[CODE]" is a response code. */
function replyOf(fields: Fields, protocol: string): BackendReply | undefined {
  const text = cleanText(fields.refusal ?? "");
  if (text === "") return undefined;
  if (authProtocol(protocol) === "smtp") {
    const code = fields.of("auth-error-code") ?? "";
    return ERROR_CODE.test(code) ? { code, text } : { text };
  }
  const [, code, words] = /^\[([A-Z][A-Z0-9/-]*)\] +(.+)$/.exec(text) ?? [];
  return code === undefined || words === undefined ? { text } : { code, text: words };
}

/** Auth-Error-SASL: the last challenge before a no to a token (RFC 7628 section 3.2.3). */
function challengeOf(fields: Fields, query: RouteQuery): Buffer | undefined {
  const text = fields.of("auth-error-sasl") ?? "";
  if (query.credentials?.kind !== "token" || !/^[A-Za-z0-9+/]{1,2048}={0,2}$/.test(text)) return undefined;
  return Buffer.from(text, "base64");
}

function refusal(fields: Fields, query: RouteQuery): Failure {
  const said = replyOf(fields, query.protocol);
  const challenge = challengeOf(fields, query);
  const detail: FailureDetail = {
    waitMs: waitSeconds(fields) * 1000,
    ...(said !== undefined && { said }),
    ...(challenge !== undefined && { challenge }),
  };
  const temporary = said?.code?.startsWith("4") === true && authProtocol(query.protocol) === "smtp";
  return new Failure(temporary ? "source-down" : "wrong-credentials", `Auth-Status: ${shown(said?.text ?? "")}`, detail);
}

/** Whom to log in as, where the server says so. Bytes are kept as they came. */
function loginOf(fields: Fields, query: RouteQuery): RouteAnswer["login"] {
  const user = fields.of("auth-user");
  const pass = fields.of("auth-pass");
  if (pass === undefined && ["cram-md5", "apop", "external"].includes(authMethod(query.credentials))) {
    throw new Failure("source-down", "did not send Auth-Pass, which this mechanism needs");
  }
  if (user === undefined && pass === undefined) return undefined;
  return {
    ...(user !== undefined && { user: Buffer.from(checkedLogin("Auth-User", user), "latin1").toString("utf8") }),
    ...(pass !== undefined && {
      secret: new Secret(Buffer.from(checkedLogin("Auth-Pass", pass, { mayBeEmpty: true }), "latin1")),
    }),
  };
}

/** What the server decided. */
export function readNginxAnswer(answer: HttpAnswer, query: RouteQuery, policy: AddressPolicy): RouteAnswer | AskAgain {
  const fields = fieldsOf(answer);
  if (fields.refusal !== undefined) throw refusal(fields, query);
  if (fields.wait) return { againMs: waitSeconds(fields) * 1000 };
  if (answer.status >= 500 && fields.of("auth-status") === undefined) {
    throw new Failure("source-down", `answered with status ${answer.status}`);
  }
  const server = fields.of("auth-server") ?? "";
  const port = fields.of("auth-port") ?? "";
  if (server === "" || port === "") {
    throw new Failure("source-down", `did not send Auth-Server or Auth-Port (status ${answer.status})`);
  }
  const candidate = addressCandidate(server, port, policy);
  const login = loginOf(fields, query);
  const why = `Auth-Server ${server}, Auth-Port ${port}`;
  return { candidates: [candidate], why, ...(login !== undefined && { login }) };
}
