// Rules of the applications that a listener lets in without a login: its protocol can do that, each rule asks for something
// that can be there, its backend takes them, and the door does not stand open to everybody.

import { carries, orList } from "@postern/contracts";
import type { ApplicationDraft, LegDraft, ListenerDraft } from "./draft.ts";
import { isLocal } from "./draft.ts";
import { itemPath } from "./place.ts";
import type { Rule, RuleContext } from "./rules.ts";
import { didYouMean } from "./words.ts";

function applications(context: RuleContext): void {
  for (const [index, listener] of (context.draft.listeners ?? []).entries()) {
    if (listener === undefined || listener.applications.length === 0) continue;
    const path = `${itemPath("listeners", index)}.applications`;
    if (!isAdmitting(context, listener, path)) continue;
    for (const [place, application] of listener.applications.entries()) {
      if (application === undefined) continue;
      const at = itemPath(path, place);
      conditions(context, listener, application, at);
      backend(context, listener, application, `${at}.backend`);
    }
  }
}

function isAdmitting({ parts, refuse }: RuleContext, { protocol }: ListenerDraft, path: string): boolean {
  const admitting = parts.protocols.filter(({ admits }) => admits === true).map(({ name }) => name);
  if (admitting.includes(protocol)) return true;
  refuse(path, `${protocol} lets nobody in without a login; take it out, or use ${orList(admitting)}`);
  return false;
}

function conditions(
  { refuse, warn, given }: RuleContext,
  listener: ListenerDraft,
  application: ApplicationDraft,
  at: string,
): void {
  const { from, certificate } = application;
  // An empty list may be what is left of a longer one: it never means everybody.
  const empty = (["from", "certificate"] as const).filter((key) => application[key].length === 0 && given(`${at}.${key}`));
  for (const key of empty) refuse(`${at}.${key}`, "is empty; name at least one, or take the key out");
  if (empty.length > 0) return;
  if (from.length === 0 && certificate.length === 0)
    refuse(at, "asks for nothing, so it would let in everybody; give from, certificate or both");
  if (certificate.length > 0 && listener.clientCertificate === "none")
    refuse(`${at}.certificate`, "this listener asks nobody for a certificate; set its clientCertificate to request or require");
  const isOpen = certificate.length === 0 && from.some((network) => network?.prefix === 0);
  if (isOpen && !isLocal(listener.address))
    warn(
      `${at}.from`,
      "covers every address: whoever reaches this listener can send mail through it (an open relay); name the real networks",
    );
}

function backend(
  { draft, refuse }: RuleContext,
  { protocol }: ListenerDraft,
  { backend: name }: ApplicationDraft,
  at: string,
): void {
  const { backends } = draft;
  if (backends === undefined) return;
  const known = Object.keys(backends);
  if (!known.includes(name)) return refuse(at, `unknown backend "${name}"; ${didYouMean(name, known, "use")}`);
  const found = backends[name];
  // What is broken was told.
  if (found === undefined) return;
  const leg = found[protocol] as LegDraft | undefined;
  if (leg === undefined)
    return refuse(at, `${name} cannot be reached for ${protocol}; add ${protocol}: URL to it, or name another backend`);
  if (!carries(leg.login, "admitted"))
    refuse(at, `${name} is logged in at by ${leg.login.strategy}, which has nothing for an application; name another backend`);
}

export const applicationRules: readonly Rule[] = [applications];
