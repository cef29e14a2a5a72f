// Limits: connections and failed logins.

export { createConnectionLimits } from "./connections.ts";
export { createLoginGuard, GUARD_BOUNDS, type GuardBounds, type MeasuredLoginGuard } from "./guard.ts";
export { addressKey } from "./address-key.ts";
export { limitContradictions, limitSettings, type LimitSettings } from "./settings.ts";
