// What the tests of this folder share: a house with users of the test's own, a client's connection, and exchanges whose answers
// can be read. The guard only writes down what it is asked.

import {
  Failure,
  normaliseUser,
  type Authenticator,
  type BackendLogin,
  type Credentials,
  type Identity,
  type Leg,
  type Proofs,
  type Session,
} from "@postern/contracts";
import { SCHEMES, type Fields, type Scheme } from "@postern/http";
import {
  createFakeClock,
  createMemoryLogger,
  defaultsOf,
  listenerInfo,
  relayed,
  testAuthenticator,
  testLeg,
  testSession,
  testTls,
  type FakeClock,
  type MemoryLogger,
} from "@postern/testing";
import type { BodySink, ClientConnection, Exchange, HttpRequest, RequestBody } from "../../exchange.ts";
import type { HttpsParts, Service } from "../../parts.ts";
import { httpsSettings, type HttpsSettings } from "../../settings.ts";

export const PASSWORDS: Readonly<Record<string, string>> = { "alice@example.com": "s3cret", "bob@example.com": "geheim" };

export interface SceneOptions {
  readonly schemes?: readonly Scheme[];
  readonly proofs?: Proofs;
  /** Nobody is checked here: the backend decides. */
  readonly believes?: boolean;
  readonly settings?: Partial<HttpsSettings>;
  readonly login?: BackendLogin;
  readonly legs?: readonly Leg[];
  readonly delayBefore?: number | (() => number);
  readonly delayAfter?: number;
}

export interface Scene {
  readonly parts: HttpsParts;
  readonly clock: FakeClock;
  readonly logger: MemoryLogger;
  /** "before USER" (again behind each wait), "failed USER SECRET", "succeeded USER", in order. */
  readonly guarded: string[];
  /** Names and passwords that the authenticator was asked for. */
  readonly checked: string[];
}

export const webLeg = (rest: Partial<Leg> = {}): Leg => testLeg(8080, { protocol: "https", scheme: "http", ...rest });

export function scene(options: SceneOptions = {}): Scene {
  const { believes = false, delayBefore = 0, delayAfter = 0, legs = [webLeg()] } = options;
  const clock = createFakeClock();
  const logger = createMemoryLogger();
  const guarded: string[] = [];
  const checked: string[] = [];
  const settings = { ...defaultsOf(httpsSettings), services: {}, redirects: {}, ...options.settings } as HttpsSettings;
  const authenticator: Authenticator = testAuthenticator({
    believes,
    proofs: options.proofs ?? {},
    async check(credentials) {
      if (credentials.kind === "rejected") throw credentials.failure;
      const secret = credentials.secret.reveal().toString();
      checked.push(`${credentials.authcid} ${secret}`);
      return identityOf(credentials, secret, believes);
    },
  });
  const parts: HttpsParts = {
    hostname: "gw1.example.com",
    defaultDomain: "example.com",
    settings,
    clock,
    logger,
    authenticator,
    loginAt: () => options.login ?? relayed,
    claimedUser: ({ authcid }) => normaliseUser(authcid, "example.com") ?? "",
    guard: {
      delayBefore(_host, user) {
        guarded.push(`before ${user}`);
        return typeof delayBefore === "number" ? delayBefore : delayBefore();
      },
      failed: (_host, user, { secret }) => (guarded.push(`failed ${user} ${secret.reveal().toString()}`), delayAfter),
      succeeded: (_host, user) => void guarded.push(`succeeded ${user}`),
    },
    router: { find: () => Promise.reject(new Error("not asked")), explain: () => Promise.reject(new Error("not asked")) },
    health: {
      facts: () => ({ state: "up", since: 0, evidence: "" }),
      order: (all) => all,
      succeeded: () => {},
      failed: () => {},
    },
    legs: new Map(legs.map((leg) => [leg.backend, leg])),
    schemes: options.schemes ?? SCHEMES,
    secret: Buffer.alloc(32, 7),
    endpoints: [],
    hasTls: true,
  };
  return { parts, clock, logger, guarded, checked };
}

