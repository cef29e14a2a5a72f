// The gateway as a program: what the command line calls, and what tests start.

export { SERVICES as WEB_SERVICES, statusOf as webStatusOf } from "@postern/https";
export { runCheck } from "./check.ts";
export { Gateway, type GatewayParts } from "./gateway.ts";
export { configOf, type Source } from "./orders.ts";
export { LINE_PROTOCOLS, PARTS, PROTOCOLS, type GatewayConfig } from "./parts.ts";
export { runPasswd } from "./passwd.ts";
export { runRoute } from "./route.ts";
export { runRuleTest, type RuleTestArgs } from "./rule-test.ts";
export { runServe } from "./serve.ts";
