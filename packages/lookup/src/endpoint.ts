// The address of a look-up server: an http or https URL, nginx's spelling without a scheme, or a unix socket in nginx's
// spelling "unix:/path:/uri". Throws nothing: what is wrong is said in `problem`.

import type { Parsed } from "@postern/contracts";

export interface Endpoint {
  /** For logs: without user name, password and query. */
  readonly label: string;
  readonly secure: boolean;
  /** Empty for a unix socket. */
  readonly host: string;
  readonly port: number;
  readonly socketPath: string | undefined;
  /** Path and query, as the request line has them. */
  readonly path: string;
  /** "user:password" of the URL, for HTTP Basic authentication. */
  readonly auth: string | undefined;
}

const UNIX = /^(?:http:\/\/)?unix:(\/[^:]+)(?::(\/\S*))?$/;

function unixEndpoint(socketPath: string, path: string): Endpoint {
  const shownPath = path.split("?")[0] ?? path;
  return { label: `unix:${socketPath}:${shownPath}`, secure: false, host: "", port: 0, socketPath, path, auth: undefined };
}

function urlEndpoint(url: URL): Endpoint {
  const secure = url.protocol === "https:";
  const auth = url.username === "" ? undefined : `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return {
    label: `${url.protocol}//${url.host}${url.pathname}`,
    secure,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    socketPath: undefined,
    path: `${url.pathname}${url.search}`,
    auth,
  };
}

/** "http://host:port/path", "https://…", "host:port/path" (http), "unix:/path" or "unix:/path:/uri". */
export function parseEndpoint(raw: unknown): Parsed<Endpoint> {
  const text = String(raw);
  const bad = { problem: "must be an http:// or https:// URL, or unix:/path:/uri" };
  const unix = UNIX.exec(text);
  if (unix !== null) return { value: unixEndpoint(unix[1] ?? "", unix[2] ?? "/") };
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (/[\s\p{Cc}]/u.test(whole) || !URL.canParse(whole)) return bad;
  const url = new URL(whole);
  if (!["http:", "https:"].includes(url.protocol) || url.hostname === "") return bad;
  try {
    return { value: urlEndpoint(url) };
  } catch {
    return { problem: "must have a user name and password that are percent-encoded UTF-8" };
  }
}
