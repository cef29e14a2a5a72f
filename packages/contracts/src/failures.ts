// The closed list of what can go wrong, and the one error class that carries it. A protocol answers every kind
// (Record<FailureKind, Reply>), so a new row does not compile until all protocols have words for it.
//
// Two texts per failure: `public` is what a client may be told, `reason` (given when thrown) is what the log says.
// The reason never holds a secret.

export interface FailureRow {
  /** Whose fault: decides the log level (client: info, backend: warn, gateway: error, config: error). */
  readonly blame: "client" | "backend" | "gateway" | "config";
  /** May the next candidate be tried? Only when no backend has answered for this user. */
  readonly tryNext: boolean;
  /** May the client go on talking on this connection, and log in again? */
  readonly mayContinue: boolean;
  /** Counts against the client's error budget. */
  readonly counts: boolean;
  /** What a client may be told: one sentence, no full stop, no detail of the inside. */
  readonly public: string;
}

type Flags = Partial<Pick<FailureRow, "tryNext" | "mayContinue" | "counts">>;
const row = (blame: FailureRow["blame"], text: string, flags: Flags = {}): FailureRow => ({
  blame,
  tryNext: false,
  mayContinue: false,
  counts: false,
  ...flags,
  public: text,
});
const again = { mayContinue: true, counts: true };

export const FAILURES = {
  // Before the dialogue
  "client-gone": row("client", "The connection was closed"),
  "proxy-header": row("client", "Bad PROXY header"),
  "tls-handshake": row("client", "TLS handshake failed"),
  "tls-client-certificate": row("client", "A valid client certificate is required"),
  // In the dialogue
  "login-timeout": row("client", "Too slow to log in"),
  "line-too-long": row("client", "The line is too long"),
  "literal-too-large": row("client", "The literal is too large", again),
  "bytes-behind-starttls": row("client", "Nothing may follow STARTTLS before the handshake"),
  "wrong-protocol": row("client", "This is another protocol"),
  "too-many-errors": row("client", "Too many errors"),
  syntax: row("client", "The command is not understood", again),
  "unknown-command": row("client", "Unknown command", again),
  "not-now": row("client", "This command is not allowed here", again),
  "plaintext-refused": row("client", "Use TLS before you log in", again),
  "unknown-mechanism": row("client", "The authentication mechanism is not offered here", again),
  "exchange-cancelled": row("client", "Authentication was cancelled", again),
  "exchange-malformed": row("client", "The authentication exchange is malformed", again),
  // Who is there
  "wrong-credentials": row("client", "Authentication failed", again),
  "not-authorized": row("client", "Not authorized", again),
  "credentials-expired": row("client", "The password has expired", again),
  "verifier-down": row("gateway", "Cannot check the password now, try again later", { mayContinue: true }),
  "too-many-failures": row("client", "Too many failed logins, try again later"),
  // Limits
  "too-many-connections": row("gateway", "Too many connections, try again later"),
  "too-many-from-address": row("client", "Too many connections from your address"),
  "too-many-of-user": row("client", "Too many connections of this user", { mayContinue: true }),
  // Where to
  "unknown-user": row("client", "Authentication failed", again),
  "source-down": row("gateway", "Cannot find your mailbox now, try again later", { mayContinue: true }),
  "route-refused": row("client", "Login is not possible", again),
  "route-loop": row("config", "Your mailbox cannot be reached: the gateways point at each other"),
  "no-candidate": row("gateway", "Your mailbox is unavailable, try again later", { mayContinue: true }),
  // The backend
  "backend-unreachable": row("backend", "Your mailbox is unavailable, try again later", { tryNext: true, mayContinue: true }),
  "backend-silent": row("backend", "Your mailbox is unavailable, try again later", { tryNext: true, mayContinue: true }),
  "backend-tls": row("backend", "Your mailbox is unavailable, try again later", { tryNext: true, mayContinue: true }),
  "backend-plaintext": row("config", "Your mailbox is unavailable, try again later", { tryNext: true, mayContinue: true }),
  "backend-garbled": row("backend", "Your mailbox is unavailable, try again later", { tryNext: true, mayContinue: true }),
  "backend-lost": row("backend", "Your mailbox is unavailable, try again later", { tryNext: true, mayContinue: true }),
  "backend-mechanism": row("config", "The mailbox server does not take this way to log in", { mayContinue: true }),
  "backend-unavailable": row("backend", "Your mailbox is unavailable, try again later", { mayContinue: true }),
  "backend-busy": row("backend", "Your mailbox is in use, try again later", { mayContinue: true }),
  "backend-limit": row("backend", "Too many connections of this user", { mayContinue: true }),
  // The gateway
  "shutting-down": row("gateway", "The server is shutting down"),
  kicked: row("gateway", "Disconnected by an administrator"),
  idle: row("client", "Disconnected for inactivity"),
  internal: row("gateway", "Internal error, try again later"),
} as const satisfies Record<string, FailureRow>;

export type FailureKind = keyof typeof FAILURES;

export interface FailureDetail {
  readonly cause?: unknown;
  /** What the backend itself said to the client: relayed instead of our public text. One line, no CR or LF. */
  readonly said?: BackendReply;
  /** What the backend sent as a last SASL challenge before it said no (RFC 7628 section 3.2.3), decoded. */
  readonly challenge?: Buffer;
  /** Wait this long before the client is answered, milliseconds (a route source may ask for it). */
  readonly waitMs?: number;
}

/** A backend's refusal: `code` is the response code without brackets ("AUTHENTICATIONFAILED", "SYS/TEMP"), `text` the words. */
export interface BackendReply {
  readonly code?: string;
  readonly text: string;
}

/** An expected bad outcome. `reason` is for the log; the client is told FAILURES[kind].public, or what the backend said. */
export class Failure extends Error {
  readonly kind: FailureKind;
  readonly said: BackendReply | undefined;
  readonly challenge: Buffer | undefined;
  readonly waitMs: number;

  constructor(kind: FailureKind, reason: string, detail: FailureDetail = {}) {
    super(reason, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = "Failure";
    this.kind = kind;
    this.said = detail.said;
    this.challenge = detail.challenge;
    this.waitMs = detail.waitMs ?? 0;
  }

  get row(): FailureRow {
    return FAILURES[this.kind];
  }
}

/** Any thrown value as a Failure: an unexpected error becomes `internal`, with the error as its cause. */
export function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure("internal", error instanceof Error ? error.message : String(error), { cause: error });
}
