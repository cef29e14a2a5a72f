// MAIL and RCPT as a backend gets them: of the parameters those that it lists, and what it must list to take the message at
// all. What the front has checked is checked again: nothing can end the path or the line. Failure: internal.
// RFC 5321 section 4.1.1, RFC 1870, RFC 6152, RFC 6531, RFC 3461, RFC 8689.

import { Failure, type MailAddress, type MailRecipient, type MailReply } from "@postern/contracts";
import type { Extensions } from "../../responses.ts";
import { NEEDS_8BIT, NEEDS_TLS, NEEDS_UTF8, NO_ADDRESS } from "./answers.ts";

interface Parameter {
  readonly extension: string;
  /** The refusal where the extension is missing; undefined: the parameter is left out. */
  readonly without?: (value: string) => MailReply | undefined;
}

const SENDER: Readonly<Record<string, Parameter>> = {
  SIZE: { extension: "SIZE" },
  BODY: { extension: "8BITMIME", without: (value) => (value.toUpperCase() === "7BIT" ? undefined : NEEDS_8BIT) },
  SMTPUTF8: { extension: "SMTPUTF8", without: () => NEEDS_UTF8 },
  RET: { extension: "DSN" },
  ENVID: { extension: "DSN" },
  REQUIRETLS: { extension: "REQUIRETLS", without: () => NEEDS_TLS },
};

const RECIPIENT: Readonly<Record<string, Parameter>> = { NOTIFY: { extension: "DSN" }, ORCPT: { extension: "DSN" } };

/** What one backend lists, and how it is reached. */
export interface Taker {
  readonly extensions: Extensions;
  readonly secure: boolean;
}

/** Why the backend cannot take mail of this sender; undefined: it can. */
export function unfitSender({ address, parameters }: MailAddress, { extensions, secure }: Taker): MailReply | undefined {
  if (!isAscii(address) && !extensions.has("SMTPUTF8")) return NEEDS_UTF8;
  if (parameters.has("REQUIRETLS") && !secure) return NEEDS_TLS;
  for (const [name, value] of parameters) {
    const row = Object.hasOwn(SENDER, name) ? SENDER[name] : undefined;
    const refusal = row === undefined || extensions.has(row.extension) ? undefined : row.without?.(value ?? "");
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Why this address can be told to no backend. */
export function unfitRecipient({ deliverTo }: MailRecipient, sender: MailAddress): MailReply | undefined {
  if (!isSafe(deliverTo)) return NO_ADDRESS;
  return isAscii(deliverTo) || needsUtf8(sender) ? undefined : NEEDS_UTF8;
}

export function mailCommand(sender: MailAddress, { extensions }: Taker): string {
  const parameters = new Map(sender.parameters);
  if (needsUtf8(sender)) parameters.set("SMTPUTF8", undefined);
  return command("MAIL FROM", sender.address, passed(parameters, SENDER, extensions));
}

export function rcptCommand({ deliverTo, parameters }: MailRecipient, { extensions }: Taker): string {
  return command("RCPT TO", deliverTo, passed(parameters, RECIPIENT, extensions));
}

const isAscii = (text: string): boolean => !/[^\u0000-\u007f]/.test(text);
const needsUtf8 = ({ address, parameters }: MailAddress): boolean => parameters.has("SMTPUTF8") || !isAscii(address);

type Values = ReadonlyMap<string, string | undefined>;

function passed(values: Values, rows: Readonly<Record<string, Parameter>>, extensions: Extensions): string[] {
  return [...values].flatMap(([name, value]) => {
    const row = Object.hasOwn(rows, name) ? rows[name] : undefined;
    if (row === undefined || !extensions.has(row.extension)) return [];
    return [value === undefined ? name : `${name}=${value}`];
  });
}

/** Outside of quotes no space and no bracket, so that the path ends where it should. */
const PATH = /^(?:[^\s<>"]|"(?:[^"\\]|\\.)*")*$/s;
const PARAMETER = /^[A-Z0-9-]+(?:=[^\s=]+)?$/;
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

const isSafe = (address: string): boolean => PATH.test(address) && !CONTROL.test(address);

/** Each character is a byte: the dialogue writes text as latin1, which would make line ends of some letters. */
function command(verb: string, address: string, parameters: readonly string[]): string {
  if (!isSafe(address) || !parameters.every((word) => PARAMETER.test(word) && !CONTROL.test(word)))
    throw new Failure("internal", `${verb} of ${JSON.stringify([address, ...parameters])} is not safe to send`);
  const line = `${[`${verb}:<${address}>`, ...parameters].join(" ")}\r\n`;
  return isAscii(line) ? line : Buffer.from(line).toString("latin1");
}
