// Rules of the listeners: there is one, no address is taken twice, TLS has what it needs, lists say something.

import { orList } from "@postern/contracts";
import { applicationRules } from "./rules-applications.ts";
import { listenAddressText } from "./address.ts";
import type { ListenerDraft } from "./draft.ts";
import { isLocal, listenerTls, tlsModes } from "./draft.ts";
import { flagExamples } from "./listener-flags.ts";
import { itemPath } from "./place.ts";
import type { Rule, RuleContext } from "./rules.ts";

function present({ draft, parts, refuse }: RuleContext): void {
  if (draft.listeners?.length !== 0) return;
  const name = parts.protocols[0]?.name ?? "NAME";
  refuse(
    "listeners",
    `there is none, so nobody can connect; add one such as { protocol: ${name}, address: 143 }, or give ${flagExamples(parts.protocols)}`,
  );
}

function* each({ draft }: RuleContext): Generator<readonly [path: string, listener: ListenerDraft]> {
  for (const [index, listener] of (draft.listeners ?? []).entries()) {
    if (listener !== undefined) yield [itemPath("listeners", index), listener];
  }
}

function uniqueAddresses(context: RuleContext): void {
  const seen = new Map<string, string>();
  for (const [path, { address }] of each(context)) {
    if (address.kind === "tcp" && address.port === 0) continue;
    const text = listenAddressText(address);
    const first = seen.get(text);
    if (first === undefined) seen.set(text, path);
    else context.refuse(`${path}.address`, `${text} is the address of ${first} already; give each listener its own`);
  }
}

function tlsHasCertificate(context: RuleContext): void {
  const { tls } = context.draft;
  if (tls === undefined || tls.selfSigned || tls.certificates.length > 0) return;
  for (const [path, listener] of each(context)) {
    const mode = listenerTls(listener, context.parts.protocols);
    const text = listenAddressText(listener.address);
    if (mode !== "none")
      context.refuse(
        `${path}.tls`,
        `the ${listener.protocol} listener at ${text} has tls ${mode}, but there is no certificate; add tls.certificates, or give --cert and --key, --pfx, or --self-signed`,
      );
  }
}

function tlsIsSpoken(context: RuleContext): void {
  for (const [path, { protocol, tls }] of each(context)) {
    const modes = tlsModes(protocol, context.parts.protocols);
    if (tls !== undefined && !modes.includes(tls))
      context.refuse(`${path}.tls`, `${protocol} cannot have ${tls}; use ${orList(modes)}`);
  }
}

function clientCertificates(context: RuleContext): void {
  for (const [path, listener] of each(context)) {
    if (listener.clientCertificate === "none") continue;
    const at = `${path}.clientCertificate`;
    const modes = tlsModes(listener.protocol, context.parts.protocols).filter((mode) => mode !== "none");
    const cure = modes.length === 0 ? `${listener.protocol} has none; take it out` : `set tls to ${orList(modes)}`;
    if (listenerTls(listener, context.parts.protocols) === "none") context.refuse(at, `needs TLS; ${cure}`);
    else if (context.draft.tls !== undefined && context.draft.tls.clientCa === undefined)
      context.refuse(at, "needs tls.clientCa: the certificates of who may sign those of clients");
  }
}

function plaintext(context: RuleContext): void {
  for (const [path, listener] of each(context)) {
    if (isWithoutLogin(context, listener)) continue;
    // Where there is no TLS to be had, others are not served at all, and there is nothing to cure.
    const secure = tlsModes(listener.protocol, context.parts.protocols).find((mode) => mode !== "none");
    const plain = listenerTls(listener, context.parts.protocols) === "none";
    if (plain && secure !== undefined && !listener.allowPlaintext && !isLocal(listener.address))
      context.warn(`${path}.tls`, `without TLS only this machine's own clients can log in; use ${secure}, or set allowPlaintext`);
  }
}

const isWithoutLogin = ({ parts }: RuleContext, { protocol }: ListenerDraft): boolean =>
  parts.protocols.find(({ name }) => name === protocol)?.withoutLogin ?? false;

/** Keys that are about logging in, where nobody does. */
function nobodyLogsIn(context: RuleContext): void {
  for (const [path, listener] of each(context)) {
    if (!isWithoutLogin(context, listener)) continue;
    for (const key of ["mechanisms", "allowPlaintext"])
      if (context.given(`${path}.${key}`))
        context.refuse(`${path}.${key}`, `has no use: nobody logs in where ${listener.protocol} is spoken; take it out`);
  }
}

function lists(context: RuleContext): void {
  for (const [path, listener] of each(context)) {
    for (const name of ["mechanisms", "capabilities"] as const) {
      const empty = listener[name].length === 0 && context.given(`${path}.${name}`);
      const whole = listener[name].filter((one) => one !== undefined);
      if (empty) context.refuse(`${path}.${name}`, "is empty; name at least one, or take the key out");
      if (new Set(whole).size < whole.length) context.refuse(`${path}.${name}`, "names one twice; keep one");
    }
    if (listener.proxyProtocol?.from.length === 0)
      context.refuse(`${path}.proxyProtocol`, "names no network; list the load balancers in from, such as from: [10.0.0.0/8]");
  }
}

function everybodyIsTrusted(context: RuleContext): void {
  for (const [path, { trust, proxyProtocol }] of each(context)) {
    for (const [field, list] of [
      ["trust", trust],
      ["proxyProtocol.from", proxyProtocol?.from ?? []],
    ] as const) {
      if (list.some((network) => network?.prefix === 0))
        context.warn(
          `${path}.${field}`,
          "covers every address, so any client may say that it is another; name the real networks",
        );
    }
  }
}

export const listenerRules: readonly Rule[] = [
  present,
  uniqueAddresses,
  tlsIsSpoken,
  tlsHasCertificate,
  clientCertificates,
  plaintext,
  nobodyLogsIn,
  lists,
  everybodyIsTrusted,
  ...applicationRules,
];
