// The actions, each with the stage at which it can be done at the earliest. An action never talks to the client: it answers
// with a verdict, or changes transaction and recipient. What goes into the header and to the client comes from the
// configuration alone, but for the recipient in `routeAs`. Throws what SharedState throws.

import {
  sizeText,
  durationText,
  splitUser,
  stop,
  type FilterAnswer,
  type FilterStage,
  type Logger,
  type MailRecipient,
  type MailTransaction,
  type MaybePromise,
  type SharedState,
} from "@postern/contracts";
import type { Facts } from "./conditions.ts";
import type { RuleActions } from "./settings.ts";

export interface ActionServices {
  readonly logger: Logger;
  readonly state: Pick<SharedState, "hit">;
  /** What an address of a client counts as: an IPv6 client has a whole network. */
  readonly clientKey: (host: string) => string;
}

export interface Action {
  /** As a person would name it. */
  readonly text: string;
  /** The earliest stage of a rule that has it. */
  readonly stage: FilterStage;
  /** It needs a recipient: the rule is asked for each. */
  readonly ofRecipient: boolean;
  /** It is about the whole message, and done when the message has come so far; in time, and once. */
  readonly due: FilterStage | undefined;
  /** It changes the header or the way of the message. */
  readonly changes: boolean;
  /** What comes after it in the rule is never done. */
  readonly ends: boolean;
  /** Without an answer the rule goes on. */
  readonly run: (facts: Facts) => MaybePromise<FilterAnswer | void>;
}

type Named = keyof RuleActions;
type Made = Partial<Omit<Action, "text" | "run">> & Pick<Action, "text" | "run">;
type Makers = {
  readonly [K in Named]: (value: NonNullable<RuleActions[K]>, rule: string, services: ActionServices) => Made | readonly Made[];
};

const MAKERS: Makers = {
  do: (word, rule, { logger }) =>
    word === "accept"
      ? { text: word, ends: true, run: () => ({ action: "accept" }) }
      : { text: word, run: (facts) => logger.info("mail-flow rule", { rule, ...reported(facts) }) },
  refuse: ({ text, code, status }) => ({
    text: `refuse: ${code ?? 550} ${status} ${text}`,
    ends: true,
    run: ({ stage }) => (stage === "connect" ? stop(code ?? 554, status, text, true) : stop(code ?? 550, status, text)),
  }),
  defer: ({ text }) => ({
    text: `defer: 451 4.7.1 ${text}`,
    ends: true,
    run: ({ stage }) => (stage === "connect" ? stop(421, "4.7.1", text, true) : stop(451, "4.7.1", text)),
  }),
  tag: ({ header: name, value }) =>
    ofMessage(`tag: ${name}: ${value}`, ({ edits }) => edits.push({ do: "prepend", name, value })),
  removeHeader: (names) =>
    ofMessage(`removeHeader: ${names.join(", ")}`, ({ edits }) => {
      for (const name of names) edits.push({ do: "remove", name });
    }),
  addRecipient: (addresses) =>
    ofMessage(`addRecipient: ${addresses.join(", ")}`, ({ added }) => {
      for (const address of addresses) if (!added.includes(address)) added.push(address);
    }),
  redirect: (backend) => ({
    text: `redirect: ${backend}`,
    stage: "sender",
    changes: true,
    run({ transaction }) {
      if (transaction !== undefined) transaction.redirect = backend;
    },
  }),
  routeAs: (template) => ({
    text: `routeAs: ${template}`,
    stage: "recipient",
    ofRecipient: true,
    changes: true,
    run({ recipient, recipientAddress }) {
      if (recipient !== undefined && recipientAddress !== "") recipient.routeAs = filled(template, recipientAddress);
    },
  }),
  rate: ({ per, limit, window, text }, rule, { state, clientKey }) => ({
    text: `rate: ${limit} in ${durationText(window)} per ${per}`,
    stage: "sender",
    ofRecipient: per === "recipientDomain",
    async run({ visit, sender, recipientAddress }) {
      const of = {
        sender: () => sender,
        client: () => clientKey(visit.session.client.host),
        recipientDomain: () => splitUser(recipientAddress).domain ?? "",
        rule: () => "",
      };
      return (await state.hit(`rule ${rule} ${per} ${of[per]()}`, window)) > limit ? stop(450, "4.7.1", text) : undefined;
    },
  }),
  maxSize: (most) => {
    const text = `maxSize: ${sizeText(most)}`;
    const reply = stop(552, "5.3.4", `The message is too large, at most ${sizeText(most)} here`);
    const run = ({ transaction }: Facts): FilterAnswer =>
      transaction !== undefined && transaction.size > most ? reply : undefined;
    // What the client has announced, and what has come in the end.
    return [
      { text, stage: "sender", run },
      { text, stage: "sender", due: "content", run },
    ];
  },
};

/** What waits for the header: until then a recipient that it is for may still be refused. */
function ofMessage(text: string, change: (transaction: MailTransaction) => unknown): Made {
  const run = ({ transaction }: Facts): void => {
    if (transaction !== undefined) change(transaction);
  };
  return { text, stage: "sender", due: "header", changes: true, run };
}

function reported({ visit, transaction, sender, recipient, stage }: Facts): Readonly<Record<string, unknown>> {
  const recipients: readonly Pick<MailRecipient, "address">[] =
    recipient === undefined ? (transaction?.recipients ?? []) : [recipient];
  return {
    stage,
    session: visit.session.id,
    client: visit.session.client.host,
    ...(transaction && {
      transaction: transaction.id,
      sender,
      recipients: recipients.slice(0, 20).map(({ address }) => address),
    }),
  };
}

/** A function, because "$&" in an address is just text. */
function filled(template: string, address: string): string {
  const { local, domain = "" } = splitUser(address);
  return template.replaceAll(/\{(user|domain)\}/g, (_, name) => (name === "user" ? local : domain));
}

/** The names of the actions that a settings group gives. */
export function givenActions(actions: RuleActions): readonly Named[] {
  return (Object.keys(MAKERS) as Named[]).filter((name) => {
    const value = actions[name];
    return Array.isArray(value) ? value.length > 0 : value !== undefined;
  });
}

/** In the order of the configuration. */
export function compileActions(all: readonly RuleActions[], rule: string, services: ActionServices): readonly Action[] {
  return all.flatMap((actions) =>
    givenActions(actions).flatMap((name) => {
      const make = MAKERS[name] as (value: unknown, rule: string, services: ActionServices) => Made | readonly Made[];
      return [make(actions[name], rule, services)].flat().map((made) => ({ ...PLAIN, ...made }));
    }),
  );
}

const PLAIN = { stage: "connect", ofRecipient: false, due: undefined, changes: false, ends: false } as const;
