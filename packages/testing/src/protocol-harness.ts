// A gateway of one listener for tests: the real path with a house of fakes around it (fixed route, no limits, no delays).
// The path itself is handed in, because this package may not import it. Loopback and in-memory sockets only.

import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import {
  Failure,
  normaliseUser,
  RELAY,
  systemClock,
  type Authenticator,
  type BackendLogin,
  type Clock,
  type ConnectionLimits,
  type Credentials,
  type Ending,
  type Health,
  type HostedProtocol,
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
import { MECHANISMS, offeredMechanisms } from "@postern/sasl";
import { createMemoryLogger, type MemoryLogger } from "./memory-logger.ts";
import {
  defaultsOf,
  listenerInfo,
  relayed,
  testAuthenticator,
  testCertificate,
  testClientAuthority,
  within,
} from "./protocol-fixtures.ts";

interface ListenerBase {
  readonly info: ListenerInfo;
  readonly tls: () => TlsServer | undefined;
  readonly clientCertificate: ClientCertificatePolicy;
  readonly sendsProxyHeader: (host: string) => boolean;
}

/** What core's serve() takes, in this package's words; a type error here says that the two have grown apart. */
export type ListenerParts =
  | (ListenerBase & { readonly protocol: LineProtocol; readonly context: ProtocolContext })
  | (ListenerBase & { readonly protocol: HostedProtocol });

export interface HouseParts<R> {
  readonly clock: Clock;
  readonly logger: MemoryLogger;
  readonly hostname: string;
  readonly authenticator: Authenticator;
  readonly loginAt: (leg: Leg) => BackendLogin;
  readonly claimedUser: (credentials: Pick<Credentials, "authcid">) => string;
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
  /** A hosted protocol is built for its house. */
  readonly protocol: LineProtocol | ((house: HouseParts<R>) => HostedProtocol);
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
    authenticator: testAuthenticator({ check: checkName }),
    loginAt: () => relayed,
    claimedUser: ({ authcid }) => normaliseUser(authcid, undefined) ?? "",
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
  const protocol = typeof options.protocol === "function" ? options.protocol(house) : options.protocol;
  const listener = listenerParts(options, protocol, house);
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
      if ("host" in protocol) void Promise.all(running).then(() => protocol.close());
    },
  };
}

function listenerParts<R>(
  options: HarnessOptions<R>,
  protocol: LineProtocol | HostedProtocol,
  house: HouseParts<R>,
): ListenerParts {
  const info = listenerInfo(protocol.name, options.listener);
  const base = {
    info,
    tls: info.tls === "none" ? () => undefined : () => testTlsServer(),
    clientCertificate: options.clientCertificate ?? "none",
    sendsProxyHeader: () => options.proxyHeader ?? false,
  };
  return "host" in protocol ? { ...base, protocol } : { ...base, protocol, context: contextOf(options, protocol, info, house) };
}

function contextOf<R>(
  options: HarnessOptions<R>,
  protocol: LineProtocol,
  info: ListenerInfo,
  house: HouseParts<R>,
): ProtocolContext {
  const { authenticator } = house;
  const certificates = (options.clientCertificate ?? "none") !== "none";
  const abilities = { authenticator, logins: [RELAY], checkedByRoute: true, certificates } as const;
  return {
    hostname: house.hostname,
    settings: defaultsOf(protocol.settings),
    service: protocol.service,
    proofs: house.authenticator.proofs,
    mechanisms: offeredMechanisms(MECHANISMS, abilities, info.mechanisms),
    canStartTls: info.tls === "starttls",
    maxLiteral: options.login?.maxLiteral ?? 16 * 1024,
    maxErrors: house.login.maxErrors,
    logger: house.logger,
  };
}

let tlsServer: TlsServer | undefined;

function testTlsServer(): TlsServer {
  return (tlsServer ??= new TlsServer({
    certificates: [{ ...testCertificate(), names: ["localhost"] }],
    minVersion: "TLSv1.2",
    ciphers: undefined,
    clientCa: testClientAuthority().cert,
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
