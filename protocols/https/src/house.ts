// All that serving a request needs: what the gateway hands in, and the rooms that are built of it for one configuration.

import type { UserPlaces } from "@postern/core";
import type { Affinity } from "./hints/affinity-cookie.ts";
import type { Holds } from "./bodies.ts";
import type { Devices } from "./devices/devices.ts";
import type { Kept } from "./forwarded-fields.ts";
import type { Hints } from "./hints/hints.ts";
import type { LookUps } from "./look-ups.ts";
import type { Logins } from "./login/logins.ts";
import type { Backs } from "./backends.ts";
import type { HttpsParts } from "./parts.ts";
import type { Services } from "./services/services.ts";

export interface House extends HttpsParts {
  readonly services: Services;
  readonly devices: Devices;
  readonly logins: Logins;
  readonly hints: Hints;
  readonly lookUps: LookUps;
  readonly holds: Holds;
  readonly affinity: Affinity;
  readonly backs: Backs;
  readonly places: UserPlaces;
  readonly kept: Kept;
  /** Strict-Transport-Security, or nothing. */
  readonly strictTransport: readonly string[];
  readonly isDraining: () => boolean;
}
