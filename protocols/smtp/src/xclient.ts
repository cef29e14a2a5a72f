// XCLIENT (Postfix's XCLIENT_README; Dovecot's has TTL): a gateway in front tells an SMTP server where the client really is,
// and, where the gateway has checked the user, who it is. We send the attributes that a backend lists. A client's are
// believed about addresses only from trusted peers, and never about who logged in. TTL counts down at every gateway and
// stops two that point at each other. Values are xtext (RFC 3461 section 4). Failure: syntax, route-loop.

import { Failure, type MailVisit, type Session } from "@postern/contracts";
import { reportedAddress, takeTtl, ttlFor } from "@postern/core";
import { helloOf, isHelloName, type Hello } from "./hello.ts";

const UNAVAILABLE = "[UNAVAILABLE]";
/** Nobody has asked the DNS, or it did not answer. */
const NOT_NOW = "[TEMPUNAVAIL]";

/** A command line has so many bytes at most, with its CRLF. */
const MAX_COMMAND = 512;

/** What a gateway in front says of its client, beside the address. */
export interface Told {
  /** What the client called itself, and how. */
  readonly hello: Hello | undefined;
  /** Its name in the DNS; "": it has none; undefined: not told. */
  readonly name: string | undefined;
}

/** Takes what a gateway in front says. Address and hops go into the session; the rest is told by trusted gateways only. */
export function learnFromXclient(args: string, session: Session): Told {
  const fields = new Map<string, string>();
  for (const word of args.split(" ").filter((part) => part !== "")) {
    const match = /^([A-Za-z]{1,20})=([\u0021-\u007e]{0,512})$/.exec(word);
    if (match === null) throw new Failure("syntax", "XCLIENT takes NAME=value words");
    fields.set((match[1] ?? "").toUpperCase(), decodeXtext(match[2] ?? ""));
  }
  takeTtl(session, fields.get("TTL"));
  const host = fields.get("ADDR")?.replace(/^IPV6:/i, "");
  session.client = reportedAddress(session, host, fields.get("PORT")) ?? session.client;
  if (!session.listener.trusts(session.peer.host)) return NOTHING_TOLD;
  return { hello: toldHello(fields.get("HELO"), fields.get("PROTO")), name: toldName(fields.get("NAME")) };
}

const NOTHING_TOLD: Told = { hello: undefined, name: undefined };
const NAME = /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/;

/** A name that cannot be one is none. */
function toldHello(name: string | undefined, protocol: string | undefined): Hello | undefined {
  if (name === undefined || !isHelloName(name) || isUnknown(name)) return undefined;
  return { name, extended: protocol?.toUpperCase() !== "SMTP" };
}

function toldName(name: string | undefined): string | undefined {
  if (name === undefined || name.toUpperCase() === NOT_NOW) return undefined;
  return NAME.test(name) ? name : "";
}

const isUnknown = (value: string): boolean => [UNAVAILABLE, NOT_NOW].includes(value.toUpperCase());

/** The attributes that a listener lists: addresses for gateways of ours only. */
export const xclientOffer = (session: Session): string =>
  session.listener.trusts(session.peer.host) ? "XCLIENT ADDR PORT TTL" : "XCLIENT TTL";

/** Where all of a client may be told, to gateways of ours only. */
export const xclientOfferOfMail = (session: Session): readonly string[] =>
  session.listener.trusts(session.peer.host) ? ["XCLIENT NAME ADDR PORT PROTO HELO TTL"] : [];

export interface XclientFacts {
  /** What the backend lists, in upper case. */
  readonly offered: readonly string[];
  /** The backend may be told where the client is. */
  readonly forwardClient: boolean;
  /** Who is logged in, where the gateway has checked that; undefined: the backend is about to be asked. */
  readonly login: string | undefined;
  /** What is known of a client whose mail comes in; where it is left out, the session's hello is told, and no name. */
  readonly visit?: MailVisit;
}

