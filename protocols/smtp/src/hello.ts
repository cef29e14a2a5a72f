// What a client said of itself in EHLO or HELO: kept in the session until the backend has been told, and forgotten at
// STARTTLS. Failure: syntax.

import { Failure, type Session } from "@postern/contracts";

export interface Hello {
  /** As it was sent: one word of latin1 characters, none of them a control character. */
  readonly name: string;
  /** EHLO, not HELO. */
  readonly extended: boolean;
}

const NAME = "helo";
const EXTENDED = "ehlo";

/** One word: it will stand in a command of ours, and in the log of a backend. RFC 5321 section 4.5.3.1.2: 255 bytes. */
const WORD = /^[\u0021-\u007e\u0080-\u00ff]{1,255}$/;

export const isHelloName = (name: string): boolean => WORD.test(name);

export function keepHello(session: Session, name: string, extended: boolean): void {
  if (!isHelloName(name)) throw new Failure("syntax", "EHLO and HELO take one name");
  session.software = new Map([[extended ? EXTENDED : NAME, name]]);
}

export function helloOf({ software }: Session): Hello | undefined {
  const long = software?.get(EXTENDED);
  const name = long ?? software?.get(NAME);
  return typeof name === "string" ? { name, extended: typeof long === "string" } : undefined;
}

export function forgetHello(session: Session): void {
  session.software = undefined;
}
