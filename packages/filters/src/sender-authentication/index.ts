// senderAuthentication: is the sender who it says? SPF at the sender; DKIM, ARC and DMARC when the message has ended. One
// Authentication-Results field (RFC 8601) tells what came out; fields that claim to be ours are removed. Trusted visits are
// left alone.

import type { FilterRow } from "../row.ts";
import { SenderAuthentication } from "./filter.ts";
import { senderAuthenticationSettings } from "./settings.ts";

export const senderAuthentication: FilterRow<typeof senderAuthenticationSettings> = {
  settings: senderAuthenticationSettings,
  build: (settings, services) => (settings.on ? new SenderAuthentication(settings, services) : undefined),
  contradictions: ({ trustedSealers, dmarc }) =>
    trustedSealers.length > 0 && dmarc === "off"
      ? [
          {
            key: "trustedSealers",
            problem: "must be empty when dmarc is off: whom to believe about DMARC then matters to nobody",
          },
        ]
      : [],
};
