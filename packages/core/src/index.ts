// The path, its command loop, the router and the registry. Read path.ts first.

export { countError, refuseForeign, runCommands, type Command, type CommandLoop, type Outcome } from "./command-loop.ts";
export type { House, ListenerHouse, LoginSettings, Observer, SessionTrace } from "./house.ts";
export { serve } from "./path.ts";
export { Registry, type Live } from "./registry.ts";
export { createRouter, type AdHocLeg, type BackendTable } from "./router.ts";
