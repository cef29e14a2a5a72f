// A configuration that can be put to use: what loading finds, and what only building finds (route sources that contradict
// themselves, keys that do not fit their certificates, certificates that have expired), each at its place in the file.
// Opens nothing and asks nobody. Never throws for what the configuration says.

import { CertificateError, loadCertificate } from "@postern/certs";
import { systemClock, type Logger } from "@postern/contracts";
import { authenticationFindings } from "./authentication-findings.ts";
import type { Finding } from "./finding.ts";
import { configOf, type Source } from "./orders.ts";
import type { GatewayConfig } from "./parts.ts";
import { sourcesOf } from "./sources.ts";

export type Usable =
  | { readonly config: GatewayConfig; readonly warnings: readonly string[] }
  | { readonly problems: readonly string[]; readonly warnings: readonly string[] };

/** The configuration of a source, or every problem, as lines of text. */
export async function usableConfig(source: Source): Promise<Usable> {
  const result = configOf(source);
  if ("problems" in result) return { problems: result.problems, warnings: [] };
  const { config, at } = result;
  const findings = [
    ...(await certificateFindings(config)),
    ...routeFindings(config),
    ...authenticationFindings(config, { clock: systemClock, logger: silent, secret: Buffer.alloc(0) }),
  ];
  const lines = (wanted: Finding["kind"]): string[] =>
    findings.filter(({ kind }) => kind === wanted).map(({ path, sentence }) => at(path, sentence));
  const problems = lines("problem");
  const warnings = [...result.warnings, ...lines("warning")];
  return problems.length > 0 ? { problems, warnings } : { config, warnings };
}

/** What a part would log while it is built is told by its error too. */
const silent: Logger = { error() {}, warn() {}, info() {}, debug() {}, isDebug: () => false };

async function certificateFindings({ tls }: GatewayConfig): Promise<Finding[]> {
  const found = await Promise.all(
    tls.certificates.map(async (files, index): Promise<Finding[]> => {
      const path = `tls.certificates[${index}]`;
      try {
        const { warnings } = await loadCertificate(files);
        return warnings.map((sentence) => ({ kind: "warning", path, sentence }));
      } catch (error) {
        if (!(error instanceof CertificateError)) throw error;
        return [{ kind: "problem", path, sentence: error.message }];
      }
    }),
  );
  return found.flat();
}

/** Each source is built by itself, so that all that are wrong are told. */
function routeFindings(config: GatewayConfig): Finding[] {
  return config.routes.flatMap((route, index) => {
    const reason = buildProblem({ ...config, routes: [route] });
    if (reason === undefined) return [];
    const [, key = "", rest = ""] = /^(\w+): (.*)$/s.exec(reason) ?? [];
    const path = `routes[${index}]`;
    const finding = Object.hasOwn(route, key) ? { path: `${path}.${key}`, sentence: rest } : { path, sentence: reason };
    return [{ kind: "problem", ...finding }];
  });
}

/** What a source says of its settings, without the place that buildSources puts before it. */
function buildProblem(config: GatewayConfig): string | undefined {
  try {
    for (const source of sourcesOf(config, systemClock)) source.close();
    return undefined;
  } catch (error) {
    const said = error instanceof Error ? (error.cause ?? error) : error;
    return said instanceof Error ? said.message : String(said);
  }
}
