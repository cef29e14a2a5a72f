// What the gateway answers itself in place of a backend: Autodiscover in its three dialects, Mozilla's autoconfig, Apple's
// profiles. The answers depend on the configuration, the form of the address and its domain, and never on whether there is such a
// user. No login is needed: nothing in them is secret. Bodies that are not held whole (more than 64 kB) are no questions.

import { firstOf, type Fields } from "@postern/http";
import { parameterOf, queryOf } from "../hints/query.ts";
import type { Exchange } from "../exchange.ts";
import type { Service } from "../parts.ts";
import { xmlText } from "../xml.ts";
import { mailAddress, mailDomain } from "./autodiscover/address.ts";
import { autoconfigAnswer } from "./autodiscover/autoconfig.ts";
import { dialectOf, type Dialect } from "./autodiscover/dialect.ts";
import { jsonAnswer } from "./autodiscover/json.ts";
import { mobileconfigAnswer } from "./autodiscover/mobileconfig.ts";
import { poxAnswer } from "./autodiscover/pox.ts";
import { soapAnswer } from "./autodiscover/soap.ts";
import { toldBy, type TellingHouse, type Told } from "./autodiscover/told.ts";
import { say, sayMethods, sayText } from "./local.ts";

const XML: Fields = ["Content-Type", "text/xml; charset=utf-8"];
const JSON_TYPE: Fields = ["Content-Type", "application/json; charset=utf-8"];
const PROFILE: Fields = [
  "Content-Type",
  "application/x-apple-aspen-config; charset=utf-8",
  "Content-Disposition",
  'attachment; filename="mail.mobileconfig"',
];

interface Question {
  readonly exchange: Exchange;
  readonly body: Buffer | undefined;
  readonly told: Told;
}

type Answerer = (question: Question) => void;

/** `body`: the whole body; undefined: there is none, or too much. False: the gateway has no answers for this service. */
export function ownAnswer(exchange: Exchange, { own }: Service, body: Buffer | undefined, house: TellingHouse): boolean {
  if (own === undefined) return false;
  KINDS[own.kind]({ exchange, body, told: toldBy(house) });
  return true;
}

const KINDS: Readonly<Record<NonNullable<Service["own"]>["kind"], Answerer>> = {
  autodiscover(question) {
    const dialect = dialectOf(question.exchange.request.target);
    if (dialect === undefined) sayText(question.exchange, 404, "There is nothing here.");
    else DIALECTS[dialect](question);
  },
  autoconfig: reading(({ exchange, told }) => {
    const { target, host } = exchange.request;
    const sent = parameterOf(queryOf(target), "emailaddress");
    const domain =
      sent === undefined ? mailDomain(host.replace(/^autoconfig\./, ""), told.domains) : mailAddress(sent, told.domains)?.domain;
    sayFound(exchange, XML, domain === undefined ? undefined : autoconfigAnswer(domain, told));
  }),
  mobileconfig: reading(({ exchange, told }) => {
    const query = queryOf(exchange.request.target);
    const sent = parameterOf(query, "email") ?? parameterOf(query, "emailaddress");
    const address = mailAddress(sent, told.domains);
    const isServed = sent === undefined || address !== undefined;
    sayFound(exchange, PROFILE, isServed ? mobileconfigAnswer(address, told) : undefined);
  }),
};

function sayFound(exchange: Exchange, type: Fields, text: string | undefined): void {
  if (text === undefined) sayText(exchange, 404, "Nothing is offered here for this address.");
  else say(exchange, 200, type, text);
}

const DIALECTS: Readonly<Record<Dialect, Answerer>> = {
  /** What is no question, a GET too, is told so in XML: clients look for nothing else. */
  pox({ exchange, body, told }) {
    const { method, fields } = exchange.request;
    const canMapi = Number(firstOf(fields, "x-mapihttpcapability") ?? 0) >= 1;
    say(exchange, 200, XML, poxAnswer(method === "POST" ? textIn(body) : "", told, canMapi));
  },
  soap({ exchange, body, told }) {
    if (exchange.request.method !== "POST") return sayMethods(exchange, "POST");
    const { status, xml } = soapAnswer(textIn(body), told);
    say(exchange, status, XML, xml);
  },
  json: reading(({ exchange, told }) => {
    const { status, json } = jsonAnswer(exchange.request.target, told);
    say(exchange, status, JSON_TYPE, json);
  }),
};

function reading(answer: Answerer): Answerer {
  return (question) => {
    const { method } = question.exchange.request;
    if (method === "GET" || method === "HEAD") answer(question);
    else sayMethods(question.exchange, "GET, HEAD");
  };
}

const LARGEST = 64 * 1024;
const textIn = (body: Buffer | undefined): string => (body === undefined || body.length > LARGEST ? "" : xmlText(body));
