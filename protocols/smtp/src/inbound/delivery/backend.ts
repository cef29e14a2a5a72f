// What is known of a pooled SMTP or LMTP connection after its greeting.

import type { Extensions } from "../../responses.ts";

export interface SmtpBackend {
  readonly lmtp: boolean;
  /** As the last EHLO listed them. */
  extensions: Extensions;
  /** The XCLIENT command by which it was told of a client; undefined: of none. */
  introduced: string | undefined;
}
