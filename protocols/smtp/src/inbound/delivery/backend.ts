// What is known of a pooled SMTP or LMTP connection after its greeting.

import type { Extensions } from "../../responses.ts";

export interface SmtpBackend {
  readonly lmtp: boolean;
  readonly extensions: Extensions;
}
