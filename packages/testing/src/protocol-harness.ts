// A gateway of one listener for tests: the real path with a house of fakes around it (fixed route, no limits, no delays).
// The path itself is handed in, because this package may not import it. Loopback and in-memory sockets only.

import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { selfSigned } from "@postern/certs";
import type { CertificateAndKey } from "@postern/certs";
import {
  Failure,
  normaliseUser,
  systemClock,
  type Authenticator,
  type Clock,
  type ConnectionLimits,
  type Ending,
  type Health,
  type Leg,
  type LineProtocol,
  type ListenerInfo,
  type LoginGuard,
  type Place,
  type ProtocolContext,
  type Route,
  type Router,
  type Session,
} from "@postern/contracts";
import { listen, TlsServer, type ClientCertificatePolicy, type Listening, type ReadLimits } from "@postern/net";
import { MECHANISMS } from "@postern/sasl";
import { createMemoryLogger, type MemoryLogger } from "./memory-logger.ts";

/** What core's serve() takes, in this package's words; a type error here says that the two have grown apart. */
export interface ListenerParts {
  readonly info: ListenerInfo;
  readonly protocol: LineProtocol;
  readonly context: ProtocolContext;
  readonly tls: () => TlsServer | undefined;
  readonly clientCertificate: ClientCertificatePolicy;
  readonly sendsProxyHeader: (host: string) => boolean;
}

export interface HouseParts<R> {
  readonly clock: Clock;
  readonly logger: MemoryLogger;
  readonly hostname: string;
  readonly authenticator: Authenticator;
  readonly router: Router;
  readonly health: Health;
  readonly limits: ConnectionLimits;
  readonly guard: LoginGuard;
  readonly registry: R;
  readonly observer: {
    opened(session: Session): void;
    loggedIn(session: Session, failure: Failure | undefined): void;
    dialled(leg: Leg, ok: boolean): void;
    ended(session: Session, ending: Ending, failure: Failure | undefined, reason: string | undefined): void;
  };
  readonly login: { readonly timeoutMs: number; readonly maxErrors: number; readonly limits: ReadLimits };
  readonly idleMs: (protocol: string) => number;
  readonly traceOf: (
    session: Session,
  ) => { line(direction: string, text: string): void; know(user: string): void; close(): void } | undefined;
}

/** The path under test: core's Registry and serve. */
export interface CoreParts<R> {
  readonly Registry: new (clock: Clock) => R;
  readonly serve: (socket: Socket, listener: ListenerParts, house: HouseParts<R>) => Promise<void>;
}

export interface HarnessOptions<R> {
  readonly core: CoreParts<R>;
  readonly protocol: LineProtocol;
  /** Candidates in order; none: nobody is known. */
  readonly legs: readonly Leg[];
  readonly listener?: Partial<ListenerInfo>;
  readonly proxyHeader?: boolean;
  readonly clientCertificate?: ClientCertificatePolicy;
  readonly login?: Partial<ReadLimits> & {
    readonly timeoutMs?: number;
    readonly maxErrors?: number;
    readonly maxLiteral?: number;
  };
  readonly house?: Partial<HouseParts<R>>;
  readonly routeLogin?: Route["login"];
}

export interface EndedSession {
  readonly session: Session;
  readonly ending: Ending;
  readonly failure: Failure | undefined;
  readonly reason: string | undefined;
}

export interface Harness<R> {
  readonly house: HouseParts<R>;
  readonly logger: MemoryLogger;
  readonly ended: readonly EndedSession[];
  /** Wire trace of all sessions, "S: …" a line. */
  readonly trace: readonly string[];
  /** Places taken under limits and not given back. */
  readonly places: number;
  /** Serves one socket; resolves when the session is over. */
  accept(socket: Socket): Promise<void>;
  /** Listens on a port of 127.0.0.1. */
  listen(): Promise<number>;
  /** Resolves when all sessions are over; throws after `ms`. */
  settled(ms?: number): Promise<void>;
  close(): Promise<void>;
}

let shared: CertificateAndKey | undefined;

/** The certificate that harness listeners and scripted backends show: localhost and 127.0.0.1, self-signed. */
export function testCertificate(): CertificateAndKey {
  return (shared ??= selfSigned(["localhost", "127.0.0.1"]));
}

/** A leg to 127.0.0.1, with the defaults of a configuration and short time-outs. */
export function testLeg(port: number, rest: Partial<Leg> = {}): Leg {
  return {
    backend: "mbx1",
    site: undefined,
    protocol: "test",
    host: "127.0.0.1",
    port,
    tls: "none",
    ca: testCertificate().cert,
    verify: true,
    serverName: undefined,
    proxyHeader: "none",
    forwardClient: true,
    allowPlaintext: false,
    login: "relay",
    dialTimeoutMs: 5000,
    replyTimeoutMs: 5000,
    ...rest,
  };
}

/** A session as it is before login, of a client at 192.0.2.7. */
export function testSession(rest: Partial<Session> = {}): Session {
  const client = { host: "192.0.2.7", port: 4711 };
  return {
    id: "test1",
    listener: listenerInfo("test"),
    startedAt: 0,
    stage: "converse",
    peer: client,
    client,
    local: { host: "192.0.2.1", port: 143 },
    tls: undefined,
    attempts: 0,
    errors: 0,
    mechanism: undefined,
    identity: undefined,
    hops: 0,
    software: undefined,
    utf8: false,
    backend: undefined,
    backendAddress: undefined,
    bytesIn: 0,
    bytesOut: 0,
    ...rest,
  };
}

