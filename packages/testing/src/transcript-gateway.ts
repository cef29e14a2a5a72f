// Plays a folder of transcripts against the real path of one protocol (protocol-harness.ts). After each one: every session
// has ended, every place was given back, and no secret stands in the log or the wire trace. The directives:
//
//   @tls                      the client begins inside TLS (the listener is then an implicit one)
//   @listener tls=starttls allowPlaintext trusts proxy mechanisms=PLAIN,LOGIN "capabilities=A,B C" clientCertificate=require
//   @login timeout=60000 maxErrors=10 maxLine=65536 maxLiteral=16384       milliseconds, bytes
//   @leg tls=starttls proxyHeader=v1 forwardClient=no replyTimeout=5000 dialTimeout=5000 host=192.0.2.1 serverName=x
//   @route fails=source-down  |  dead (a first candidate that refuses)  |  twice (two candidates)  |  user=u secret=s
//   @limits users=refused connections=refused      @authenticator fails=verifier-down
//   @application name=printers from=127.0.0.1,10.0.0.0/8 certificate=CN=crm.example.com      let in without a login
//   @client certificate=crm.example.com  |  stranger=crm.example.com       its subject, CN=…; a stranger's authority is unknown
//   @secrets words that must not be in log and trace, "s3cret" always

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CertificateAndKey } from "@postern/certs";
import {
  certificateMatcher,
  Failure,
  FAILURES,
  networkMatcher,
  parseNetwork,
  Secret,
  type Application,
  type FailureKind,
  type HostedProtocol,
  type Leg,
  type LineProtocol,
  type Place,
} from "@postern/contracts";
import type { ClientCertificatePolicy } from "@postern/net";
import { testAuthenticator, testCertificate, testClientCertificate, testLeg } from "./protocol-fixtures.ts";
import { createHarness, type CoreParts, type Harness, type HouseParts } from "./protocol-harness.ts";
import { runTranscript } from "./run-transcript.ts";
import { parseTranscript, type Directives, type Transcript } from "./transcript.ts";

/** All *.txt of a folder, parsed, by name. */
export function transcriptsIn(folder: URL): Transcript[] {
  const path = fileURLToPath(folder);
  const files = readdirSync(path).filter((name) => name.endsWith(".txt"));
  return files.toSorted().map((name) => parseTranscript(readFileSync(join(path, name), "utf8"), name));
}

/** A protocol that is built for what the transcript says: its directives, and the legs to the scripted backend. */
export interface HostedCase {
  readonly name: string;
  make(scene: HostedScene): HostedProtocol;
}

export interface HostedScene {
  readonly house: Pick<HouseParts<unknown>, "clock" | "logger" | "hostname" | "health">;
  readonly legs: readonly Leg[];
  readonly directives: Directives;
}

/** Plays one transcript. Throws TranscriptFailure, or Error for a session, a place or a secret that is left. */
export async function playTranscript<R extends { readonly size: number }>(
  transcript: Transcript,
  core: CoreParts<R>,
  protocol: LineProtocol | HostedCase,
): Promise<void> {
  let harness: Harness<R> | undefined;
  const connect = (backendPort: number, directives: Directives): Promise<number> => {
    harness = gatewayOf(core, protocol, backendPort, directives);
    return harness.listen();
  };
  try {
    const clientTls = clientTlsOf(transcript.directives);
    await runTranscript(transcript, { connect, backendCertificate: testCertificate(), ...(clientTls && { clientTls }) });
  } finally {
    await harness?.close();
  }
  if (harness === undefined) throw new Error("No gateway was started");
  await harness.settled();
  if (harness.places !== 0 || harness.house.registry.size !== 0)
    throw new Error(`${transcript.name}: ${harness.places} places and ${harness.house.registry.size} sessions are left`);
  refuseSecrets(harness, ["s3cret", ...Object.keys(transcript.directives["secrets"] ?? {})]);
}

/** Throws when a secret, as it is or in base64, stands in the log, the wire trace or what is known of the sessions. */
export function refuseSecrets<R>(harness: Harness<R>, secrets: readonly string[]): void {
  const sessions = harness.ended.map(({ session, failure, reason }) => ({
    ...session,
    listener: undefined,
    why: failure?.message,
    reason,
  }));
  const text = `${harness.logger.text()}\n${harness.trace.join("\n")}\n${JSON.stringify(sessions)}`.toLowerCase();
  for (const secret of secrets) {
    const found = forms(secret).find((form) => text.includes(form.toLowerCase()));
    if (found !== undefined) throw new Error(`The secret ${secret} (as ${found}) is in the log or the trace`);
  }
}

