// What the tests of this package share: a log that remembers, a clock that stands, a session in the middle of its life.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import type { Clock, LogFields, Logger, Session } from "@postern/contracts";

export interface RememberedLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

export function memoryLogger(): Logger & { readonly lines: RememberedLine[] } {
  const lines: RememberedLine[] = [];
  const note = (level: string) => (message: string, fields?: LogFields) => void lines.push({ level, message, fields });
  return { lines, error: note("error"), warn: note("warn"), info: note("info"), debug: note("debug"), isDebug: () => true };
}

/** 2026-11-22 08:30:00 UTC, for ever. */
export const STILL: Clock = {
  now: () => Date.UTC(2026, 10, 22, 8, 30),
  after: () => ({ cancel() {} }),
};

export function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), "postern-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function someSession(facts: Partial<Session> = {}): Session {
  return {
    id: "Jf81nW0a",
    listener: {
      name: "imap 0.0.0.0:993",
      protocol: "imap",
      tls: "implicit",
      allowPlaintext: false,
      mechanisms: undefined,
      capabilities: undefined,
      trusts: () => false,
      applications: [],
    },
    startedAt: STILL.now() - 754_321,
    stage: "relay",
    peer: { host: "192.0.2.7", port: 50_123 },
    client: { host: "192.0.2.7", port: 50_123 },
    local: { host: "198.51.100.1", port: 993 },
    tls: {
      version: "TLSv1.3",
      cipher: "TLS_AES_256_GCM_SHA384",
      serverName: "mail.example.com",
      alpn: "imap",
      resumed: false,
      clientCertificate: undefined,
    },
    attempts: 1,
    errors: 0,
    mechanism: "PLAIN",
    identity: { user: "alice@example.com", proven: false },
    hops: 0,
    software: new Map([
      ["name", "Thunderbird"],
      ["version", "140.5.0"],
      ["os", null],
    ]),
    utf8: false,
    backend: "mbx1",
    backendAddress: { host: "10.0.0.11", port: 143 },
    bytesIn: 1234,
    bytesOut: 3_565_158,
    ...facts,
  };
}