function listenerInfo(protocol: string, rest: Partial<ListenerInfo> = {}): ListenerInfo {
  return {
    name: `${protocol} 127.0.0.1:0`,
    protocol,
    tls: "none",
    allowPlaintext: false,
    mechanisms: undefined,
    trusts: () => false,
    capabilities: undefined,
    ...rest,
  };
}

export function createHarness<R>(options: HarnessOptions<R>): Harness<R> {
  const ended: EndedSession[] = [];
  const trace: string[] = [];
  const running = new Set<Promise<void>>();
  const open: Listening[] = [];
  let places = 0;
  const take = (): Promise<Place> => {
    places += 1;
    return Promise.resolve({ release: () => void (places -= 1) });
  };
  const logger = createMemoryLogger();
  const clock = options.house?.clock ?? systemClock;
  const house: HouseParts<R> = {
    clock,
    logger,
    hostname: "mail.example.com",
    authenticator: { name: "test", check: checkName },
    router: fixedRouter(options.legs, options.routeLogin),
    health: calmHealth,
    limits: { connection: take, user: take },
    guard: { delayBefore: () => 0, failed: () => 0, succeeded: () => {} },
    registry: new options.core.Registry(clock),
    observer: {
      opened: () => {},
      loggedIn: () => {},
      dialled: () => {},
      ended: (session, ending, failure, reason) => void ended.push({ session, ending, failure, reason }),
    },
    login: {
      timeoutMs: options.login?.timeoutMs ?? 60_000,
      maxErrors: options.login?.maxErrors ?? 10,
      limits: { maxLine: options.login?.maxLine ?? 64 * 1024, maxUnread: options.login?.maxUnread ?? 128 * 1024 },
    },
    idleMs: () => 35 * 60_000,
    traceOf: () => ({
      line: (direction, text) => void trace.push(`${direction}: ${text}`),
      know: () => {},
      close: () => {},
    }),
    ...options.house,
  };
  const listener = listenerParts(options, house);
  const accept = (socket: Socket): Promise<void> => {
    const session = options.core.serve(socket, listener, house);
    running.add(session);
    void session.finally(() => running.delete(session));
    return session;
  };
  return {
    house,
    logger,
    ended,
    trace,
    get places() {
      return places;
    },
    accept,
    async listen() {
      const fail = (error: Error): void => logger.error("listener", { error });
      const listening = await listen({ port: 0, host: "127.0.0.1" }, (socket) => void accept(socket), fail);
      open.push(listening);
      return listening.port;
    },
    settled: (ms = 5000) => within(ms, Promise.all(running), () => `${running.size} sessions have not ended`),
    async close() {
      await Promise.all(open.map((one) => one.close()));
    },
  };
}

/** Resolves with the work; rejects when it takes longer than `ms` of real time. */
export async function within(ms: number, work: Promise<unknown>, complaint: () => string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${complaint()} within ${ms} ms`)), ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function listenerParts<R>(options: HarnessOptions<R>, house: HouseParts<R>): ListenerParts {
  const { protocol } = options;
  const info = listenerInfo(protocol.name, options.listener);
  const settings = Object.entries(protocol.settings).map(([key, setting]) => [key, "default" in setting && setting.default]);
  const context: ProtocolContext = {
    hostname: house.hostname,
    settings: Object.fromEntries(settings) as Readonly<Record<string, unknown>>,
    mechanisms: (info.mechanisms ?? protocol.mechanisms).map((name) => {
      const mechanism = MECHANISMS.get(name);
      if (mechanism === undefined) throw new Error(`There is no mechanism ${name}`);
      return mechanism;
    }),
    canStartTls: info.tls === "starttls",
    maxLiteral: options.login?.maxLiteral ?? 16 * 1024,
    maxErrors: house.login.maxErrors,
    logger: house.logger,
  };
  return {
    info,
    protocol,
    context,
    tls: info.tls === "none" ? () => undefined : () => testTlsServer(),
    clientCertificate: options.clientCertificate ?? "none",
    sendsProxyHeader: () => options.proxyHeader ?? false,
  };
}

let tlsServer: TlsServer | undefined;

function testTlsServer(): TlsServer {
  return (tlsServer ??= new TlsServer({
    certificates: [{ ...testCertificate(), names: ["localhost"] }],
    minVersion: "TLSv1.2",
    ciphers: undefined,
    clientCa: undefined,
    ticketKeys: randomBytes(48),
  }));
}

const calmHealth: Health = {
  facts: () => ({ state: "unknown", since: 0, evidence: "never asked" }),
  order: (legs) => legs,
  succeeded: () => {},
  failed: () => {},
};

const checkName: Authenticator["check"] = (credentials) => {
  const user = normaliseUser(credentials.authzid || credentials.authcid, "example.com");
  return user === undefined
    ? Promise.reject(new Failure("wrong-credentials", "A name that no look-up may see"))
    : Promise.resolve({ user, proven: false });
};

function fixedRouter(legs: readonly Leg[], login: Route["login"]): Router {
  const find: Router["find"] = ({ user }) =>
    legs.length === 0
      ? Promise.reject(new Failure("unknown-user", `No route source knows ${JSON.stringify(user)}`))
      : Promise.resolve({ source: "test", why: "fixed", legs, login });
  return {
    find,
    explain: ({ user, protocol }) => Promise.resolve({ user, protocol, steps: [], route: undefined, problem: "not asked" }),
  };
}
