// A client in conversation without a socket, for tests of what works with a Front.

import type { Application, ClientDialogue, ProtocolContext, Session } from "@postern/contracts";
import { MECHANISMS } from "@postern/sasl";
import { createMemoryLogger, testSession } from "@postern/testing";
import type { Front } from "../src/offer.ts";

export interface FakeFront extends Front {
  readonly written: string[];
}

export interface FrontOptions {
  readonly client?: Partial<ClientDialogue>;
  readonly session?: Partial<Session>;
  readonly context?: Partial<ProtocolContext>;
  readonly allowPlaintext?: boolean;
  readonly trusted?: boolean;
  readonly applications?: readonly Application[];
  /** Lines that the client says when it is asked. */
  readonly lines?: readonly string[];
}

export function fakeSession(options: FrontOptions = {}): Session {
  const session = testSession(options.session);
  const listener = {
    ...session.listener,
    allowPlaintext: options.allowPlaintext ?? false,
    trusts: () => options.trusted ?? false,
    applications: options.applications ?? [],
  };
  return { ...session, listener };
}

export function fakeFront(options: FrontOptions = {}): FakeFront {
  const written: string[] = [];
  const lines = [...(options.lines ?? [])];
  const client: ClientDialogue = {
    secure: false,
    bindings: () => undefined,
    pending: 0,
    readLine: () => Promise.resolve(lines.shift() ?? "*"),
    readBytes: (count) => Promise.resolve(Buffer.alloc(count)),
    write: (data) => void written.push(String(data)),
    writeSecret: (data) => void written.push(String(data)),
    trace: () => {},
    startTls: () => Promise.resolve(),
    ...options.client,
  };
  const context: ProtocolContext = {
    hostname: "mail.example.com",
    service: "line",
    proofs: {},
    settings: {},
    mechanisms: [...MECHANISMS.values()],
    canStartTls: true,
    maxLiteral: 1024,
    maxErrors: 10,
    logger: createMemoryLogger(),
    ...options.context,
  };
  return { client, session: fakeSession(options), context, written };
}
