// What the gateway adds to an answer: the last word of a login, the cookie that keeps a browser at its backend,
// Strict-Transport-Security (RFC 6797). Never throws.

import type { Leg } from "@postern/contracts";
import type { Fields } from "@postern/http";
import type { Errand } from "./errand.ts";
import type { House } from "./house.ts";

export function addedTo({ exchange, service, admission, where }: Errand, leg: Leg, house: House): Fields {
  const { request, client } = exchange;
  const isSecure = client.session.tls !== undefined;
  const more = [...admission.answerFields];
  if (service.hasAffinity)
    more.push(...house.affinity.renew(request, { mailbox: where.user, backend: leg.backend }, service, isSecure));
  if (isSecure) more.push(...house.strictTransport);
  return more;
}
