// An exchange without sockets for tests of what the gateway says itself: a request, and an answer that remembers what was said.

import { firstOf, type Fields } from "@postern/http";
import { defaultsOf, testSession } from "@postern/testing";
import { ownAnswer } from "../src/answers/own.ts";
import type { Answer, Exchange, HttpRequest } from "../src/exchange.ts";
import type { Endpoint, Service } from "../src/parts.ts";
import { httpsSettings, type HttpsSettings } from "../src/settings.ts";

export interface Said {
  readonly status: number | undefined;
  readonly reason: string;
  readonly fields: Fields;
  readonly body: string;
  readonly length: number | undefined;
  readonly ends: number;
  readonly cuts: number;
  /** The first field of this name, in small letters. */
  field(lower: string): string | undefined;
}

export interface Scene {
  readonly exchange: Exchange;
  readonly said: Said;
}

/** An exchange; `begun`: the status of an answer that is on its way already. */
export function scene(request: Partial<HttpRequest> = {}, begun?: number): Scene {
  const state = {
    status: begun,
    reason: "",
    fields: [] as Fields,
    body: "",
    length: undefined as number | undefined,
    ends: 0,
    cuts: 0,
  };
  const none = (): never => {
    throw new Error("Nobody does this here");
  };
  const answer: Answer = {
    get status() {
      return state.status;
    },
    get bytes() {
      return state.body.length;
    },
    get isOver() {
      return state.ends + state.cuts > 0;
    },
    inform: none,
    begin(head, length) {
      if (state.status !== undefined) throw new Error("A second answer");
      Object.assign(state, head, { length });
    },
    write(chunk) {
      state.body += chunk.toString();
      return true;
    },
    end() {
      state.ends += 1;
    },
    cut() {
      state.cuts += 1;
    },
    requireHttp11: none,
    switch: none,
    onDrain: undefined,
    onGone: undefined,
  };
  const exchange: Exchange = {
    request: {
      id: "s1.1",
      method: "GET",
      target: "/",
      host: "mail.example.com",
      authority: "mail.example.com",
      version: "1.1",
      fields: [],
      body: undefined,
      upgrade: undefined,
      ...request,
    },
    answer,
    client: {
      session: testSession(),
      isShared: false,
      pinned: new Map(),
      auth: undefined,
      closeSoon: none,
      cut: none,
      whenClosed: none,
    },
  };
  return { exchange, said: Object.assign(state, { field: (lower: string) => firstOf(state.fields, lower) }) };
}

export function service(rest: Partial<Service> = {}): Service {
  return {
    name: "test",
    hosts: [],
    paths: ["/test"],
    hints: [],
    authentication: "pass",
    backends: [],
    isForAnybody: false,
    idleMs: 60_000,
    maxBody: 0,
    refusals: "program",
    redirects: undefined,
    hasAffinity: false,
    hasHealthPage: true,
    own: undefined,
    ...rest,
  };
}

/** What a configuration without a word about it has. */
export const settings = (): HttpsSettings => defaultsOf(httpsSettings) as unknown as HttpsSettings;

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
  const { exchange, said } = scene(request);
  const all = settings();
  const house = { hostname: "mail.example.com", endpoints, settings: { autodiscover: { ...all.autodiscover, ...more } } };
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  if (!ownAnswer(exchange, service({ own: { kind, when: "gateway" } }), bytes, house)) throw new Error("Not answered");
  return said;
}

/** All that can be offered, and a name with markup in it. */
export const ALL = { activeSync: true, ews: true, mapi: true, displayName: `Mail & "More"` };

export const OUTLOOK = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

/** What Outlook and phones send. */
export const poxBody = (address: string, schema: string): string => `<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>
<EMailAddress>${address}</EMailAddress><AcceptableResponseSchema>${schema}</AcceptableResponseSchema></Request></Autodiscover>`;
