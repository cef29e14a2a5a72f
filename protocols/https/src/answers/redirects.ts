// Users of a backend that the settings send elsewhere, where their protocol can follow; all the rest is proxied. Browsers go at
// once (302) or by a page with the link; phones from ActiveSync 12.1 on by 451 and X-MS-Location ([MS-ASHTTP] 2.2.2.1.1); mail
// apps by Autodiscover's own words, or by 302. Only known users are sent, only to hosts of the settings, and never to the host
// that was asked for: that would go round in a circle.

import { firstOf, type Fields } from "@postern/http";
import type { Leg } from "@postern/contracts";
import { parseActiveSync } from "../hints/activesync.ts";
import type { Exchange } from "../exchange.ts";
import type { HttpsParts, Service } from "../parts.ts";
import { textOf, xmlText } from "../xml.ts";
import { mailAddress } from "./autodiscover/address.ts";
import { dialectOf } from "./autodiscover/dialect.ts";
import { poxRedirect, poxSchema } from "./autodiscover/pox.ts";
import { soapRedirect } from "./autodiscover/soap.ts";
import { pathOf, say } from "./local.ts";
import { PAGE_FIELDS, pageText, wantsPage } from "./page.ts";

type Redirects = HttpsParts["settings"]["redirects"];
type Redirect = Redirects[string];

interface Journey {
  readonly exchange: Exchange;
  readonly redirect: Redirect;
  /** What is held of the request's body. */
  readonly body: Buffer | undefined;
}

/** True: the client was told where to go. */
export function redirected(
  exchange: Exchange,
  { redirects: style }: Pick<Service, "redirects">,
  { legs, user }: { readonly legs: readonly Leg[]; readonly user: string | undefined },
  { settings: { redirects } }: { readonly settings: { readonly redirects: Redirects } },
  body?: Buffer,
): boolean {
  const backend = legs[0]?.backend;
  if (style === undefined || user === undefined || backend === undefined || !Object.hasOwn(redirects, backend)) return false;
  const redirect = redirects[backend];
  if (redirect === undefined || new URL(redirect.url).hostname === exchange.request.host) return false;
  return STYLES[style]({ exchange, redirect, body });
}

const STYLES: Readonly<Record<NonNullable<Service["redirects"]>, (journey: Journey) => boolean>> = {
  page: redirectPage,
  activesync: redirectPhone,
  autodiscover: redirectAutodiscover,
};

/** Pages that a person goes to. What scripts ask for, and forms that are sent, could not follow. */
function redirectPage({ exchange, redirect: { url, style } }: Journey): boolean {
  const { request } = exchange;
  if ((request.method !== "GET" && request.method !== "HEAD") || !wantsPage(request)) return false;
  const target = `${url}${request.target}`;
  if (style === "silent") say(exchange, 302, ["Location", target]);
  else {
    const link = { url: target, text: new URL(url).host };
    const sentences = ["Your mailbox is at another address. Use this link, and keep it for the next time."];
    say(exchange, 200, PAGE_FIELDS, pageText({ title: "Your mailbox has moved", sentences, link }));
  }
  return true;
}

const ACTIVESYNC = "/Microsoft-Server-ActiveSync";

function redirectPhone({ exchange, redirect: { url } }: Journey): boolean {
  if (!followsRedirects(exchange)) return false;
  say(exchange, 451, ["X-MS-Location", `${url}${ACTIVESYNC}`], "", "Redirect");
  return true;
}

/** Phones follow from 12.1 on; those that do not say their version are not asked to. */
function followsRedirects({ request }: Exchange): boolean {
  const version = parseActiveSync(request)?.version ?? firstOf(request.fields, "ms-asprotocolversion") ?? "";
  return /^\d{1,2}\.\d$/.test(version) && Number(version) >= 12.1;
}

const XML: Fields = ["Content-Type", "text/xml; charset=utf-8"];

function redirectAutodiscover({ exchange, redirect, body }: Journey): boolean {
  const dialect = dialectOf(exchange.request.target);
  const xml = body === undefined ? "" : xmlText(body);
  if (dialect === "soap") return redirectSoap(exchange, redirect, xml);
  if (dialect === "pox" && redirectPox(exchange, redirect, xml)) return true;
  if (dialect === undefined) return false;
  say(exchange, 302, ["Location", `${redirect.url}${exchange.request.target}`]);
  return true;
}

function redirectPox(exchange: Exchange, redirect: Redirect, xml: string): boolean {
  const schema = poxSchema(xml);
  const from = textOf(xml, "EMailAddress");
  const to = addressThere(from, redirect);
  if (schema === undefined || from === undefined || to === undefined) return false;
  say(exchange, 200, XML, poxRedirect(schema, from, to));
  return true;
}

function redirectSoap(exchange: Exchange, redirect: Redirect, xml: string): boolean {
  const to = addressThere(textOf(xml, "Mailbox"), redirect);
  const url = `${redirect.url}${pathOf(exchange.request.target)}`;
  const answer = to === undefined ? soapRedirect(xml, "RedirectUrl", url) : soapRedirect(xml, "RedirectAddress", to);
  if (answer === undefined) return false;
  say(exchange, answer.status, XML, answer.xml);
  return true;
}

/** The user's name at the other domain; undefined: there is none, or it is that domain already. */
function addressThere(sent: string | undefined, { address: domain }: Redirect): string | undefined {
  const address = mailAddress(sent, []);
  return address === undefined || domain === undefined || address.domain === domain ? undefined : `${address.name}@${domain}`;
}
