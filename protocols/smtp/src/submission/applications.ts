// Applications that a listener lets in without a login: their MAIL is the attempt. It goes to the backend as the client sent
// it (a bare LF at its end becomes CRLF), and the backend's answer is the client's; a failure before that is told as the
// answer to MAIL, always for a while only, so that nobody throws a message away. Never asks a backend itself.

import { Failure, type Attempt, type Session } from "@postern/contracts";
import { admissionOf, admittedCredentials } from "@postern/core";
import { helloOf } from "../hello.ts";
import { refusal } from "../replies.ts";

/** The attempt that a MAIL line is; undefined: this client has to log in. Failure: not-now before EHLO. */
export function attemptByMail(session: Session, line: string): Attempt | undefined {
  const admission = admissionOf(session);
  if (admission === undefined) return undefined;
  if (helloOf(session) === undefined) throw new Failure("not-now", "MAIL before EHLO");
  return { credentials: admittedCredentials(admission, `${line}\r\n`), tag: "" };
}

/** RFC 5321 section 4.2.3: 451 to MAIL. */
export function mailRefusal(failure: Failure): string {
  const { mayContinue, blame, public: words } = failure.row;
  if (!mayContinue) return refusal(failure);
  return refusal(
    failure,
    blame === "client" ? `451 4.7.0 ${words}` : "451 4.3.0 The mail server is unavailable, try again later",
  );
}
