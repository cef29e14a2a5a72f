// What the tests of this folder share: a house with users of the test's own, and requests with bodies in pieces. The guard only
// writes down what it is asked.

import {
  Failure,
  normaliseUser,
  type Authenticator,
  type BackendLogin,
  type Credentials,
  type Identity,
  type Leg,
  type Proofs,
} from "@postern/contracts";
import { SCHEMES, type Fields, type Scheme } from "@postern/http";
import {
  createFakeClock,
  createMemoryLogger,
  relayed,
  testAuthenticator,
  testLeg,
  type FakeClock,
  type MemoryLogger,
} from "@postern/testing";
import { testExchange, type TestExchange } from "../../../test/exchanges.ts";
import { testParts, webSettings } from "../../../test/parts.ts";
import type { BodySink, ClientConnection, RequestBody } from "../../exchange.ts";
import type { HttpsParts } from "../../parts.ts";
import type { HttpsSettings } from "../../settings.ts";

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
  const parts = testParts(legs, {
    settings: webSettings(options.settings),
    clock,
    logger,
    authenticator,
    loginAt: () => options.login ?? relayed,
    guard: {
      delayBefore(_host, user) {
        guarded.push(`before ${user}`);
        return typeof delayBefore === "number" ? delayBefore : delayBefore();
      },
      failed: (_host, user, { secret }) => (guarded.push(`failed ${user} ${secret.reveal().toString()}`), delayAfter),
      succeeded: (_host, user) => void guarded.push(`succeeded ${user}`),
    },
    router: { find: () => Promise.reject(new Error("not asked")), explain: () => Promise.reject(new Error("not asked")) },
    schemes: options.schemes ?? SCHEMES,
  });
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

export interface RequestOptions {
  readonly fields?: Fields;
  readonly body?: string;
  /** Sent, and then the client goes. */
  readonly isBroken?: boolean;
}

export function exchange(from: ClientConnection, line: string, options: RequestOptions = {}): TestExchange {
  const [method = "GET", target = "/"] = line.split(" ");
  const fields = ["Host", "mail.example.com", ...(options.fields ?? [])];
  const body = options.body === undefined ? undefined : bodyOf(options.body, options.isBroken ?? false);
  return testExchange({ method, target, fields, body }, { client: from });
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

export const basic = (user: string, password: string): Fields => [
  "Authorization",
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
];

/** The values of one header field. */
export function valuesOf(fields: Fields, name: string): string[] {
  return fields.filter((_, at) => at % 2 === 1 && fields[at - 1]?.toLowerCase() === name.toLowerCase());
}
