// Puts the web protocols together for one configuration: the rooms, the path of a request on top of them, and the two
// protocols that listeners speak. Throws what a part says of its settings.

import type { HostedProtocol } from "@postern/contracts";
import { createUserPlaces } from "@postern/core";
import { createBacks } from "./back/backs.ts";
import { refusalText } from "./answers/refusals.ts";
import { Holds } from "./bodies.ts";
import { createDevices } from "./devices/devices.ts";
import { strippedFields } from "./forwarded-fields.ts";
import { openFront } from "./front/front.ts";
import { plainHandler } from "./front/plain.ts";
import { createAffinity } from "./hints/affinity-cookie.ts";
import { createHints } from "./hints/hints.ts";
import type { House } from "./house.ts";
import { createLookUps } from "./look-ups.ts";
import { createLogins } from "./login/logins.ts";
import { httpPart, httpsPart } from "./part.ts";
import type { Handler } from "./exchange.ts";
import type { HttpsParts } from "./parts.ts";
import { createServe } from "./serve.ts";
import { createServices } from "./services/services.ts";

/** Both go to the same backends, over the same connections. */
export interface BuiltHttps {
  readonly https: HostedProtocol;
  readonly http: HostedProtocol;
}

export function buildHttps(parts: HttpsParts): BuiltHttps {
  const { clock, logger, settings, hostname } = parts;
  let isDraining = false;
  const house = houseOf(parts, () => isDraining);
  const handler = createServe(house);
  const protocolOf = (part: typeof httpsPart, answers: Handler): HostedProtocol => ({
    ...part,
    host(socket, session, doors) {
      const hosted = openFront(socket, session, doors, { settings, clock, logger, hostname, handler: answers });
      return {
        over: hosted.over,
        get owes() {
          return hosted.owes;
        },
        end(ending, failure) {
          if (ending === "drained") isDraining = true;
          hosted.end(ending, failure);
        },
        cut: () => hosted.cut(),
      };
    },
    refusal: refusalText,
    close: () => house.backs.close(),
  });
  const https = settings.http2 ? httpsPart : { ...httpsPart, alpn: httpsPart.alpn.filter((name) => name !== "h2") };
  return {
    https: protocolOf(https, plainHandler(handler, { hasTls: false, redirectPort: settings.redirectPort })),
    http: protocolOf(httpPart, plainHandler(handler, { hasTls: parts.hasTls, redirectPort: settings.redirectPort })),
  };
}

function houseOf(parts: HttpsParts, isDraining: () => boolean): House {
  const { clock, health, logger, settings, secret } = parts;
  const affinity = createAffinity({ secret, settings: settings.cookie, clock });
  const holds = new Holds();
  const logins = createLogins(parts, holds);
  const { remoteUser, stripped, strictTransport } = settings;
  const seconds = Math.floor(strictTransport / 1000);
  return {
    ...parts,
    services: createServices(settings),
    devices: createDevices(settings.devices, clock, parts.defaultDomain),
    logins,
    affinity,
    hints: createHints({ affinity, defaultDomain: parts.defaultDomain }),
    lookUps: createLookUps(clock),
    holds,
    backs: createBacks({ clock, health, logger, settings: settings.pool }),
    places: createUserPlaces(settings.requestsPerUser, "requests under way"),
    kept: { isStripped: strippedFields([remoteUser, ...stripped]), ourCookies: [...affinity.cookieNames, ...logins.cookieNames] },
    strictTransport: seconds === 0 ? [] : ["Strict-Transport-Security", `max-age=${seconds}`],
    isDraining,
  };
}