/** The text, and what base64 makes of it at each of three offsets, without the characters that its neighbours change. */
function forms(secret: string): string[] {
  const encoded = [0, 1, 2].map((offset) => {
    const text = Buffer.from("\0".repeat(offset) + secret).toString("base64");
    return text.slice(offset === 0 ? 0 : offset + 1, text.length - 4);
  });
  return [secret, ...encoded.filter((form) => form.length >= 4)];
}

function gatewayOf<R>(core: CoreParts<R>, protocol: LineProtocol | HostedCase, port: number, directives: Directives): Harness<R> {
  const { listener = {}, login = {}, route = {}, tls } = directives;
  const secret = route["secret"];
  const legs = legsOf(port, protocol.name, directives);
  return createHarness({
    core,
    protocol: "make" in protocol ? (house: HouseParts<R>) => protocol.make({ house, legs, directives }) : protocol,
    legs,
    listener: {
      tls: (listener["tls"] ?? (tls === undefined ? "none" : "implicit")) as "none" | "starttls" | "implicit",
      allowPlaintext: "allowPlaintext" in listener,
      trusts: () => "trusts" in listener,
      mechanisms: listOf(listener["mechanisms"]),
      capabilities: listOf(listener["capabilities"]),
      applications: applicationsOf(directives),
    },
    proxyHeader: "proxy" in listener,
    clientCertificate: (listener["clientCertificate"] ?? "none") as ClientCertificatePolicy,
    login: numbersOf(login),
    house: houseOf(directives),
    routeLogin: secret === undefined ? undefined : { user: route["user"] ?? "bob", secret: new Secret(secret) },
  });
}

function clientTlsOf({ client }: Directives): CertificateAndKey | undefined {
  const name = client?.["certificate"] ?? client?.["stranger"];
  return name === undefined ? undefined : testClientCertificate(name, client?.["certificate"] !== undefined);
}

function applicationsOf({ application }: Directives): readonly Application[] {
  if (application === undefined) return [];
  const networks = listOf(application["from"])?.map((text) => {
    const parsed = parseNetwork(text);
    if ("problem" in parsed) throw new Error(parsed.problem);
    return parsed.value;
  });
  const { certificate } = application;
  return [
    {
      name: application["name"] ?? "printers",
      backend: "mbx1",
      from: networks && networkMatcher(networks),
      certificate: certificate === undefined ? undefined : certificateMatcher([certificate]),
    },
  ];
}

const listOf = (text: string | undefined): readonly string[] | undefined => text?.split(",");

function numbersOf({ timeout, ...rest }: Readonly<Record<string, string>>): Record<string, number> {
  const table = timeout === undefined ? rest : { ...rest, timeoutMs: timeout };
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key, Number(value)]));
}

function legsOf(port: number, protocol: string, { leg = {}, route = {} }: Directives): readonly Leg[] {
  const main = testLeg(port, {
    protocol,
    scheme: leg["scheme"] ?? protocol,
    tls: (leg["tls"] ?? "none") as Leg["tls"],
    proxyHeader: (leg["proxyHeader"] ?? "none") as Leg["proxyHeader"],
    forwardClient: leg["forwardClient"] !== "no",
    host: leg["host"] ?? "127.0.0.1",
    serverName: leg["serverName"],
    replyTimeoutMs: Number(leg["replyTimeout"] ?? 5000),
    dialTimeoutMs: Number(leg["dialTimeout"] ?? 5000),
  });
  if ("dead" in route) return [testLeg(1, { protocol, backend: "dead" }), main];
  // The time-outs are the first one's: the second must be there on a busy machine too.
  const second = { ...main, backend: "mbx2", replyTimeoutMs: 5000, dialTimeoutMs: 5000 };
  return "twice" in route ? [main, second] : [main];
}

const failWith = (kind: string): Promise<never> => {
  if (!(kind in FAILURES)) throw new Error(`There is no failure ${kind}`);
  return Promise.reject(new Failure(kind as FailureKind, "The transcript says so"));
};

function houseOf<R>({ route = {}, limits = {}, authenticator = {} }: Directives): Partial<HouseParts<R>> {
  const place = (): Promise<Place> => Promise.resolve({ release: () => {} });
  const routeKind = route["fails"];
  const authenticatorKind = authenticator["fails"];
  const explain = (): never => {
    throw new Error("not asked");
  };
  return {
    ...(routeKind !== undefined && { router: { find: () => failWith(routeKind), explain } }),
    ...(authenticatorKind !== undefined && { authenticator: testAuthenticator({ check: () => failWith(authenticatorKind) }) }),
    ...(Object.keys(limits).length > 0 && {
      limits: {
        connection: "connections" in limits ? () => failWith(limits["connections"] ?? "") : place,
        user: "users" in limits ? () => failWith("too-many-of-user") : place,
      },
    }),
  };
}
