// Strangers whom nobody knows are told to come again in a while (RFC 6647): mail servers do, most spam programs do not. What is
// remembered is a keyed hash of the client's network, the sender and the recipient; networks whose mail was taken several
// times are not asked any more. What cannot be remembered is let through. Comes after all that refuses.

import { createHmac } from "node:crypto";
import {
  durationText,
  networkMatcher,
  networks,
  setting,
  stop,
  type Contradiction,
  type FilterAnswer,
  type MailVisit,
  type SharedState,
  type ValueOf,
} from "@postern/contracts";
import { on } from "./judge.ts";
import type { FilterRow } from "./row.ts";
import { hostOf, isStranger, networkKey } from "./stranger.ts";

const { duration, group, integer, text } = setting;

const MINUTE = 60_000;
const DAY = 86_400_000;

const settings = group("Strangers whom nobody knows are told to come again in a while.", {
  on,
  delay: duration("How long until the same client may bring the same mail.", { default: 5 * MINUTE, min: 1000, max: DAY }),
  maxWait: duration("For how long it is remembered that it came. Some senders come again after hours only.", {
    default: DAY,
    min: MINUTE,
    max: 7 * DAY,
  }),
  remember: duration("For how long a client is known since its last mail.", { default: 36 * DAY, min: DAY, max: 365 * DAY }),
  knownAfter: integer(
    "After so many messages that were taken, a network (IPv4 /24, IPv6 /64) is known, whoever it writes to. 0 means never.",
    { default: 5, min: 0, max: 10_000 },
  ),
  exempt: networks("Networks whose clients are not asked to come again."),
  key: text("Key of the hashes: any text, the same in all nodes; without it, the hostname.", { optional: true }),
});

type GreylistSettings = ValueOf<typeof settings>;

function contradictions({ delay, maxWait, remember }: GreylistSettings): Contradiction[] {
  const found: Contradiction[] = [];
  if (maxWait <= delay)
    found.push({ key: "maxWait", problem: `must be longer than delay (${durationText(delay)}), not ${durationText(maxWait)}` });
  if (remember < maxWait)
    found.push({
      key: "remember",
      problem: `must be at least maxWait (${durationText(maxWait)}), not ${durationText(remember)}`,
    });
  return found;
}

/** Senders of lists have a number of the message or the recipient in their names: alike ones are one sender. */
export function senderKey(address: string): string {
  const at = address.lastIndexOf("@");
  const local = address.slice(0, at === -1 ? undefined : at).replace(/[+=].*$/, "");
  return `${local.replace(/\d+/g, "#")}${at === -1 ? "" : address.slice(at)}`.toLowerCase();
}

class Greylist {
  readonly #settings: GreylistSettings;
  readonly #state: SharedState;
  readonly #key: string;

  constructor(settings: GreylistSettings, state: SharedState, key: string) {
    this.#settings = settings;
    this.#state = state;
    this.#key = key;
  }

  async judge(host: string, sender: string, recipient: string): Promise<FilterAnswer> {
    if (await this.#isKnown(this.#network(host))) return undefined;
    const triplet = this.#hash("triplet", networkKey(host), senderKey(sender), recipient.toLowerCase());
    if (await this.#isKnown(triplet)) return undefined;
    const { delay, maxWait, remember } = this.#settings;
    const age = await this.#state.remember(`grey:wait:${triplet}`, maxWait);
    if (age === undefined) return undefined;
    if (age < delay) return stop(451, "4.7.1", `We do not know you yet, come again in ${secondsText(delay - age)}`);
    await this.#state.remember(`grey:known:${triplet}`, remember);
    return undefined;
  }

  /** A message of this client was taken. */
  async taken(host: string): Promise<void> {
    const { knownAfter, remember } = this.#settings;
    if (knownAfter === 0) return;
    const network = this.#network(host);
    const count = await this.#state.hit(`grey:taken:${network}`, remember);
    if (count >= knownAfter) await this.#state.remember(`grey:known:${network}`, remember);
  }

  /** Who is known stays so. */
  async #isKnown(hash: string): Promise<boolean> {
    const key = `grey:known:${hash}`;
    if ((await this.#state.recall(key)) === undefined) return false;
    await this.#state.remember(key, this.#settings.remember);
    return true;
  }

  #network(host: string): string {
    return this.#hash("network", networkKey(host));
  }

  #hash(...parts: readonly string[]): string {
    return createHmac("sha256", this.#key).update(JSON.stringify(parts)).digest("base64url").slice(0, 22);
  }
}

const secondsText = (ms: number): string => `${Math.ceil(ms / 1000)} seconds`;

export const greylist: FilterRow<typeof settings> = {
  settings,
  contradictions,
  build(values, { state, hostname }) {
    if (!values.on) return undefined;
    const list = new Greylist(values, state, values.key ?? hostname);
    const isExempt = networkMatcher(values.exempt);
    const isAsked = (visit: MailVisit): boolean => isStranger(visit) && !isExempt(hostOf(visit));
    return {
      name: "greylist",
      recipient({ visit, sender }, { address }) {
        return isAsked(visit) ? list.judge(hostOf(visit), sender.address, address) : undefined;
      },
      finished({ visit }, accepted) {
        if (accepted && isAsked(visit)) void list.taken(hostOf(visit));
      },
    };
  },
};
