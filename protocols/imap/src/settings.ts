// Settings of the IMAP front.

import { setting } from "@postern/contracts";

export const imapSettings = {
  greeting: setting.text("The words of the greeting, after the capability list.", { default: "Postern ready" }),
  idle: setting.duration(
    "A session in which nothing moves for this long is ended. RFC 9051 section 5.4 asks for at least 30 minutes.",
    {
      default: 35 * 60_000,
      min: 30 * 60_000,
      max: 24 * 3_600_000,
    },
  ),
};
