// The ONLY file that names every part: protocols, mechanisms, and the settings tables of the packages. A new part is a
// new folder and a line here.

import type { LineProtocol, Protocol } from "@postern/contracts";
import type { Config } from "@postern/config";
import { authSettings } from "@postern/auth";
import { filterContradictions, filterSettings } from "@postern/filters";
import { healthContradictions, healthSettings } from "@postern/health";
import { httpPart, httpsContradictions, httpsPart } from "@postern/https";
import { imap } from "@postern/imap";
import { limitContradictions, limitSettings } from "@postern/limits";
import { mailContradictions, mailSettings, ruleContradictions, ruleSettings } from "@postern/mailflow";
import { passthroughContradictions, passthroughPart } from "@postern/passthrough";
import { pop3 } from "@postern/pop3";
import { rpcHttpContradictions, rpcHttpPart } from "@postern/rpc-http";
import { rpcTcpContradictions, rpcTcpPart } from "@postern/rpc-tcp";
import { routeSettings } from "@postern/routing";
import { MECHANISMS } from "@postern/sasl";
import { inboundPart, submission } from "@postern/smtp";
import { stateSettings } from "@postern/state";
import { logContradictions, logSettings } from "@postern/telemetry";

export { MECHANISMS };

/** Whose clients log in, and are relayed. */
export const LINE_PROTOCOLS: readonly LineProtocol[] = [imap, pop3, submission];

/** Those that answer by themselves (hosted.ts builds them), known to the configuration by their static part. */
const HOSTED: readonly Protocol[] = [inboundPart, httpsPart, httpPart, rpcHttpPart, rpcTcpPart, passthroughPart];

export const PROTOCOLS: readonly Protocol[] = [...LINE_PROTOCOLS, ...HOSTED];

export const PARTS = {
  protocols: PROTOCOLS,
  mechanisms: [...MECHANISMS.values()],
  routes: routeSettings,
  mail: mailSettings,
  filters: filterSettings,
  rules: ruleSettings,
  limits: limitSettings,
  health: healthSettings,
  authentication: authSettings,
  state: stateSettings,
  log: logSettings,
  checks: {
    mail: mailContradictions,
    filters: filterContradictions,
    rules: ruleContradictions,
    limits: limitContradictions,
    health: healthContradictions,
    log: logContradictions,
    https: httpsContradictions,
    "rpc-http": rpcHttpContradictions,
    passthrough: passthroughContradictions,
    "rpc-tcp": rpcTcpContradictions,
  },
} as const;

export type GatewayConfig = Config<typeof PARTS>;
