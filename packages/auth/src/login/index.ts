// How the gateway logs in at backends: the strategies by name.

import type { BackendLogin, Clock, LoginSettings, LoginStrategy } from "@postern/contracts";
import { createMaster } from "./master.ts";
import { createOauth } from "./oauth.ts";
import { relay } from "./relay.ts";
import { createXclient } from "./xclient.ts";

/** What a strategy gets of the house. */
export interface LoginContext {
  readonly clock: Clock;
  readonly hostname: string;
}

const BUILDERS: Record<LoginStrategy, (settings: LoginSettings, context: LoginContext) => BackendLogin> = {
  relay: () => relay,
  master: createMaster,
  oauth: createOauth,
  xclient: createXclient,
};

/** The strategy of a leg. Throws an Error that says "KEY: sentence" for settings that contradict themselves. */
export function createBackendLogin(settings: LoginSettings, context: LoginContext): BackendLogin {
  return BUILDERS[settings.strategy](settings, context);
}
