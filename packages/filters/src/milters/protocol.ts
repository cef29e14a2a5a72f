// The milter protocol, version 6, as Postfix and libmilter speak it (mfdef.h, mfapi.h of sendmail 8.14): commands, replies, what
// may be negotiated, and the macros of each stage. Tables only.

export const VERSION = 6;
/** Older ones have no flags for steps that nobody answers. */
export const OLDEST_VERSION = 2;

/** A packet is never longer, whatever its length says. */
export const MAX_PACKET = 1024 * 1024;
/** Bytes of the body in one packet. */
export const MAX_BODY = 65_535;

export const COMMANDS = {
  negotiate: "O",
  macros: "D",
  connect: "C",
  hello: "H",
  sender: "M",
  recipient: "R",
  data: "T",
  field: "L",
  endOfHeader: "N",
  body: "B",
  endOfBody: "E",
  abort: "A",
  quit: "Q",
} as const;
export type Command = keyof typeof COMMANDS;

/** By the byte on the wire. */
export const REPLIES = {
  "+": "addRecipient",
  "-": "removeRecipient",
  "2": "addRecipientWithParameters",
  "4": "shutdown",
  O: "negotiate",
  a: "accept",
  b: "replaceBody",
  c: "continue",
  d: "discard",
  e: "changeSender",
  f: "connectionFailed",
  h: "addField",
  i: "insertField",
  m: "changeField",
  p: "progress",
  q: "quarantine",
  r: "reject",
  s: "skip",
  t: "defer",
  y: "replyCode",
} as const;
export type ReplyName = (typeof REPLIES)[keyof typeof REPLIES];

/** What a milter may ask for: SMFIF_*. */
export const ACTIONS = { addFields: 0x01, addRecipients: 0x04, changeFields: 0x10, chooseMacros: 0x100 } as const;
/** What we do. Never: another body or sender, fewer recipients, quarantine. */
export const OFFERED_ACTIONS = ACTIONS.addFields | ACTIONS.addRecipients | ACTIONS.changeFields | ACTIONS.chooseMacros;

/** Steps that a milter does not want to see: SMFIP_NO*. */
export const LEFT_OUT: Readonly<Partial<Record<Command, number>>> = {
  connect: 0x01,
  hello: 0x02,
  sender: 0x04,
  recipient: 0x08,
  body: 0x10,
  field: 0x20,
  endOfHeader: 0x40,
  data: 0x200,
};
/** Steps that it does not answer: SMFIP_NR_*. */
export const UNANSWERED: Readonly<Partial<Record<Command, number>>> = {
  field: 0x80,
  connect: 0x1000,
  hello: 0x2000,
  sender: 0x4000,
  recipient: 0x8000,
  data: 0x1_0000,
  endOfHeader: 0x4_0000,
  body: 0x8_0000,
};
const UNKNOWN_LEFT_OUT = 0x100;
const UNKNOWN_UNANSWERED = 0x2_0000;
/** It may say that it has seen enough of the body. */
const MAY_SKIP = 0x400;
/** Values of fields keep the blank behind the colon. */
export const LEADING_BLANKS = 0x10_0000;

const all = (flags: Readonly<Partial<Record<Command, number>>>): number =>
  Object.values(flags).reduce((sum, bit) => sum | bit, 0);
export const OFFERED_STEPS = all(LEFT_OUT) | all(UNANSWERED) | UNKNOWN_LEFT_OUT | UNKNOWN_UNANSWERED | MAY_SKIP | LEADING_BLANKS;

/** Which macros go before which command, unless the milter chooses: the defaults of Postfix, and the client. */
export const MACROS: Readonly<Partial<Record<Command, readonly string[]>>> = {
  connect: ["j", "{daemon_name}", "{daemon_addr}", "v", "_", "{client_addr}", "{client_name}", "{client_port}", "{client_ptr}"],
  hello: ["{tls_version}", "{cipher}", "{cert_subject}", "{cert_issuer}"],
  sender: ["i", "{mail_addr}", "{mail_host}", "{mail_mailer}"],
  recipient: ["i", "{rcpt_addr}", "{rcpt_host}", "{rcpt_mailer}"],
  data: ["i"],
  endOfHeader: ["i"],
  endOfBody: ["i"],
};

/** The numbers of stages for which a milter chooses macros: SMFIM_*. */
export const MACRO_STAGES: Readonly<Record<number, Command>> = {
  0: "connect",
  1: "hello",
  2: "sender",
  3: "recipient",
  4: "data",
  5: "endOfBody",
  6: "endOfHeader",
};
