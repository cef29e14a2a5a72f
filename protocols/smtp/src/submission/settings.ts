// Settings of the submission front.

import { setting } from "@postern/contracts";

export const submissionSettings = {
  greeting: setting.text("The words of the greeting, after the host name and ESMTP.", { default: "Postern ready" }),
  idle: setting.duration(
    "A session in which nothing moves for this long is ended. RFC 5321 section 4.5.3.2.6 lets a client wait 10 minutes for the answer to a message.",
    {
      default: 11 * 60_000,
      min: 10 * 60_000,
      max: 24 * 3_600_000,
    },
  ),
};
