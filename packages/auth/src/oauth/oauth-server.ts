// One endpoint of an OAuth or OpenID server: JSON by GET, or a form by POST with the gateway's own name and secret (RFC 6749
// section 2.3.1). No redirects, bounded answers, a deadline. Tokens and secrets never travel in clear over a network and
// never reach an error. Throws, when it is made, Error "KEY: sentence"; later Failure verifier-down when there is no
// answer, or none that makes sense.

import { readFileSync } from "node:fs";
import { Failure, isLoopback, type Clock } from "@postern/contracts";
import { HttpClient, jsonOf, parseEndpoint, type Facts, type HttpAnswer, type HttpRequest } from "@postern/lookup";
import type { SecretFile } from "../login/secret-file.ts";

export interface OauthServerOptions {
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca: string | undefined;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** Who the gateway is at the server. */
export interface OauthClient {
  readonly id: string;
  readonly secret: SecretFile;
}

export interface FormAnswer {
  /** 200 to 499, without 429. */
  readonly status: number;
  /** Empty when a refusal is not JSON. */
  readonly facts: Facts;
}

const CONNECTIONS = 16;
const TOO_MANY = 429;

export class OauthServer {
  readonly #client: HttpClient;

  /** `key`: the setting that names the URL, for errors. */
  constructor(key: string, url: string, { ca, timeoutMs, clock }: OauthServerOptions) {
    const endpoint = parseEndpoint(url);
    if ("problem" in endpoint) throw new Error(`${key}: ${endpoint.problem}`);
    const { secure, host, label } = endpoint.value;
    if (!secure && host !== "" && !isLoopback(host))
      throw new Error(`${key}: ${label} would be asked in clear, and anybody on the way could answer; use https://`);
    this.#client = new HttpClient({
      endpoints: [endpoint.value],
      timeoutMs,
      setAsideMs: 0,
      connections: CONNECTIONS,
      keepAlive: true,
      ca,
      verify: true,
      ignoreBody: false,
      clock,
    });
  }

  /** The JSON object there. */
  get(): Promise<Facts> {
    return this.#ask({ method: "GET", headers: { Accept: "application/json" } }, (answer) => {
      if (answer.status !== 200) throw new Failure("source-down", `answered with status ${answer.status}`);
      return jsonOf(answer);
    });
  }

  async post(form: Readonly<Record<string, string>>, client: OauthClient): Promise<FormAnswer> {
    const headers = {
      Accept: "application/json",
      "Content-Type": "application/x-www-form-urlencoded",
      Authorization: await basic(client),
    };
    return this.#ask({ method: "POST", headers, body: new URLSearchParams(form).toString() }, formAnswer);
  }

  close(): void {
    this.#client.close();
  }

  async #ask<T>(request: HttpRequest, read: (answer: HttpAnswer) => T): Promise<T> {
    try {
      return await this.#client.ask(request, read);
    } catch (error) {
      if (error instanceof Failure && error.kind === "source-down") throw new Failure("verifier-down", error.message);
      throw error;
    }
  }
}

async function basic({ id, secret }: OauthClient): Promise<string> {
  const own = await secret.read();
  const pair = `${encodeURIComponent(id)}:${encodeURIComponent(own.reveal().toString("utf8"))}`;
  own.wipe();
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}

function formAnswer(answer: HttpAnswer): FormAnswer {
  const { status } = answer;
  if (status === 200) return { status, facts: jsonOf(answer) };
  if (status < 400 || status >= 500 || status === TOO_MANY) throw new Failure("source-down", `answered with status ${status}`);
  try {
    return { status, facts: jsonOf(answer) };
  } catch {
    // A refusal in words of its own: its status says enough.
    return { status, facts: {} };
  }
}

/** The error code of a refusal (RFC 6749 section 5.2) as a log may show it. */
export function errorCode({ status, facts }: FormAnswer): string {
  const { error } = facts;
  return typeof error === "string" && /^[a-z0-9_.-]{1,64}$/i.test(error) ? error : `status ${status}`;
}

/** The PEM text of a file of authorities. Throws Error "KEY: sentence". */
export function authorities(key: string, file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`${key}: cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
