// How the gateway logs in at backends: the strategies by name.

import type { BackendLogin, Clock, LoginSettings, LoginStrategy } from "@postern/contracts";
import { createMaster } from "./master.ts";
import { relay } from "./relay.ts";
import { createXclient } from "./xclient.ts";

/** What a strategy gets of the house. */
export interface LoginContext {
  readonly clock: Clock;
  readonly hostname: string;
}

const BUILDERS: Partial<Record<LoginStrategy, (settings: LoginSettings, context: LoginContext) => BackendLogin>> = {
  relay: () => relay,
  master: createMaster,
  xclient: createXclient,
};

/** The strategy of a leg. Throws an Error that says "KEY: sentence" for settings that contradict themselves. */
export function createBackendLogin(settings: LoginSettings, context: LoginContext): BackendLogin {
  const build = BUILDERS[settings.strategy];
  if (build === undefined) throw new Error(`strategy: ${settings.strategy} is not in this build yet`);
  return build(settings, context);
}
