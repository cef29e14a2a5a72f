// A small OpenID provider for tests, on loopback: discovery, keys that rotate, introspection (RFC 7662) and a token endpoint
// with exchange and impersonation (RFC 8693). It knows the tokens that it has given out and no others.

import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { CertificateAndKey } from "@postern/certs";
import { serveHttp } from "../http-server.ts";
import { publicJwk, signingKey, signToken, type Claims, type SigningKey } from "./openid-token.ts";

export interface OpenIdOptions {
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly alg?: SigningKey["alg"];
  readonly tls?: CertificateAndKey;
  /** Seconds that its tokens live; 300 by default. */
  readonly lifetime?: number;
}

export interface OpenIdAsked {
  readonly path: string;
  readonly form: Readonly<Record<string, string>>;
}

export interface OpenIdProvider {
  readonly issuer: string;
  readonly jwksUrl: string;
  readonly introspectionUrl: string;
  readonly tokenUrl: string;
  /** The key that signs now. */
  readonly key: SigningKey;
  /** All that it was asked so far. */
  readonly asked: readonly OpenIdAsked[];
  /** Users for whom the token endpoint has nothing. */
  readonly refused: Set<string>;
  /** Claims of a token for a user as it gives them out; times are those of the system's clock. */
  claims(user: string, more?: Claims): Claims;
  /** A signed token that introspection knows too. */
  token(user: string, more?: Claims): string;
  /** A token without any structure. */
  opaque(user: string, more?: Claims): string;
  /** Takes a token back. */
  revoke(token: string): void;
  /** Signs with another key from now on; the old one is gone. */
  rotate(): void;
  /** While it is down it answers everything with 503. */
  down(is: boolean): void;
  stop(): Promise<void>;
}

const AUDIENCE = "mail";
const SCOPE = "openid mail";

export async function startOpenId(options: OpenIdOptions = {}): Promise<OpenIdProvider> {
  const { clientId = "gateway", clientSecret = "gateway secret", alg = "ES256", tls, lifetime = 300 } = options;
  const given = new Map<string, Claims>();
  const asked: OpenIdAsked[] = [];
  const refused = new Set<string>();
  let turn = 1;
  let key = signingKey("key-1", alg);
  let isDown = false;
  const server = await serveHttp(onRequest, tls);
  const issuer = server.origin;
  const authorization = `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString("base64")}`;

  function claims(user: string, more: Claims = {}): Claims {
    const now = Math.floor(Date.now() / 1000);
    return {
      iss: issuer,
      sub: `id-of-${user}`,
      aud: AUDIENCE,
      scope: SCOPE,
      email: user,
      iat: now,
      exp: now + lifetime,
      ...more,
    };
  }

  function give(token: string, content: Claims): string {
    given.set(token, content);
    return token;
  }

  const token = (user: string, more?: Claims): string => {
    const content = claims(user, { jti: randomBytes(8).toString("hex"), ...more });
    return give(signToken(key, content), content);
  };

  const pages: Readonly<Record<string, (form: Readonly<Record<string, string>>) => [status: number, body: unknown]>> = {
    "/.well-known/openid-configuration": () => [200, { issuer, jwks_uri: `${issuer}/keys` }],
    "/keys": () => [200, { keys: [publicJwk(key)] }],
    "/introspect": (form) => {
      const content = given.get(form["token"] ?? "");
      return [200, content === undefined ? { active: false } : { active: true, username: content["email"], ...content }];
    },
    "/token": (form) => {
      const subject = given.get(form["subject_token"] ?? "");
      const user = subject === undefined ? form["requested_subject"] : String(subject["email"]);
      if ("subject_token" in form && subject === undefined) return [400, { error: "invalid_grant" }];
      if (user === undefined) return [400, { error: "invalid_request" }];
      if (refused.has(user)) return [403, { error: "access_denied" }];
      const fresh = token(user, { aud: form["audience"] ?? AUDIENCE });
      return [200, { access_token: fresh, token_type: "Bearer", expires_in: lifetime }];
    },
  };

  function answerTo(
    path: string,
    head: IncomingMessage,
    form: Readonly<Record<string, string>>,
  ): [status: number, body: unknown] {
    if (isDown) return [503, {}];
    const isForm = path === "/introspect" || path === "/token";
    if (isForm && head.headers.authorization !== authorization) return [401, { error: "invalid_client" }];
    return pages[path]?.(form) ?? [404, {}];
  }

  function onRequest(request: IncomingMessage, response: ServerResponse): void {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      const path = request.url ?? "";
      const form = Object.fromEntries(new URLSearchParams(body));
      asked.push({ path, form });
      const [status, content] = answerTo(path, request, form);
      response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(content));
    });
  }

  return {
    issuer,
    jwksUrl: `${issuer}/keys`,
    introspectionUrl: `${issuer}/introspect`,
    tokenUrl: `${issuer}/token`,
    get key() {
      return key;
    },
    asked,
    refused,
    claims,
    token,
    opaque: (user, more) => give(randomBytes(24).toString("base64url"), claims(user, more)),
    revoke: (gone) => void given.delete(gone),
    rotate() {
      turn += 1;
      key = signingKey(`key-${turn}`, alg);
    },
    down: (is) => void (isDown = is),
    stop: () => server.stop(),
  };
}
