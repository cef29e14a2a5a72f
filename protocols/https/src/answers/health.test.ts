import type { HealthState, Leg } from "@postern/contracts";
import { testLeg } from "@postern/testing";
import test from "ava";
import { type Said, testExchange } from "../../test/exchanges.ts";
import { testService } from "../../test/parts.ts";
import type { HttpRequest } from "../exchange.ts";
import type { Service } from "../parts.ts";
import { answersHealth } from "./health.ts";

interface Case {
  readonly states?: Readonly<Record<string, HealthState>>;
  readonly request?: Partial<HttpRequest>;
  readonly service?: Partial<Service>;
  readonly isDraining?: boolean;
}

function asked({ states = { mbx1: "up" }, request, service: more, isDraining = false }: Case): Said | undefined {
  const legs = new Map<string, Leg>(Object.keys(states).map((backend) => [backend, testLeg(443, { backend })]));
  const facts = {
    hostname: "mail.example.com",
    legs,
    isDraining: () => isDraining,
    health: {
      facts: ({ backend }: Leg) => ({ state: states[backend] ?? "unknown", since: 0, evidence: "" }),
      order: (all: readonly Leg[]) => all,
      succeeded: () => {},
      failed: () => {},
    },
  };
  const exchange = testExchange({ target: "/owa/healthcheck.htm", ...request });
  const { said } = exchange;
  return answersHealth(exchange, testService({ paths: ["/owa"], hasHealthPage: true, ...more }), facts) ? said : undefined;
}

test("a folder is well while a backend for it is up, or nobody has tried yet", (t) => {
  t.is(asked({})?.body, "200 OK<br/>mail.example.com");
  t.is(asked({ states: { mbx1: "down", mbx2: "up" } })?.status, 200);
  t.is(asked({ states: { mbx1: "down", mbx2: "unknown" } })?.status, 200);
  t.is(asked({ states: { mbx1: "down", mbx2: "down" } })?.status, 503);
  t.is(asked({ states: {} })?.status, 503);
});

test("a folder with backends of its own is as well as they are", (t) => {
  const states = { mbx1: "up", web: "down" } as const;
  t.is(asked({ states, service: { backends: ["web"] } })?.status, 503);
  t.is(asked({ states, service: { backends: ["web", "mbx1"] } })?.status, 200);
  t.is(asked({ states, service: { backends: ["nowhere"] } })?.status, 503);
});

test("a node that drains is not well", (t) => {
  const said = asked({ isDraining: true });
  t.is(said?.status, 503);
  t.notRegex(said?.body ?? "", /200/);
});

test("HEAD is answered without a body, other methods are refused", (t) => {
  t.deepEqual([asked({ request: { method: "HEAD" } })?.status, asked({ request: { method: "HEAD" } })?.body], [200, ""]);
  t.is(asked({ request: { method: "POST" } })?.status, 405);
});

test("the page is found in any case of letters, with a query, in each folder, and nowhere else", (t) => {
  t.is(asked({ request: { target: "/OWA/HealthCheck.HTM?x=1" } })?.status, 200);
  t.is(asked({ request: { target: "/b/healthcheck.htm" }, service: { paths: ["/a", "/b"] } })?.status, 200);
  t.is(asked({ request: { target: "/healthcheck.htm" }, service: { paths: ["/"] } })?.status, 200);
  for (const target of [
    "/owa/",
    "/owa/healthcheck.html",
    "/owa/x/healthcheck.htm",
    "/owahealthcheck.htm",
    "*",
    "/owa?/healthcheck.htm",
  ])
    t.is(asked({ request: { target } }), undefined, target);
  t.is(asked({ service: { hasHealthPage: false } }), undefined);
});
