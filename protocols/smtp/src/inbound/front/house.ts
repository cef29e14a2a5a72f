// What every client of one configuration shares: the parts that the gateway handed in, the filters by stage, and what EHLO lists.

import type { ListenerInfo, Session } from "@postern/contracts";
import { ehloList, ehloText, keywordOf } from "../../ehlo-list.ts";
import { inCommon, isSame } from "../../extensions.ts";
import { xclientOfferOfMail } from "../../xclient.ts";
import type { InboundParts, OpenDelivery } from "../parts.ts";
import { Filters } from "./ask.ts";
import type { MailHouse } from "./mail.ts";
import type { WireHouse } from "./talker.ts";

export interface FrontHouse extends MailHouse, WireHouse {
  readonly parts: InboundParts;
  readonly filters: Filters;
  readonly openDelivery: OpenDelivery;
  /** What the backends list, and what was made of it for each listener and kind of client. */
  readonly offers: { lists: Lists | undefined; made: Map<ListenerInfo, Map<string, Offer>> };
}

type Lists = ReturnType<InboundParts["backendFeatures"]>;

export function frontHouse(parts: InboundParts, openDelivery: OpenDelivery): FrontHouse {
  const { clock, logger, settings } = parts;
  return {
    parts,
    filters: new Filters(parts.filters, logger),
    openDelivery,
    offers: { lists: undefined, made: new Map() },
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

/** What a client is offered: the reply to EHLO, the first words of its lines, and the largest message. */
export interface Offer {
  readonly reply: string;
  readonly keywords: ReadonlySet<string>;
  readonly maxMessage: number;
}

/** Made anew when the backends list something else. */
export function offerTo(session: Session, canStartTls: boolean, { parts, offers }: FrontHouse): Offer {
  const lists = parts.backendFeatures();
  if (!isSame(lists, offers.lists)) offers.made.clear();
  offers.lists = lists;
  const more = [...(canStartTls ? ["STARTTLS"] : []), ...xclientOfferOfMail(session)];
  const kind = `${session.tls !== undefined} ${more.join()}`;
  const ofListener = offers.made.get(session.listener) ?? new Map<string, Offer>();
  const offer = ofListener.get(kind) ?? makeOffer(session, lists, more, parts);
  offers.made.set(session.listener, ofListener.set(kind, offer));
  return offer;
}

function makeOffer(
  { listener, tls }: Session,
  lists: Lists,
  more: readonly string[],
  { settings, hostname }: InboundParts,
): Offer {
  const common = inCommon(lists ?? []);
  const theirs = Number(common.find((line) => line.startsWith("SIZE "))?.slice(5) ?? 0);
  const maxMessage = theirs > 0 ? Math.min(theirs, settings.maxMessage) : settings.maxMessage;
  const own = (): string[] => [...common.filter((line) => PASSED.has(keywordOf(line))), `SIZE ${maxMessage}`, ...OURS];
  const lines = ehloList(listener.capabilities, own, more, tls !== undefined);
  return { reply: ehloText(hostname, lines), keywords: new Set(lines.map(keywordOf)), maxMessage };
}
