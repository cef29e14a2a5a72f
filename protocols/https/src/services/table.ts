// The services that there are without a word of configuration: which folders they have, where to look for the user in their
// requests, and how long and how large these may be. A row's order in the table means nothing: the longest folder decides.
// docs/https.md explains the numbers; those of Exchange's folders are what its own front half has.

import type { HintName, Service } from "../parts.ts";

/** A service before the configuration has spoken. */
export type ServiceRow = Omit<Service, "hosts" | "backends" | "authentication"> & {
  /** What defaultAuthentication does not change: these answer without a login. */
  readonly authentication?: "pass";
};

const MINUTE = 60_000;
const MB = 1_000_000;

/** Who logged in, as far as it can be read; last where something more exact can be found. */
const LOGIN: readonly HintName[] = ["basic", "bearer", "ntlm"];

/**
 * What most of them have. A user whom the gateway let in, and whom no route source knows, gets any backend only where Exchange
 * has it so too, and where administrators without a mailbox work: another server might make that user a mailbox.
 */
const PLAIN = {
  hints: LOGIN,
  isForAnybody: false,
  idleMs: 5 * MINUTE,
  maxBody: 0,
  refusals: "program",
  redirects: undefined,
  hasAffinity: false,
  isForChannels: false,
  hasHealthPage: true,
  own: undefined,
} as const satisfies Partial<ServiceRow>;

const PAGES = { ...PLAIN, refusals: "page", hasAffinity: true } as const satisfies Partial<ServiceRow>;

/** Their clients, or people, ask for them without a login, and the gateway can answer. */
const OPEN = {
  ...PLAIN,
  authentication: "pass",
  hints: [],
  isForAnybody: true,
  maxBody: 16_384,
  idleMs: MINUTE,
  hasHealthPage: false,
} as const;

/** What is none of the others, and what a service of the configuration begins as. */
export const OTHER: ServiceRow = { ...PAGES, name: "other", paths: ["/"], hints: ["cookie", ...LOGIN] };

export const SERVICES: readonly ServiceRow[] = [
  {
    ...PAGES,
    name: "owa",
    paths: ["/owa"],
    hints: ["cookie", "anchor-mailbox", "explicit-logon", ...LOGIN],
    idleMs: 16 * MINUTE,
    maxBody: 35 * MB,
    redirects: "page",
  },
  {
    ...PAGES,
    name: "ecp",
    isForAnybody: true,
    paths: ["/ecp"],
    hints: ["cookie", "anchor-mailbox", "explicit-logon", ...LOGIN],
    maxBody: 35 * MB,
    redirects: "page",
  },
  // GetStreamingEvents stays open for 30 minutes.
  {
    ...PLAIN,
    name: "ews",
    isForAnybody: true,
    paths: ["/ews"],
    hints: ["cookie", "anchor-mailbox", ...LOGIN],
    idleMs: 35 * MINUTE,
    hasAffinity: true,
  },
  { ...PLAIN, name: "oab", paths: ["/oab"] },
  // NotificationWait is answered after 5 minutes at the latest, and Execute sends something every 30 seconds.
  {
    ...PLAIN,
    name: "mapi",
    paths: ["/mapi"],
    hints: ["cookie", "anchor-mailbox", "mailbox-id", ...LOGIN],
    idleMs: 7 * MINUTE,
    maxBody: 2 ** 31,
    refusals: "mapi",
    hasAffinity: true,
  },
  // Ping and Sync wait for up to 59 minutes. `User` may name somebody else than the login: it comes behind it.
  {
    ...PLAIN,
    name: "activesync",
    paths: ["/microsoft-server-activesync"],
    hints: [...LOGIN, "activesync-user"],
    idleMs: 65 * MINUTE,
    refusals: "activesync",
    redirects: "activesync",
  },
  {
    ...PLAIN,
    name: "autodiscover",
    isForAnybody: true,
    paths: ["/autodiscover"],
    hints: ["anchor-mailbox", "autodiscover-body", ...LOGIN],
    idleMs: MINUTE,
    maxBody: 65_536,
    redirects: "autodiscover",
    own: { kind: "autodiscover", when: "auto" },
  },
  {
    ...OPEN,
    name: "autoconfig",
    paths: ["/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"],
    own: { kind: "autoconfig", when: "auto" },
  },
  // Nobody has agreed on a path for these profiles; this one is ours, so no backend is asked first.
  { ...OPEN, name: "mobileconfig", paths: ["/mobileconfig"], own: { kind: "mobileconfig", when: "gateway" } },
  // A channel of Outlook's is silent for half of its time-out of 15 minutes at the most; Windows' own proxy waits for 30.
  {
    ...PLAIN,
    name: "rpc",
    isForAnybody: true,
    paths: ["/rpc", "/rpcwithcert"],
    hints: ["rpc-server", ...LOGIN],
    idleMs: 35 * MINUTE,
    refusals: "rpc",
    isForChannels: true,
  },
  // A shell lives at one server, and a command may run for long.
  {
    ...PLAIN,
    name: "powershell",
    isForAnybody: true,
    paths: ["/powershell"],
    hints: ["cookie", "anchor-mailbox", ...LOGIN],
    idleMs: 16 * MINUTE,
    hasAffinity: true,
  },
  { ...PLAIN, name: "api", isForAnybody: true, paths: ["/api"], hints: ["anchor-mailbox", ...LOGIN] },
  // An event source that nobody asked to ping is silent until something happens (RFC 8620 section 7.3).
  { ...PLAIN, name: "jmap", paths: ["/.well-known/jmap", "/jmap"], idleMs: 65 * MINUTE },
  {
    ...PLAIN,
    name: "dav",
    paths: [
      "/.well-known/caldav",
      "/.well-known/carddav",
      "/dav",
      "/caldav",
      "/carddav",
      "/principals",
      "/sogo/dav",
      "/remote.php/dav",
      "/remote.php/caldav",
      "/remote.php/carddav",
    ],
  },
  {
    ...PAGES,
    name: "webmail",
    paths: ["/sogo", "/sogo.woa", "/roundcube", "/webmail", "/mail"],
    hints: ["cookie", ...LOGIN],
  },
  OTHER,
];
