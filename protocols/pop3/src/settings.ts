// Settings of the POP3 front.

import { setting } from "@postern/contracts";

export const pop3Settings = {
  greeting: setting.text("The words of the greeting.", { default: "Postern ready" }),
  idle: setting.duration(
    "A session in which nothing moves for this long is ended. RFC 1939 section 3 asks for at least 10 minutes.",
    {
      default: 11 * 60_000,
      min: 10 * 60_000,
      max: 24 * 3_600_000,
    },
  ),
};
