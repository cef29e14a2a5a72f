// The settings of `routes`: one table row per key. The config package reads values by them; build.ts makes sources.

import { LEG_TLS, setting } from "@postern/contracts";
import type { ValueOf } from "@postern/contracts";
import { httpServerSettings } from "@postern/lookup";

const backendName = setting.text("Name of a backend", { like: "name", pattern: /^[\x21-\x7e]{1,255}$/ });
const backendNames = (doc: string) => setting.list(doc, backendName, { single: true });

const staticGroup = setting.group("A table in this file", {
  users: setting.dict(
    "Where single users live; a name without a domain means one of the default domain.",
    "USER",
    backendNames("One backend, or several in order of preference."),
  ),
  domains: setting.dict(
    "Where all users of a domain live; subdomains do not belong to it.",
    "DOMAIN",
    backendNames("One backend, or several in order of preference."),
  ),
  wildcards: setting.dict(
    "Patterns of user names in which * stands for any characters on its side of the @; the pattern with the most literal characters wins, and a domain counts as *@domain.",
    "PATTERN",
    backendNames("One backend, or several in order of preference."),
  ),
  default: backendNames("Where everybody else lives; without it, users who are not in the table are unknown to this source."),
});

const cacheGroup = setting.group("What is remembered of the answers; never used when passwords are sent.", {
  positive: setting.duration("How long an answer is remembered that does not say so itself; 0s asks at every login.", {
    default: 60_000,
    max: 86_400_000,
  }),
  negative: setting.duration("How long it is remembered that the server does not know a user.", {
    default: 10_000,
    max: 86_400_000,
  }),
  unreachable: setting.duration("How long a user's look-up is not tried again after the server could not be asked.", {
    default: 5000,
    max: 3_600_000,
  }),
  stale: setting.duration("How long after its life an answer may still be used while the server is down; 0s never.", {
    default: 3_600_000,
    max: 604_800_000,
  }),
  size: setting.integer("How many answers are remembered at most, in each worker.", {
    default: 100_000,
    min: 1,
    max: 10_000_000,
  }),
});

const { url, allowPlaintext, ...server } = httpServerSettings;

const httpGroup = setting.group("A server that is asked over HTTP", {
  url,
  dialect: setting.choice("What is spoken: json, or nginx for a server made for nginx's auth_http.", ["json", "nginx"], {
    default: "json",
  }),
  method: setting.choice("How the json dialect asks: POST with a JSON body, or GET with a query.", ["POST", "GET"], {
    default: "POST",
  }),
  ...server,
  sendPassword: setting.boolean("Send the client's password in the json dialect, so that the server checks it.", {
    default: false,
  }),
  allowPlaintext,
  passClientCertificate: setting.boolean(
    "Send the client's certificate in the nginx dialect, as nginx does with auth_http_pass_client_cert.",
    { default: false },
  ),
  addresses: setting.group("How an address in an answer is reached when it belongs to no configured backend.", {
    tls: setting.choice("TLS on the connection: none, from the start (implicit), or by the protocol's command.", LEG_TLS, {
      default: "none",
    }),
    allowPlaintext: setting.boolean("Send passwords to it without TLS, over a network.", { default: false }),
  }),
  cache: cacheGroup,
});

const hashGroup = setting.group("Backends shared out by a hash of the user name", {
  backends: backendNames("The backends among which users are shared out; every node must have the same list."),
  weights: setting.dict(
    "A backend's share, 1 for those not named; with 0 it is only the last resort.",
    "NAME",
    setting.integer("The share.", { min: 0, max: 1000 }),
  ),
});

/** One entry of `routes`: which source, and its settings. */
export const routeSettings = setting.tagged("Where users live: one source", "source", {
  static: staticGroup,
  http: httpGroup,
  hash: hashGroup,
});

/** One entry of `routes` as it was read. */
export type RouteValue = ValueOf<typeof routeSettings>;
export type HttpRouteValue = Extract<RouteValue, { readonly source: "http" }>;
