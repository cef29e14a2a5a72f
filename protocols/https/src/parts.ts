// The words between the rooms of this package. A front hands each request to serve.ts as an Exchange (exchange.ts); serve.ts
// asks the other rooms in turn: services/ (which folder), login/ (who is there), hints/ (who is asked for), back/ (a connection
// to a backend: backends.ts), answers/ (what the gateway says itself).

import type {
  Authenticator,
  BackendLogin,
  Clock,
  Credentials,
  Failure,
  Health,
  Identity,
  Leg,
  Logger,
  LoginGuard,
  Route,
  Router,
} from "@postern/contracts";
import type { ChannelServer, Fields, Scheme } from "@postern/http";
import type { Soon } from "./backends.ts";
import type { HttpsSettings } from "./settings.ts";

/** Handed in by the gateway for one configuration. */
export interface HttpsParts {
  readonly hostname: string;
  readonly defaultDomain: string | undefined;
  readonly settings: HttpsSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly authenticator: Authenticator;
  readonly loginAt: (leg: Leg) => BackendLogin;
  /** Whose secret a client claims to have, normalised; "" when it is no name. */
  readonly claimedUser: (credentials: Pick<Credentials, "authcid">) => string;
  readonly guard: LoginGuard;
  readonly router: Router;
  readonly health: Health;
  /** The web legs of all backends, by the backend's name, in the order of the configuration. */
  readonly legs: ReadonlyMap<string, Leg>;
  /** Of the backends that are RPC servers and no RPC proxies; undefined: there is none. */
  readonly channels: ChannelServer | undefined;
  /** The schemes that can be offered at the edge, strongest first. */
  readonly schemes: readonly Scheme[];
  /** 32 bytes, the same on all nodes: what cookies are sealed with is derived from it. */
  readonly secret: Buffer;
  /** What clients can connect to, for answers to Autodiscover and autoconfig. */
  readonly endpoints: readonly Endpoint[];
  /** There is a listener for https: nobody has to do without TLS. */
  readonly hasTls: boolean;
}

/** A listener as a mail app is told about it. */
export interface Endpoint {
  /** "imap", "pop3", "submission", "smtp", "https", "http". */
  readonly protocol: string;
  readonly port: number;
  readonly tls: "none" | "starttls" | "implicit";
}

/** Which requests belong together, and how they are treated. One row of services/table.ts, with what the configuration changes. */
export interface Service {
  readonly name: string;
  /** Empty: any. In small letters; "*.example.com" is any name below. */
  readonly hosts: readonly string[];
  /** In small letters, without a slash at the end but for "/". They match whole segments in any case of letters. */
  readonly paths: readonly string[];
  /** Asked in this order. */
  readonly hints: readonly HintName[];
  readonly authentication: "pass" | "edge" | "forms";
  /** Its backends, whoever asks; empty: the user's own. */
  readonly backends: readonly string[];
  /** Who has no mailbox, or is not known yet, gets any backend that is up. */
  readonly isForAnybody: boolean;
  /** Milliseconds without a byte of the answer. */
  readonly idleMs: number;
  /** Bytes; 0: no limit. */
  readonly maxBody: number;
  /** How failures are told. */
  readonly refusals: "page" | "program" | "activesync" | "mapi" | "rpc";
  /** Its requests are channels of RPC over HTTP; backends with an address of their own for them come first. */
  readonly isForChannels: boolean;
  /** How a user who lives elsewhere is sent there; undefined: never, the request is proxied. */
  readonly redirects: "page" | "activesync" | "autodiscover" | undefined;
  /** A sealed cookie names the mailbox and its backend. */
  readonly hasAffinity: boolean;
  readonly hasHealthPage: boolean;
  /** What the gateway can answer itself, and when. */
  readonly own:
    | { readonly kind: "autodiscover" | "autoconfig" | "mobileconfig"; readonly when: "auto" | "backend" | "gateway" }
    | undefined;
}

/** Where it can be seen who is asked for. */
export type HintName =
  | "cookie"
  | "anchor-mailbox"
  | "mailbox-id"
  | "rpc-server"
  | "explicit-logon"
  | "activesync-user"
  | "autodiscover-body"
  | "basic"
  | "bearer"
  | "ntlm";

/** Who is asked for, as one hint says. */
export interface Hint {
  readonly from: HintName | "login";
  /** As it was found, before normalisation; undefined: nobody, but a backend. */
  readonly mailbox: string | undefined;
  /** The backend that served it last, by name: only the sealed cookie knows. */
  readonly backend?: string;
}

/** Who was let in at the edge, or passes through. */
export interface Admission {
  /** Checked at the edge; undefined: the backend asks. */
  readonly identity: Identity | undefined;
  /** Of the edge. Wiped by release(). */
  readonly credentials: Credentials | undefined;
  /** What stands in the answer: the last word of an exchange, a renewed cookie. */
  readonly answerFields: Fields;
  /**
   * The fields as this backend is to see them: the client's own Authorization, or what the leg's login makes of it. `login`: what
   * the route says of it. Failure: as of a login.
   */
  present(leg: Leg, fields: Fields, login?: Route["login"]): Soon<Fields>;
  /**
   * The backend has answered, with these fields: counts failed logins that only it can tell. Milliseconds to wait before the client
   * hears it.
   */
  answered(status: number, fields?: Fields): number;
  /**
   * Behind answered(401), when it has waited: who let this login in has the last word on it. "answered": the client was told at the
   * door. Failure: to be told in the service's words. undefined: the backend asks for the login itself, and its answer goes on.
   */
  refused(leg: Leg): "answered" | Failure | undefined;
  /** No route was found. A login that only a source has refused is a failed one. "answered": the client was told at the door. */
  unrouted(failure: Failure): Promise<"answered" | Failure>;
  release(): void;
}
