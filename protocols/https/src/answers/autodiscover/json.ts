// Autodiscover in JSON ("version 2"), as Outlook for phones asks: GET /autodiscover/autodiscover.json?Email=…&Protocol=…, or
// with the address in the path, …/autodiscover.json/v1.0/ADDRESS?Protocol=…. One URL for one protocol.

import { parameterOf, percentDecoded, queryOf } from "../../hints/query.ts";
import { pathOf } from "../local.ts";
import { mailAddress } from "./address.ts";
import type { Told } from "./told.ts";

export interface JsonAnswer {
  readonly status: 200 | 400 | 404;
  readonly json: string;
}

const PROTOCOLS: Readonly<Record<string, { readonly name: string; readonly url: (told: Told) => string | undefined }>> = {
  activesync: { name: "ActiveSync", url: (told) => told.activeSync },
  ews: { name: "Ews", url: (told) => told.ews },
  autodiscoverv1: { name: "AutodiscoverV1", url: (told) => `${told.base}/autodiscover/autodiscover.xml` },
};

export function jsonAnswer(target: string, told: Told): JsonAnswer {
  const query = queryOf(target);
  const email = parameterOf(query, "Email") ?? emailInPath(target);
  const wanted = parameterOf(query, "Protocol");
  if (email === undefined || wanted === undefined)
    return error(400, "MandatoryParameterMissing", "Name an address (Email) and a protocol (Protocol).");
  if (mailAddress(email, told.domains) === undefined) return error(404, "UserNotFound", "The user is not served here.");
  const known = Object.hasOwn(PROTOCOLS, wanted.toLowerCase()) ? PROTOCOLS[wanted.toLowerCase()] : undefined;
  const url = known?.url(told);
  if (known === undefined || url === undefined)
    return error(400, "InvalidProtocol", `The protocol is not served here. There are: ${served(told)}.`);
  return { status: 200, json: JSON.stringify({ Protocol: known.name, Url: url }) };
}

function emailInPath(target: string): string | undefined {
  const found = /\/autodiscover\.json\/v\d+(?:\.\d+)?\/([^/]+)$/i.exec(pathOf(target))?.[1];
  return found === undefined ? undefined : percentDecoded(found);
}

const served = (told: Told): string =>
  Object.values(PROTOCOLS)
    .filter(({ url }) => url(told) !== undefined)
    .map(({ name }) => name)
    .join(", ");

const error = (status: 400 | 404, code: string, message: string): JsonAnswer => ({
  status,
  json: JSON.stringify({ ErrorCode: code, ErrorMessage: message }),
});
