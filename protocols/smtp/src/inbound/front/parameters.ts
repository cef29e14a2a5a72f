// The parameters of MAIL and RCPT: which there are, what offers them, and what they may say. Values are checked, never changed:
// SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531), RET, ENVID, NOTIFY and ORCPT (RFC 3461), REQUIRETLS (RFC 8689). Throws
// MailError: what is not offered is not known.

import { MailError } from "./words.ts";
import { isAscii, type Path } from "./path.ts";

interface Row {
  /** The extension that must have been offered; undefined: always known. */
  readonly extension: string;
  /** A value that may be; undefined: none may be given. */
  readonly value: RegExp | undefined;
}

const XTEXT = String.raw`(?:[\u0021-\u002a\u002c-\u003c\u003e-\u007e\u0080-\u{10ffff}]|\+[0-9A-F]{2})`;
/** Hidden in xtext, a line end is still one. */
const HIDDEN_CONTROL = /\+(?:[01][0-9A-F]|7F)/;

const MAIL: Readonly<Record<string, Row>> = {
  SIZE: { extension: "SIZE", value: /^\d{1,20}$/ },
  BODY: { extension: "8BITMIME", value: /^(?:7BIT|8BITMIME)$/i },
  SMTPUTF8: { extension: "SMTPUTF8", value: undefined },
  RET: { extension: "DSN", value: /^(?:FULL|HDRS)$/i },
  ENVID: { extension: "DSN", value: new RegExp(`^${XTEXT}{1,100}$`, "u") },
  REQUIRETLS: { extension: "REQUIRETLS", value: undefined },
};

const RCPT: Readonly<Record<string, Row>> = {
  NOTIFY: { extension: "DSN", value: /^(?:NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY)){0,2})$/i },
  ORCPT: { extension: "DSN", value: new RegExp(`^[A-Za-z0-9-]{1,40};${XTEXT}+$`, "u") },
};

/** What the client was told that there is. */
export type Offers = ReadonlySet<string>;

export function checkSender(path: Path, offers: Offers, maxMessage: number): void {
  check(path, MAIL, offers);
  checkScript(path, path.parameters.has("SMTPUTF8"));
  if (Number(path.parameters.get("SIZE") ?? 0) > maxMessage)
    throw new MailError(552, "5.3.4", `A message may have ${maxMessage} bytes`);
}

/** `utf8`: the transaction began with SMTPUTF8. */
export function checkRecipient(path: Path, offers: Offers, utf8: boolean): void {
  check(path, RCPT, offers);
  checkScript(path, utf8);
}

function check({ parameters }: Path, rows: Readonly<Record<string, Row>>, offers: Offers): void {
  for (const [name, value] of parameters) {
    const row = Object.hasOwn(rows, name) ? rows[name] : undefined;
    if (row === undefined || !offers.has(row.extension)) throw new MailError(555, "5.5.4", `${name} is not known here`);
    const fits = row.value === undefined ? value === undefined : value !== undefined && row.value.test(value);
    if (!fits || HIDDEN_CONTROL.test(value ?? "")) throw new MailError(501, "5.5.4", `${name} has a value that it cannot have`);
  }
}

function checkScript({ address, parameters }: Path, utf8: boolean): void {
  if (utf8 || (isAscii(address) && [...parameters.values()].every((value) => isAscii(value ?? "")))) return;
  throw new MailError(553, "5.6.7", "Addresses that are not ASCII need SMTPUTF8");
}