/**
 * A backend believes XCLIENT because of the gateway's address, and a client whose session is relayed could send it too. Any
 * address in place of ours takes that right away (Postfix asks for it anew at each XCLIENT), so one is always told.
 */
const NOBODY: Pairs = [
  ["NAME", UNAVAILABLE],
  ["ADDR", UNAVAILABLE],
];

/** The command for the backend; undefined when there is nothing to say. Failure: route-loop. */
export function xclientLine(session: Session, { offered, forwardClient, login, visit }: XclientFacts): string | undefined {
  const ttl = ttlFor(session);
  if (offered.length === 0) return undefined;
  const pairs: (readonly [string, string])[] = [["TTL", ttl]];
  if (login !== undefined) pairs.push(["LOGIN", encodeXtext(login)]);
  if (forwardClient) pairs.push(["SESSION", encodeXtext(session.id)], ...clientPairs(session, visit));
  else if (visit === undefined) pairs.push(...NOBODY);
  const said = pairs.filter(([name]) => offered.includes(name));
  if (said.length === 0) return undefined;
  const line = (some: typeof said): string => commandOf("XCLIENT", some);
  const whole = line(said);
  // The name can be long, and follows in EHLO anyway.
  return whole.length <= MAX_COMMAND ? whole : line(said.filter(([name]) => name !== "HELO"));
}

type Pairs = readonly (readonly [string, string])[];

const commandOf = (verb: string, pairs: Pairs): string => `${verb} ${pairs.map((pair) => pair.join("=")).join(" ")}\r\n`;

const XFORWARD: readonly (readonly string[])[] = [
  ["NAME", "ADDR", "PORT", "PROTO"],
  ["HELO", "IDENT", "SOURCE"],
];

/**
 * XFORWARD (Postfix's XFORWARD_README): where a message came from, for the backend's log alone, as far as it lists that; before
 * each MAIL. Two commands, as long names need the room. `ident` is the name of the message here. A name that is not known for now
 * is not known: XFORWARD has no word for that.
 */
export function xforwardLines(visit: MailVisit, offered: readonly string[], ident: string): string[] {
  const client = clientPairs(visit.session, { ...visit, hostName: visit.hostName ?? "" });
  const all: Pairs = [...client, ["IDENT", encodeXtext(ident)], ["SOURCE", "REMOTE"]];
  const groups = XFORWARD.map((names) => all.filter(([name]) => names.includes(name) && offered.includes(name)));
  return groups
    .filter((some) => some.length > 0)
    .map((some) => commandOf("XFORWARD", some))
    .filter(({ length }) => length <= MAX_COMMAND);
}

function clientPairs(session: Session, visit?: MailVisit): [string, string][] {
  const { host, port } = session.client;
  const known = host !== "";
  const hello = visit === undefined ? helloOf(session) : helloIn(visit);
  return [
    ["NAME", nameIn(visit)],
    ["ADDR", known ? `${host.includes(":") ? "IPV6:" : ""}${host}` : UNAVAILABLE],
    ["PORT", known ? String(port) : UNAVAILABLE],
    ["PROTO", hello?.extended === false ? "SMTP" : "ESMTP"],
    ["HELO", hello === undefined ? UNAVAILABLE : encodeXtext(Buffer.from(hello.name, "latin1"))],
  ];
}

/** Without a visit nobody was meant to ask. */
const nameIn = (visit: MailVisit | undefined): string =>
  visit !== undefined && visit.hostName === undefined ? NOT_NOW : encodeXtext(visit?.hostName ?? "") || UNAVAILABLE;

const helloIn = ({ hello, extended }: MailVisit): Hello | undefined =>
  hello === undefined ? undefined : { name: hello, extended };

function encodeXtext(value: string | Buffer): string {
  const text = Buffer.from(value).toString("latin1");
  return text.replaceAll(
    /[^\u0021-\u002a\u002c-\u003c\u003e-\u007e]/g,
    (char) => `+${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

const decodeXtext = (text: string): string =>
  text.replaceAll(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
