// Rules of the backends: there is one, each has a leg, each listener's protocol is served, no password leaves in clear.

import { isLoopback } from "@postern/contracts";
import { exampleUrl } from "./backend-url.ts";
import type { ProtocolPart } from "./config.ts";
import type { BackendDraft, LegDraft } from "./draft.ts";
import { legsOf } from "./draft.ts";
import { loginContradictions } from "./login-settings.ts";
import { keyPath } from "./place.ts";
import type { Rule, RuleContext } from "./rules.ts";
import type { Values } from "./walk.ts";

/** Route sources can lead there: it has more than legs of protocols that ask none. */
function isRouted(backend: BackendDraft | undefined, { protocols }: RuleContext["parts"]): boolean {
  const names = backend === undefined ? [] : legsOf(backend, protocols).map(([name]) => name);
  return names.some((name) => protocols.find((one) => one.name === name)?.withoutRoutes !== true);
}

/** An address that a backend could have: one that a listener asks for. */
function exampleLeg({ draft, parts: { protocols } }: RuleContext): string {
  const spoken = protocols.find(({ name }) => draft.listeners?.some((listener) => listener?.protocol === name));
  const name = spoken?.legs ?? spoken?.name ?? protocols[0]?.name ?? "PROTOCOL";
  return `${name}: ${exampleUrl(protocols.find((one) => one.name === name)?.schemes ?? {})}`;
}

function present(context: RuleContext): void {
  const { draft, parts, refuse } = context;
  if (draft.backends === undefined) return;
  const example = exampleLeg(context);
  if (Object.keys(draft.backends).length === 0)
    refuse(
      "backends",
      `there is none, so nobody can be served; add one such as mbx1: { ${example} }, or give --backend NAME=URL`,
    );
  for (const [name, backend] of Object.entries(draft.backends)) {
    const path = keyPath("backends", name);
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name))
      refuse(path, "a backend's name must be 1 to 63 letters, digits, dots, hyphens or underscores");
    if (backend !== undefined && legsOf(backend, parts.protocols).length === 0)
      refuse(path, `has no URL; add one such as ${example}`);
  }
}

/** Backends that this protocol's settings name for themselves. */
function ownBackends(protocol: ProtocolPart, { values }: RuleContext): readonly string[] {
  const settings = values[protocol.name];
  return settings === undefined ? [] : (protocol.ownBackends?.(settings as Values) ?? []);
}

function protocolsAreServed(context: RuleContext): void {
  const { draft, parts, refuse, warn } = context;
  const backends = Object.entries(draft.backends ?? {});
  if (backends.length === 0 || backends.some(([, backend]) => backend === undefined)) return;
  const own = new Set(parts.protocols.flatMap((protocol) => ownBackends(protocol, context)));
  const homes = backends.filter(([name, backend]) => isRouted(backend, parts) && !own.has(name));
  const told = new Set<string>();
  for (const [index, listener] of (draft.listeners ?? []).entries()) {
    const part = parts.protocols.find(({ name }) => name === listener?.protocol);
    if (part === undefined) continue;
    const protocol = part.legs ?? part.name;
    if (told.has(protocol)) continue;
    told.add(protocol);
    const names = [protocol, ...parts.protocols.filter(({ guestOf }) => guestOf === protocol).map(({ name }) => name)];
    const isServed = (backend: BackendDraft | undefined): boolean => names.some((name) => backend?.[name] !== undefined);
    if (!backends.some(([, backend]) => isServed(backend))) {
      const { schemes = {} } = parts.protocols.find(({ name }) => name === protocol) ?? {};
      const example = `${protocol}: ${exampleUrl(schemes)}`;
      refuse(`listeners[${index}].protocol`, `no backend can be reached for ${protocol}; add a URL to one, such as ${example}`);
      continue;
    }
    const without = homes.filter(([, backend]) => !isServed(backend));
    // Where it has servers of its own, no user's has to serve it; but if one does, all should.
    const isElsewhere = without.length === homes.length && ownBackends(part, context).length > 0;
    if (part.withoutRoutes === true || isElsewhere) continue;
    for (const [name] of without)
      warn(
        keyPath("backends", name),
        `cannot be reached for ${protocol}, though a listener speaks it; users there cannot use it`,
      );
  }
}

function legs(context: RuleContext): void {
  for (const [name, backend] of Object.entries(context.draft.backends ?? {})) {
    if (backend === undefined) continue;
    for (const [protocol, leg] of legsOf(backend, context.parts.protocols)) {
      const path = keyPath(keyPath("backends", name), protocol);
      const { withoutLogin = false } = context.parts.protocols.find((one) => one.name === protocol) ?? {};
      if (withoutLogin) refuseLogin(context, path, protocol);
      else checkSecrecy(context, path, `${name}'s ${protocol} leg`, leg);
      checkLeg(context, path, leg);
    }
  }
}

function refuseLogin({ refuse, given }: RuleContext, path: string, protocol: string): void {
  for (const key of ["login", "allowPlaintext"])
    if (given(`${path}.${key}`)) refuse(`${path}.${key}`, `has no use: nobody logs in where ${protocol} is spoken; take it out`);
}

function checkSecrecy({ refuse }: RuleContext, path: string, words: string, { url, allowPlaintext }: LegDraft): void {
  if (url.tls !== "none" || allowPlaintext || isLoopback(url.host)) return;
  refuse(
    path,
    `${words} would send passwords to ${url.host} in clear; use a scheme with TLS, or the long form with allowPlaintext: true`,
  );
}

function checkLeg({ refuse, warn, files, given }: RuleContext, path: string, leg: LegDraft): void {
  const { url, tls } = leg;
  const plain = url.tls === "none";
  if (plain && given(`${path}.tls`)) warn(`${path}.tls`, "does nothing: the URL's scheme has no TLS");
  if (!plain && !tls.verify)
    warn(`${path}.tls.verify`, "whoever sits in between can read along; better name the authority in ca");
  if (!tls.verify && tls.ca !== undefined) refuse(`${path}.tls.ca`, "is of no use with verify: false; take one of them out");
  const read = tls.ca === undefined ? undefined : files.certificates(tls.ca);
  if (read !== undefined && "problem" in read) refuse(`${path}.tls.ca`, read.problem);
  for (const { key, problem } of loginContradictions(leg.login)) refuse(`${path}.login.${key}`, problem);
}

export const backendRules: readonly Rule[] = [present, protocolsAreServed, legs];
