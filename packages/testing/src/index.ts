// For tests and scripts/try only: transcripts, fake clock and log, small real mailbox servers, real neighbours. Only ever a devDependency.

export { serveDns } from "./dns-server.ts";
export type { DnsRecords, DnsTable, TestDns } from "./dns-server.ts";
export { createFakeClock } from "./fake-clock.ts";
export type { FakeClock } from "./fake-clock.ts";
export { createMemoryLogger } from "./memory-logger.ts";
export type { LogRecord, MemoryLogger } from "./memory-logger.ts";
export { createHarness } from "./protocol-harness.ts";
export { serveHttp, serveRaw } from "./http-server.ts";
export type { TestServer } from "./http-server.ts";
export {
  defaultsOf,
  listenerInfo,
  relayed,
  testAuthenticator,
  testCertificate,
  testLeg,
  testPassword,
  testQuery,
  testSession,
  testTls,
  within,
} from "./protocol-fixtures.ts";
export type { CoreParts, EndedSession, Harness, HarnessOptions, HouseParts, ListenerParts } from "./protocol-harness.ts";
export { fuzzFront, pieces, script, type Slip } from "./fuzz.ts";
export { fuzzSuite } from "./fuzz-suite.ts";
export type { FuzzCase } from "./fuzz-suite.ts";
export { handsOver, protocolSuite } from "./protocol-suite.ts";
export type { SuiteCase } from "./protocol-suite.ts";
export type { ProtocolCase } from "./protocol-scene.ts";
export { ScriptedPeer } from "./scripted-peer.ts";
export { playTranscript, refuseSecrets, transcriptsIn } from "./transcript-gateway.ts";
export type { HostedCase, HostedScene } from "./transcript-gateway.ts";
export { runTranscript, TranscriptFailure } from "./run-transcript.ts";
export type { TranscriptOptions } from "./run-transcript.ts";
export { MARKERS, parseTranscript, TranscriptError } from "./transcript.ts";
export type { Directives, Step, Transcript, Who } from "./transcript.ts";
export { isInstalled, startDaemon } from "./neighbours/daemon.ts";
export { startApache, type Apache, type ApacheOptions } from "./neighbours/apache.ts";
export { startClamd, VIRUS, VIRUS_NAME, type Clamd, type ClamdOptions } from "./neighbours/clamd.ts";
export { startCyrus, type Cyrus, type CyrusOptions } from "./neighbours/cyrus.ts";
export { DOVECOT, hasDovecot, startDovecot } from "./neighbours/dovecot.ts";
export type { Dovecot, DovecotOptions } from "./neighbours/dovecot.ts";
export { hasKdc, startKdc, type Kdc, type KerberosEnvironment } from "./neighbours/kdc.ts";
export { startOpenId } from "./neighbours/openid.ts";
export type { OpenIdOptions, OpenIdProvider } from "./neighbours/openid.ts";
export { encodeToken, macToken, publicJwk, signingKey, signToken } from "./neighbours/openid-token.ts";
export { startNtlmServer, type NtlmConnection, type NtlmServer, type NtlmServerOptions } from "./neighbours/ntlm-server.ts";
export { startNginxWeb, type NginxWeb, type NginxWebOptions } from "./neighbours/nginx-web.ts";
export { freePorts, opens } from "./neighbours/ports.ts";
export { startOpenDkim, type OpenDkim, type OpenDkimOptions } from "./neighbours/opendkim.ts";
export { startPostfix, type Postfix, type PostfixOptions } from "./neighbours/postfix.ts";
export { startRadicale, type Radicale, type RadicaleOptions } from "./neighbours/radicale.ts";
export { startRoundcube, type Roundcube, type RoundcubeOptions } from "./neighbours/roundcube.ts";
export { GTUBE, startRspamd, type Rspamd, type RspamdOptions } from "./neighbours/rspamd.ts";
export { startSambaDc, type SambaDc, type SambaDcOptions } from "./neighbours/samba-dc.ts";
export { startSlapd, type Slapd, type SlapdOptions, type SlapdUser } from "./neighbours/slapd.ts";
export { createMailboxServer } from "./mailbox-server/index.ts";
export type { MailboxServer, MailboxServerOptions } from "./mailbox-server/index.ts";
export type { AccountOptions } from "./mailbox-server/store.ts";
export * from "./rpc/index.ts";