function identityOf(credentials: Credentials, secret: string, believes: boolean): Identity {
  if (credentials.kind === "token" && secret === "good-token") return { user: "alice@example.com", proven: true };
  const name = credentials.kind === "proven" ? credentials.user : credentials.authcid;
  const user = normaliseUser(name, "example.com");
  if (user === undefined) throw new Failure("wrong-credentials", "no name");
  if (believes) return { user, proven: false };
  if (credentials.kind !== "proven" && PASSWORDS[user] !== secret) throw new Failure("wrong-credentials", "not the password");
  return { user, proven: true };
}

export function webSession(rest: Partial<Session> = {}): Session {
  return testSession({ listener: listenerInfo("https", { tls: "implicit" }), tls: testTls(), ...rest });
}

export interface TestClient extends ClientConnection {
  /** Ends it, as the front does. */
  close(): void;
}

export function client(rest: Partial<ClientConnection> = {}): TestClient {
  const listeners: (() => void)[] = [];
  return {
    session: webSession(),
    isShared: false,
    pinned: new Map(),
    auth: undefined,
    closeSoon() {},
    cut() {},
    whenClosed: (listener) => void listeners.push(listener),
    close() {
      for (const listener of listeners.splice(0)) listener();
    },
    ...rest,
  };
}

export interface Told {
  status: number | undefined;
  fields: Fields;
  body: string;
  isCut: boolean;
  asksForHttp11: boolean;
}

export interface TestExchange extends Exchange {
  readonly told: Told;
}

export interface RequestOptions {
  readonly fields?: Fields;
  readonly body?: string;
  /** Sent, and then the client goes. */
  readonly isBroken?: boolean;
}

let count = 0;

export function exchange(from: ClientConnection, line: string, options: RequestOptions = {}): TestExchange {
  const [method = "GET", target = "/"] = line.split(" ");
  const told: Told = { status: undefined, fields: [], body: "", isCut: false, asksForHttp11: false };
  count += 1;
  const request: HttpRequest = {
    id: `test-${count}`,
    method,
    target,
    host: "mail.example.com",
    authority: "mail.example.com",
    version: from.isShared ? "2" : "1.1",
    fields: ["Host", "mail.example.com", ...(options.fields ?? [])],
    body: options.body === undefined ? undefined : bodyOf(options.body, options.isBroken ?? false),
    upgrade: undefined,
  };
  return {
    request,
    client: from,
    told,
    answer: {
      get status() {
        return told.status;
      },
      bytes: 0,
      isOver: false,
      inform: () => {},
      begin(head) {
        told.status = head.status;
        told.fields = head.fields;
      },
      write(chunk) {
        told.body += chunk.toString();
        return true;
      },
      end() {},
      cut() {
        told.isCut = true;
      },
      requireHttp11() {
        told.asksForHttp11 = true;
      },
      switch: () => {
        throw new Error("no upgrade here");
      },
      onDrain: undefined,
      onGone: undefined,
    },
  };
}

/** In pieces of seven bytes, with a pause wherever the sink wants one. */
function bodyOf(text: string, isBroken: boolean): RequestBody {
  let left = Buffer.from(text);
  let sink: BodySink | undefined;
  const flow = (): void => {
    while (sink !== undefined && left.length > 0) {
      const piece = left.subarray(0, 7);
      left = left.subarray(7);
      if (!sink.data(piece)) return;
    }
    if (isBroken) sink?.broken(new Failure("client-gone", "gone"));
    else sink?.end([]);
  };
  return {
    length: undefined,
    given: 0,
    isComplete: false,
    get isStarted() {
      return sink !== undefined;
    },
    start(taker) {
      sink = taker;
      flow();
    },
    resume: flow,
  };
}

export function webService(rest: Partial<Service> = {}): Service {
  return {
    name: "test",
    hosts: [],
    paths: ["/"],
    hints: [],
    authentication: "pass",
    backends: [],
    isForAnybody: false,
    idleMs: 60_000,
    maxBody: 0,
    refusals: "program",
    redirects: undefined,
    hasAffinity: false,
    hasHealthPage: false,
    own: undefined,
    ...rest,
  };
}

export const basic = (user: string, password: string): Fields => [
  "Authorization",
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
];

/** The values of one header field. */
export function valuesOf(fields: Fields, name: string): string[] {
  return fields.filter((_, at) => at % 2 === 1 && fields[at - 1]?.toLowerCase() === name.toLowerCase());
}
