// Settings of limits: how many connections, how slow a login, how large before login.

import { durationText, networks, setting, sizeText, type Contradiction, type ValueOf } from "@postern/contracts";

const { duration, group, integer, size } = setting;

export const limitSettings = group("How many connections, and what a client may do before it is logged in.", {
  connections: group("How many connections at the same time, in this node with all its workers. 0 means no limit.", {
    total: integer("Connections in all, before and after login.", { default: 20_000, min: 0 }),
    perAddress: integer(
      "Connections from one address; an IPv6 /64 counts as one. Offices and mobile networks share an address among many people, so keep it high.",
      { default: 1000, min: 0 },
    ),
    perUser: integer(
      "Logged-in connections of one user. A mail app opens up to five, and people have several devices: keep it above 20.",
      { default: 100, min: 0 },
    ),
    exempt: networks("Networks that the limit per address does not count: webmail hosts, other front ends, monitoring."),
  }),
  login: group("What a client may do until it is logged in.", {
    timeout: duration("From accept to the end of the login, in all. TLS handshake and delays are part of it.", {
      default: 60_000,
      min: 1000,
      max: 3_600_000,
    }),
    maxErrors: integer("Bad commands and failed logins on one connection; then it is closed.", {
      default: 10,
      min: 1,
      max: 1000,
    }),
    maxLine: size(
      "The longest line before login. A line may carry an OAuth token or a Kerberos ticket in base64, and those grow to tens of kB with the number of groups that a user is in: less than 16kB locks such users out.",
      { default: 64 * 1024, min: 1024, max: 1024 * 1024 },
    ),
    maxLiteral: size("The largest literal before login: a user name or a password sent as counted bytes.", {
      default: 16 * 1024,
      min: 512,
      max: 1024 * 1024,
    }),
    maxUnread: size(
      "Bytes kept of what one client sent ahead before login; then the gateway stops reading from it. It must hold the longest line and the largest literal.",
      { default: 128 * 1024, min: 2048, max: 4 * 1024 * 1024 },
    ),
    failureDelay: duration(
      "The least time from a login attempt to its no, so that an unknown user and a wrong password take equally long. Keep it above the time that backends take to say no: Dovecot takes 2s. 0s switches all login delays off.",
      { default: 3000, min: 0, max: 60_000 },
    ),
    maxDelay: duration(
      "The longest delay of a login attempt. The delay doubles with each new failure from an address, or at an account.",
      {
        default: 15_000,
        min: 0,
        max: 300_000,
      },
    ),
    forget: duration("Failures of an address, or at an account, are forgotten when there were no new ones for so long.", {
      default: 30 * 60_000,
      min: 1000,
      max: 7 * 86_400_000,
    }),
    refuseAfter: integer(
      "After so many different failures an address is refused until they are forgotten, except for users who have logged in from its network before. 0 means never. Accounts are never refused.",
      { default: 100, min: 0, max: 1_000_000 },
    ),
    knownGood: duration(
      "For so long after a login, guesses of others at the account do not slow down its user in that network (IPv4 /24, IPv6 /48). 0s means that no network is known.",
      { default: 14 * 86_400_000, min: 0, max: 365 * 86_400_000 },
    ),
    exempt: networks(
      "Networks whose failed logins are not counted, and whose logins are not slowed: webmail hosts and other front ends that speak for many users and slow down guessers themselves.",
    ),
  }),
});

export type LimitSettings = ValueOf<typeof limitSettings>;

/** How many failures it takes until the delay is the longest. */
export function failuresToMaxDelay({ failureDelay, maxDelay }: LimitSettings["login"]): number {
  return failureDelay === 0 ? 0 : Math.max(0, Math.ceil(Math.log2(maxDelay / failureDelay)));
}

/** What the table alone cannot see. Empty when all is well; the configuration refuses the rest. */
export function limitContradictions({ login }: LimitSettings): readonly Contradiction[] {
  const found: Contradiction[] = [];
  // One line needs room for its CRLF too.
  const room = Math.max(login.maxLine + 2, login.maxLiteral);
  if (login.maxUnread < room)
    found.push({
      key: "login.maxUnread",
      problem: `must be at least ${sizeText(room)}, to hold maxLine with its CRLF and maxLiteral, not ${sizeText(login.maxUnread)}`,
    });
  if (login.maxDelay < login.failureDelay)
    found.push({
      key: "login.maxDelay",
      problem: `must be at least failureDelay (${durationText(login.failureDelay)}), not ${durationText(login.maxDelay)}`,
    });
  // Without a failureDelay nothing is ever delayed.
  if (login.failureDelay > 0 && login.timeout <= login.maxDelay)
    found.push({
      key: "login.timeout",
      problem: `must be longer than maxDelay (${durationText(login.maxDelay)}), not ${durationText(login.timeout)}`,
    });
  const patience = failuresToMaxDelay(login);
  if (login.refuseAfter > 0 && login.refuseAfter < patience)
    found.push({
      key: "login.refuseAfter",
      problem: `must be at least ${patience}, so that the delay has reached maxDelay before anybody is refused, or 0 for never, not ${login.refuseAfter}`,
    });
  if (login.knownGood > 0 && login.knownGood < login.forget)
    found.push({
      key: "login.knownGood",
      problem: `must be at least forget (${durationText(login.forget)}), or 0s to know no network, not ${durationText(login.knownGood)}`,
    });
  return found;
}
