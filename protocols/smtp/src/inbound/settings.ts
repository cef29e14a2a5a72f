// Settings of the inbound role.

import { setting } from "@postern/contracts";

const { choice, duration, group, integer, path, size, text } = setting;

const MINUTE = 60_000;

export const inboundSettings = {
  greeting: text("The words of the greeting, after the host name and ESMTP.", { default: "Postern ready" }),
  greetingDelay: duration(
    "How long a stranger waits for the greeting; who speaks meanwhile is an early talker (filters.earlyTalker).",
    {
      default: 0,
      min: 0,
      max: MINUTE,
    },
  ),
  idle: duration(
    "A client that sends nothing for this long is told goodbye. RFC 5321 section 4.5.3.2.7 asks for 5 minutes at least.",
    { default: 5 * MINUTE, min: 1000, max: 60 * MINUTE },
  ),
  sessionTime: duration("The longest that one connection may last, in all.", {
    default: 60 * MINUTE,
    min: MINUTE,
    max: 24 * 60 * MINUTE,
  }),
  maxErrors: integer("Bad commands and refused recipients on one connection; then it is closed.", {
    default: 20,
    min: 1,
    max: 10_000,
  }),
  maxMessage: size("The largest message; also told by SIZE.", { default: 50 * 1024 ** 2, min: 64 * 1024, max: 4 * 1024 ** 3 }),
  maxRecipients: integer(
    "Recipients of one message; further ones are told to come later. RFC 5321 section 4.5.3.1.8 asks for 100 at least.",
    {
      default: 1000,
      min: 100,
      max: 100_000,
    },
  ),
  maxHeader: size("The largest header; it may also have 10,000 lines at most.", {
    default: 256 * 1024,
    min: 16 * 1024,
    max: 4 * 1024 ** 2,
  }),
  maxHops: integer("Received fields in a message; with more it goes round in circles, and is refused.", {
    default: 50,
    min: 10,
    max: 1000,
  }),
  bareLineEndings: choice(
    "Lines that end with CR or LF alone: refuse the message, or make CRLF of them. Nothing else ends a message but CRLF, dot, CRLF.",
    ["refuse", "repair"],
    { default: "refuse" },
  ),
  severalBackends: choice(
    "Recipients of one message that live on several backends: first (all go to the first one's backend, which forwards), split (each to their own at once), or defer (those of another backend are told to come later).",
    ["first", "split", "defer"],
    { default: "split" },
  ),
  heldBytes: size("Bytes of one message that are kept, so that another backend can take over when one dies.", {
    default: 256 * 1024,
    min: 0,
    max: 64 * 1024 ** 2,
  }),
  heldFolder: path(
    "Where a message waits that a filter holds and that is larger than heldBytes; the system's folder for temporary files by default.",
    { optional: true },
  ),
  pool: group("Connections to backends, in each worker.", {
    perBackend: integer("The most at one time to one backend.", { default: 100, min: 1, max: 10_000 }),
    idle: duration("An unused one is closed after this.", { default: 30_000, min: 0, max: 10 * MINUTE }),
    ahead: integer("How many wait, greeted, for the next message.", { default: 1, min: 0, max: 100 }),
    wait: duration("How long a message waits for a place.", { default: 20_000, min: 0, max: 5 * MINUTE }),
    rest: duration(
      "A client that is silent for so long between its recipients and its message gives the connection back meanwhile; the backend is asked again when it goes on.",
      { default: 10_000, min: 1000, max: 5 * MINUTE },
    ),
  }),
  replyTimeout: duration(
    "How long a backend may take to answer a command; then another one is tried. Senders wait 2 to 5 minutes themselves.",
    {
      default: 90_000,
      min: 1000,
      max: 10 * MINUTE,
    },
  ),
  endTimeout: duration(
    "How long a backend may take to answer the end of a message. RFC 5321 section 4.5.3.2.6 asks for 10 minutes.",
    {
      default: 10 * MINUTE,
      min: 1000,
      max: 30 * MINUTE,
    },
  ),
};
