// An answer in nginx's mail `auth_http` dialect, judged as ngx_mail_auth_http_module.c judges it: by its headers alone, the
// last of a name counts, and any Auth-Status but OK and WAIT is a refusal in the words of the server. The status line does
// not count, but for one thing that nginx lacks: a 5xx without Auth-Status is a server that is down.
// Throws Failure: wrong-credentials (with the server's words and wait), source-down.

import { Failure, Secret } from "@postern/contracts";
import type { BackendReply, FailureDetail, RouteQuery } from "@postern/contracts";
import { MAX_WAIT_S, checkedLogin, cleanText, shown } from "./foreign-text.ts";
import type { HttpAnswer } from "./http-client.ts";
import { authProtocol } from "./nginx-request.ts";

/** Auth-Status: WAIT: ask again after this many milliseconds. */
export interface AskAgain {
  readonly againMs: number;
}

/** No refusal: an OK, or no Auth-Status at all, which nginx takes for one. */
export interface NginxYes {
  /** Of the status line. */
  readonly status: number;
  /** A header's last value, by its name in lower case. */
  readonly of: (name: string) => string | undefined;
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

/** Auth-User: whom the server says it is. Bytes are kept as they came. */
export function nginxUser({ of }: NginxYes): string | undefined {
  const user = of("auth-user");
  return user === undefined ? undefined : Buffer.from(checkedLogin("Auth-User", user), "latin1").toString("utf8");
}

/** Auth-Pass: the secret for the backend; may be empty. Bytes are kept as they came. */
export function nginxSecret({ of }: NginxYes): Secret | undefined {
  const pass = of("auth-pass");
  return pass === undefined
    ? undefined
    : new Secret(Buffer.from(checkedLogin("Auth-Pass", pass, { mayBeEmpty: true }), "latin1"));
}

/** What the server decided: yes, or ask again. */
export function readNginxAnswer(answer: HttpAnswer, query: RouteQuery): NginxYes | AskAgain {
  const fields = fieldsOf(answer);
  if (fields.refusal !== undefined) throw refusal(fields, query);
  if (fields.wait) return { againMs: waitSeconds(fields) * 1000 };
  if (answer.status >= 500 && fields.of("auth-status") === undefined) {
    throw new Failure("source-down", `answered with status ${answer.status}`);
  }
  return { status: answer.status, of: fields.of };
}
