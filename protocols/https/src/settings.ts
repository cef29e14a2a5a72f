// Settings of the web listeners. The table of services (services/table.ts) has the defaults of each folder; `services` adds to
// it and changes it.

import { setting, type ValueOf } from "@postern/contracts";

const { boolean, choice, dict, duration, group, integer, list, path, size, text } = setting;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

export const AUTHENTICATIONS = ["pass", "edge", "forms"] as const;
export const REDIRECT_STYLES = ["silent", "page"] as const;
export const ACCESS_LOGS = ["all", "failures", "none"] as const;

const authority = text("A host name, in small letters; *.example.com means any name below it.", {
  like: "host name",
  pattern: /^(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
});

const prefix = text("A path: it and all below it, in any case of letters.", { like: "path", pattern: /^\/[!-~]*$/ });

const service = group("One service: a folder, several, or a host.", {
  paths: list("Folders. The longest one that fits a request decides; / is everything else.", prefix, { single: true }),
  hosts: list("Only under these names; any name when there is none.", authority, { single: true }),
  backends: list(
    "Its requests go to these backends, whoever asks: web mail on servers of its own. The user's own backend when there is none.",
    text("A backend's name."),
    { single: true },
  ),
  authentication: choice(
    "pass: the backend asks for the login. edge: the gateway asks, and logs in at the backend by its leg's login. forms: as edge, with a page for browsers.",
    AUTHENTICATIONS,
    { optional: true },
  ),
  idle: duration("Without a byte of the backend's answer for so long it is given up.", {
    optional: true,
    min: 1000,
    max: 24 * HOUR,
  }),
  maxBody: size("The largest body of a request; 0 means no limit.", { optional: true, min: 0 }),
  affinity: choice("Whether a sealed cookie keeps a browser at its backend.", ["on", "off"], { optional: true }),
  answeredBy: choice(
    "For folders that the gateway can answer itself (autodiscover, autoconfig, mobileconfig): backend, gateway, or auto (the gateway where the backend does not know the folder).",
    ["auto", "backend", "gateway"],
    { optional: true },
  ),
});

const redirect = group("Users of this backend are sent elsewhere where their protocol can follow; the rest is proxied.", {
  url: text("Where to: https://HOST[:PORT]", { like: "https URL without a path", pattern: /^https:\/\/[A-Za-z0-9.-]+(:\d+)?$/ }),
  style: choice("For browsers: silent (302 at once), or page (a page with the link).", REDIRECT_STYLES, { default: "silent" }),
  address: text("For Autodiscover: ask again for this address (RedirectAddr), with @ and the name of the user before it.", {
    optional: true,
    like: "domain",
    pattern: /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
  }),
});

const deviceRule = group(
  "Phones that are kept out or slowed down. All that is given must fit; the first rule that fits counts.",
  {
    user: text("A user; * stands for any characters.", { optional: true }),
    type: text("A DeviceType; * stands for any characters.", { optional: true }),
    id: text("A DeviceId; * stands for any characters.", { optional: true }),
    agent: text("A User-Agent; * stands for any characters.", { optional: true }),
    below: text("Protocol versions below this one, such as 14.1.", { optional: true, like: "version", pattern: /^\d{1,2}\.\d$/ }),
    action: choice("allow, block (403), or slow (503 with Retry-After above `perMinute` requests).", ["allow", "block", "slow"]),
    perMinute: integer("For slow: so many requests of a device are let through each minute.", {
      default: 10,
      min: 1,
      max: 10_000,
    }),
  },
);

export const httpsSettings = {
  idle: duration("A client's connection without a request is closed after this.", { default: 2 * MINUTE, min: 1000, max: HOUR }),
  headTimeout: duration("From the first byte of a request to the end of its header.", {
    default: 30_000,
    min: 1000,
    max: 10 * MINUTE,
  }),
  bodyTimeout: duration("Without a byte of a request's body for so long the connection is closed.", {
    default: MINUTE,
    min: 1000,
    max: HOUR,
  }),
  maxHead: size("The largest header of a request. Kerberos tickets grow to tens of kB.", {
    default: 96 * 1024,
    min: 8 * 1024,
    max: 1024 ** 2,
  }),
  maxFields: integer("The most header fields of a request.", { default: 200, min: 20, max: 2000 }),
  maxTarget: size("The longest target of a request: path and query.", { default: 16 * 1024, min: 1024, max: 256 * 1024 }),
  requestsPerConnection: integer("After so many requests a client's connection is closed.", {
    default: 10_000,
    min: 1,
    max: 10_000_000,
  }),
  requestsPerUser: integer("Requests of one user at the same time, in each worker, held polls with them. 0 means no limit.", {
    default: 100,
    min: 0,
    max: 100_000,
  }),
  http2: boolean("Offer HTTP/2 to clients.", { default: true }),
  streams: integer("Requests at the same time on one HTTP/2 connection.", { default: 100, min: 1, max: 1000 }),
  strictTransport: duration("Strict-Transport-Security: how long browsers are to use https only; 0s says nothing.", {
    default: 0,
    min: 0,
    max: 730 * 24 * HOUR,
  }),
  redirectPort: integer("The port in redirects from http to https.", { default: 443, min: 1, max: 65_535 }),
  defaultAuthentication: choice("Who asks for the login where a service does not say it.", ["pass", "edge"], { default: "pass" }),
  schemes: list(
    "What is offered at the edge; all that the verifiers can check when there is none.",
    choice("A scheme.", ["Negotiate", "NTLM", "Bearer", "Basic"]),
    {
      single: true,
    },
  ),
  realm: text("The realm of the login, as browsers show it.", { default: "Mail", pattern: /^[ -~]*$/, like: "printable ASCII" }),
  remoteUser: text(
    "The header field that names the user at a backend whose login is xclient. It is always taken out of what clients send.",
    {
      default: "X-Remote-User",
      like: "field name",
      pattern: /^[A-Za-z0-9-]+$/,
    },
  ),
  stripped: list(
    "Further header fields that are taken out of what clients send: those that a backend believes.",
    text("A field name; * at its end for any.", { pattern: /^[A-Za-z0-9_-]+\*?$/, like: "field name" }),
  ),
  accessLog: choice("One log line for each request, for those that failed, or for none.", ACCESS_LOGS, { default: "all" }),
  pool: group("Connections to backends, in each worker.", {
    perBackend: integer("Requests at the same time to one backend, held polls with them.", {
      default: 10_000,
      min: 1,
      max: 100_000,
    }),
    idle: duration("A connection that nobody uses is closed after this, or earlier where the backend says so (Keep-Alive).", {
      default: 4000,
      min: 0,
      max: 10 * MINUTE,
    }),
    idlePerBackend: integer("Unused connections that are kept, for each backend.", { default: 64, min: 0, max: 10_000 }),
    wait: duration("How long a request waits for a place.", { default: 10_000, min: 0, max: 5 * MINUTE }),
  }),
  cookie: group("The sealed cookie that keeps a browser at its backend.", {
    name: text("Its name.", { default: "postern", like: "cookie name", pattern: /^[A-Za-z0-9_-]{1,64}$/ }),
    lifetime: duration("How long it holds.", { default: 24 * HOUR, min: MINUTE, max: 365 * 24 * HOUR }),
    keyFile: path("A file of 32 random bytes or more, the same on all nodes; tls.ticketKeyFile serves where there is none.", {
      optional: true,
    }),
  }),
  forms: group("The login page.", {
    publicIdle: duration("On a public computer: logged out after so long without a request.", {
      default: 15 * MINUTE,
      min: MINUTE,
      max: 30 * 24 * HOUR,
    }),
    privateIdle: duration("On a private computer.", { default: 8 * HOUR, min: MINUTE, max: 30 * 24 * HOUR }),
    title: text("What the page is called.", { default: "Mail" }),
  }),
  redirects: dict("By backend: its users are sent elsewhere.", "NAME", redirect),
  devices: list("Rules for phones (ActiveSync), in order.", deviceRule),
  services: dict("By name: services to change, or to add.", "NAME", service),
  autodiscover: group("What the gateway tells mail apps when it answers them itself.", {
    displayName: text("The name of the service, as apps show it.", { default: "Mail" }),
    host: text("The host name that apps are told; hostname when there is none.", {
      optional: true,
      like: "host name",
      pattern: /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
    }),
    domains: list("The domains that are answered for; any when there is none.", authority, { single: true }),
    activeSync: boolean("Phones are told to use ActiveSync.", { default: false }),
    mapi: boolean("Outlook is told to use MAPI over HTTP.", { default: false }),
    ews: boolean("Apps are told about EWS.", { default: false }),
  }),
};

export type HttpsSettings = { readonly [K in keyof typeof httpsSettings]: ValueOf<(typeof httpsSettings)[K]> };
