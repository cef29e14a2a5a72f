// What every client of one configuration shares: the parts that the gateway handed in, the filters by stage, and what EHLO lists.

import type { Session } from "@postern/contracts";
import { ehloList, keywordOf } from "../../ehlo-list.ts";
import { inCommon } from "../../extensions.ts";
import { xclientOfferOfMail } from "../../xclient.ts";
import type { InboundParts, OpenDelivery } from "../parts.ts";
import { Filters } from "./ask.ts";
import type { MailHouse } from "./mail.ts";
import type { WireHouse } from "./talker.ts";

export interface FrontHouse extends MailHouse, WireHouse {
  readonly parts: InboundParts;
  readonly filters: Filters;
  readonly openDelivery: OpenDelivery;
}

export function frontHouse(parts: InboundParts, openDelivery: OpenDelivery): FrontHouse {
  const { clock, logger, settings } = parts;
  return {
    parts,
    filters: new Filters(parts.filters, logger),
    openDelivery,
    logger,
    clock,
    now: () => clock.now(),
    idle: settings.idle,
    rest: settings.pool.rest,
    sessionTime: settings.sessionTime,
  };
}

/** True of all our backends or not at all: what the message needs behind us. */
const PASSED = new Set(["PIPELINING", "8BITMIME", "SMTPUTF8", "DSN"]);
/** Done here, whatever the backends do. */
const OURS = ["ENHANCEDSTATUSCODES", "CHUNKING"];

/** What a client is offered: the lines behind EHLO, their first words, and the largest message. */
export interface Offer {
  readonly lines: readonly string[];
  readonly keywords: ReadonlySet<string>;
  readonly maxMessage: number;
}

export function offerTo(session: Session, canStartTls: boolean, { parts }: FrontHouse): Offer {
  const common = inCommon(parts.backendFeatures() ?? []);
  const theirs = Number(common.find((line) => line.startsWith("SIZE "))?.slice(5) ?? 0);
  const maxMessage = theirs > 0 ? Math.min(theirs, parts.settings.maxMessage) : parts.settings.maxMessage;
  const own = (): string[] => [...common.filter((line) => PASSED.has(keywordOf(line))), `SIZE ${maxMessage}`, ...OURS];
  const more = [...(canStartTls ? ["STARTTLS"] : []), ...xclientOfferOfMail(session)];
  const lines = ehloList(session.listener.capabilities, own, more, session.tls !== undefined);
  return { lines, keywords: new Set(lines.map(keywordOf)), maxMessage };
}
