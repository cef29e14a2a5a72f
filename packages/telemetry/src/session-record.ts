// What is written down when a session ends: one flat record, one line. The table of fields is the source; docs/logging.md
// tells the same, and a test compares them. Holds no secret; user names and reasons are made safe by the log. Never throws.

import {
  addressText,
  ENDINGS,
  FAILURES,
  type Ending,
  type Failure,
  type FailureKind,
  type Logger,
  type Session,
} from "@postern/contracts";

export interface SessionEnd {
  readonly ending: Ending;
  readonly failure: Failure | undefined;
  /** The system's words, when a connection broke. */
  readonly reason: string | undefined;
  /** Milliseconds of the wall clock. */
  readonly at: number;
}

function softwareOf({ software }: Session): string | undefined {
  const value = (wanted: string): string | undefined =>
    [...(software ?? [])].find(([key]) => key.toLowerCase() === wanted)?.[1] ?? undefined;
  const words = [value("name"), value("version")].filter((word) => word !== undefined);
  return words.length === 0 ? undefined : words.join(" ");
}

function backendOf({ backend, backendAddress }: Session): string | undefined {
  if (backend === undefined || backendAddress === undefined) return backend;
  return `${backend} ${addressText(backendAddress)}`;
}

type Value = string | number | boolean | undefined;

interface FieldRow {
  readonly doc: string;
  readonly of: (session: Session, end: SessionEnd) => Value;
}

/** The fields in their order. One that is undefined is left out. */
export const SESSION_FIELDS = {
  session: { doc: "The session's id; the backend is told it where its protocol can carry it", of: ({ id }) => id },
  user: { doc: "Whose session it was, as look-ups know the name", of: ({ identity }) => identity?.user },
  client: { doc: "The client's address", of: ({ client }) => addressText(client) },
  via: {
    doc: "The load balancer's address, when one brought the connection",
    of: ({ peer, client }) => (addressText(peer) === addressText(client) ? undefined : addressText(peer)),
  },
  protocol: { doc: "The listener's protocol", of: ({ listener }) => listener.protocol },
  listener: { doc: "The listener's name", of: ({ listener }) => listener.name },
  backend: { doc: "The last backend that was dialled, and its address", of: backendOf },
  durationMs: {
    doc: "Milliseconds from accept to the end; text shows `duration`",
    of: ({ startedAt }, { at }) => Math.max(0, at - startedAt),
  },
  bytesIn: { doc: "Bytes relayed from the client after login", of: ({ bytesIn }) => bytesIn },
  bytesOut: { doc: "Bytes relayed to the client after login", of: ({ bytesOut }) => bytesOut },
  requests: { doc: "Requests answered, where the protocol has any", of: ({ requests }) => requests },
  ending: { doc: "How it ended: a key of the table of endings", of: (_session, { ending }) => ending },
  failure: { doc: "The kind of failure, when one ended it", of: (_session, { failure }) => failure?.kind },
  reason: { doc: "Why, in words", of: (_session, { failure, reason }) => failure?.message ?? reason },
  stage: {
    doc: "Where on its path a failed session was",
    of: ({ stage }, { failure }) => (failure === undefined ? undefined : stage),
  },
  tls: { doc: "The TLS version, when the client used TLS", of: ({ tls }) => tls?.version },
  serverName: {
    doc: "The name that the client asked for (SNI), where its TLS is passed through",
    of: ({ serverName }) => serverName,
  },
  cipher: { doc: "The TLS cipher", of: ({ tls }) => tls?.cipher },
  mechanism: { doc: "How the client logged in, or last tried to", of: ({ mechanism }) => mechanism },
  attempts: { doc: "Logins tried", of: ({ attempts }) => attempts },
  software: { doc: "What the client calls itself", of: softwareOf },
} as const satisfies Record<string, FieldRow>;

export type SessionField = keyof typeof SESSION_FIELDS;
export type SessionRecord = Readonly<Partial<Record<SessionField, string | number | boolean>>> & { readonly ending: Ending };

const ROWS = Object.entries<FieldRow>(SESSION_FIELDS);

/** The record of a session that has ended, its fields in the order of the table. */
export function sessionRecord(session: Session, end: SessionEnd): SessionRecord {
  const record: Record<string, Value> = {};
  for (const [name, row] of ROWS) {
    const value = row.of(session, end);
    if (value !== undefined) record[name] = value;
  }
  return record as SessionRecord;
}

const LEVEL_OF_BLAME = { client: "info", backend: "warn", gateway: "error", config: "error" } as const;

/** Writes the one line of a session's end. Whose fault it was decides the level. */
export function writeSession(logger: Logger, record: SessionRecord): void {
  const failure = record.failure as FailureKind | undefined;
  const level = failure === undefined ? "info" : LEVEL_OF_BLAME[FAILURES[failure].blame];
  const sentence = failure === undefined ? ENDINGS[record.ending].sentence : FAILURES[failure].public;
  logger[level](`session ended: ${sentence}`, record);
}
