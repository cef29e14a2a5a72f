// Questions that the gateway answers itself, for tests of these answers.

import { ownAnswer } from "../src/answers/own.ts";
import type { HttpRequest } from "../src/exchange.ts";
import type { Endpoint, Service } from "../src/parts.ts";
import type { HttpsSettings } from "../src/settings.ts";
import { testExchange, type Said } from "./exchanges.ts";
import { testService, webSettings } from "./parts.ts";

type Kind = NonNullable<Service["own"]>["kind"];

/** What the gateway listens on, where a question says nothing else. */
const ENDPOINTS: readonly Endpoint[] = [
  { protocol: "imap", port: 143, tls: "starttls" },
  { protocol: "imap", port: 993, tls: "implicit" },
  { protocol: "pop3", port: 110, tls: "none" },
  { protocol: "submission", port: 587, tls: "starttls" },
  { protocol: "submission", port: 587, tls: "starttls" },
  { protocol: "smtp", port: 25, tls: "starttls" },
  { protocol: "https", port: 443, tls: "implicit" },
  { protocol: "http", port: 80, tls: "none" },
];

export interface Question {
  readonly request?: Partial<HttpRequest>;
  readonly body?: string | Buffer | undefined;
  readonly more?: Partial<HttpsSettings["autodiscover"]>;
  readonly endpoints?: readonly Endpoint[];
}

/** Asks the gateway for an answer of its own. */
export function asked(kind: Kind, { request, body, more, endpoints = ENDPOINTS }: Question): Said {
  const exchange = testExchange(request);
  const all = webSettings();
  const house = { hostname: "mail.example.com", endpoints, settings: { autodiscover: { ...all.autodiscover, ...more } } };
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  if (!ownAnswer(exchange, testService({ own: { kind, when: "gateway" } }), bytes, house)) throw new Error("Not answered");
  return exchange.said;
}

/** All that can be offered, and a name with markup in it. */
export const ALL = { activeSync: true, ews: true, mapi: true, displayName: `Mail & "More"` };

export const OUTLOOK = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

/** What Outlook and phones send. */
export const poxBody = (address: string, schema: string): string => `<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>
<EMailAddress>${address}</EMailAddress><AcceptableResponseSchema>${schema}</AcceptableResponseSchema></Request></Autodiscover>`;
