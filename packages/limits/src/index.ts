// Limits: connections and failed logins.

export { createConnectionLimits } from "./connections.ts";
export { createLoginGuard, GUARD_BOUNDS, type GuardBounds, type MeasuredLoginGuard } from "./guard.ts";
export { addressKey, inNetworks, parseNetwork, type Network } from "./networks.ts";
export { limitContradictions, limitSettings, type Contradiction, type LimitSettings } from "./settings.ts";
