// Limits: connections and failed logins.

export { createConnectionLimits } from "./connections.ts";
export { createLoginGuard, GUARD_BOUNDS, type GuardBounds, type MeasuredLoginGuard } from "./guard.ts";
export { limitContradictions, limitSettings, type LimitSettings } from "./settings.ts";
