// The inbound role: mail that comes in on port 25, answered here and given to the backends of its recipients. The static part is
// what the configuration knows of it; the protocol itself is built for each configuration.

import type { HostedProtocol, Protocol } from "@postern/contracts";
import { features } from "../backend-hello.ts";
import { refusal } from "../replies.ts";
import { openDelivery } from "./delivery/delivery.ts";
import { COMMANDS } from "./front/commands.ts";
import { Dialogue } from "./front/dialogue.ts";
import { frontHouse } from "./front/house.ts";
import { FrontServer } from "./front/server.ts";
import type { InboundParts, OpenDelivery } from "./parts.ts";
import { inboundSettings } from "./settings.ts";

export const inboundPart: Protocol = {
  name: "smtp",
  ports: { plain: 25, implicit: 465 },
  alpn: ["smtp"],
  schemes: {
    smtp: { tls: "none", port: 25 },
    "smtp+starttls": { tls: "starttls", port: 25 },
    smtps: { tls: "implicit", port: 25 },
    lmtp: { tls: "none", port: 24 },
    "lmtp+starttls": { tls: "starttls", port: 24 },
  },
  settings: inboundSettings,
  withoutLogin: true,
  features,
};

/** Built for one configuration. `open`: what talks to the backends. */
export function createInbound(parts: InboundParts, open: OpenDelivery = openDelivery): HostedProtocol {
  const house = frontHouse(parts, open);
  const server = new FrontServer(parts.hostname);
  return {
    ...inboundPart,
    host(socket, session, doors) {
      const wire = server.take(socket, session, doors, house);
      wire.start(new Dialogue(wire, house, COMMANDS));
      return wire;
    },
    refusal,
    close: () => parts.pool.close(),
  };
}
