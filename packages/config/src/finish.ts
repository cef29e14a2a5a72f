// Makes the final value of a draft that has no problems: derived defaults, backends as legs with their authorities read,
// everything frozen.

import { hostname } from "node:os";
import type { Leg } from "@postern/contracts";
import type { ApplicationConfig, CertificateFiles, Config, ListenerConfig, Parts, TlsConfig } from "./config.ts";
import { legsOf, listenerTls } from "./draft.ts";
import type { ApplicationDraft, BackendDraft, CertificateDraft, Draft, LegDraft, ListenerDraft, TlsDraft } from "./draft.ts";
import { deepFreeze, frozenMap } from "./freeze.ts";
import type { Files } from "./files.ts";
import { HOSTNAME } from "./root.ts";
import type { Values } from "./walk.ts";

/** The draft must have passed walk and rules. */
export function finish<P extends Parts>(draft: Draft, values: Values, parts: P, files: Files): Config<P> {
  const { protocols } = parts;
  const whole: readonly ListenerDraft[] = (draft.listeners ?? []).filter((listener) => listener !== undefined);
  const config = {
    hostname: draft.hostname ?? systemName(),
    defaultDomain: draft.defaultDomain,
    workers: draft.workers,
    tls: draft.tls && finishTls(draft.tls),
    listeners: whole.map((listener) => finishListener(listener, parts)),
    backends: frozenMap(
      Object.entries(draft.backends ?? {}).map(([name, backend]) => [name, finishBackend(name, backend ?? {}, parts, files)]),
    ),
    routes: draft.routes,
    mail: values["mail"],
    filters: values["filters"],
    rules: values["rules"],
    limits: values["limits"],
    health: values["health"],
    authentication: values["authentication"],
    state: values["state"],
    log: values["log"],
    shutdown: draft.shutdown,
    protocols: Object.fromEntries(protocols.map(({ name, legs = name }) => [name, values[legs]])),
  };
  // The walk has made each part's values by that part's table, which is what Config says of their types.
  return deepFreeze(config) as unknown as Config<P>;
}

function systemName(): string {
  const name = hostname();
  return HOSTNAME.test(name) ? name : "localhost";
}

function finishTls(tls: TlsDraft): TlsConfig {
  return { ...tls, certificates: tls.certificates.flatMap((one) => (one === undefined ? [] : [finishCertificate(one)])) };
}

/** The rules have made sure that there is a PFX file, or certificate and key. */
function finishCertificate({ cert = "", key = "", pfx, passphraseFile }: CertificateDraft): CertificateFiles {
  return pfx === undefined ? { cert, key } : { pfx, passphraseFile };
}

function finishListener(listener: ListenerDraft, { protocols }: Parts): ListenerConfig {
  const { proxyProtocol, trust } = listener;
  const mechanisms = listener.mechanisms.filter((name) => name !== undefined);
  const capabilities = listener.capabilities.filter((name) => name !== undefined);
  return {
    ...listener,
    tls: listenerTls(listener, protocols),
    proxyProtocol: proxyProtocol && { from: proxyProtocol.from.filter((network) => network !== undefined) },
    trust: trust.filter((network) => network !== undefined),
    mechanisms: mechanisms.length === 0 ? undefined : mechanisms,
    capabilities: capabilities.length === 0 ? undefined : capabilities,
    applications: listener.applications.filter((one) => one !== undefined).map(finishApplication),
  };
}

/** The rules have made sure that a list which is empty was not given. */
function finishApplication(application: ApplicationDraft): ApplicationConfig {
  const from = application.from.filter((network) => network !== undefined);
  const certificate = application.certificate.filter((pattern) => pattern !== undefined);
  return {
    ...application,
    from: from.length === 0 ? undefined : from,
    certificate: certificate.length === 0 ? undefined : certificate,
  };
}

function finishBackend(name: string, backend: BackendDraft, { protocols }: Parts, files: Files): ReadonlyMap<string, Leg> {
  const site = backend["site"] as string | undefined;
  return frozenMap(legsOf(backend, protocols).map(([protocol, leg]) => [protocol, toLeg(name, site, protocol, leg, files)]));
}

function toLeg(backend: string, site: string | undefined, protocol: string, leg: LegDraft, files: Files): Leg {
  const authority = leg.tls.ca === undefined ? undefined : files.certificates(leg.tls.ca);
  return {
    backend,
    site,
    protocol,
    scheme: leg.url.scheme,
    host: leg.url.host,
    port: leg.url.port,
    tls: leg.url.tls,
    ca: authority !== undefined && "pem" in authority ? authority.pem : undefined,
    verify: leg.tls.verify,
    serverName: leg.tls.serverName,
    proxyHeader: leg.proxyHeader,
    forwardClient: leg.forwardClient,
    allowPlaintext: leg.allowPlaintext,
    login: leg.login,
    dialTimeoutMs: leg.dialTimeout,
    replyTimeoutMs: leg.replyTimeout,
  };
}
