// An exchange without sockets: a request, a client's connection, and an answer that remembers what was said. A second answer is
// an error.

import { firstOf, type Fields } from "@postern/http";
import { listenerInfo, testSession, testTls } from "@postern/testing";
import type { Session } from "@postern/contracts";
import type { Answer, ClientConnection, Exchange, HttpRequest } from "../src/exchange.ts";

export interface Said {
  readonly status: number | undefined;
  readonly reason: string;
  readonly fields: Fields;
  readonly body: string;
  readonly length: number | undefined;
  readonly ends: number;
  readonly cuts: number;
  readonly asksForHttp11: boolean;
  /** The first field of this name, in small letters. */
  field(lower: string): string | undefined;
}

export interface TestExchange extends Exchange {
  readonly said: Said;
  /** The client goes before it has its answer. */
  leave(): void;
}

export interface TestClient extends ClientConnection {
  /** Ends it, as the front does. */
  close(): void;
}

export function webSession(rest: Partial<Session> = {}): Session {
  return testSession({ listener: listenerInfo("https", { tls: "implicit" }), tls: testTls(), ...rest });
}

export function testClient(rest: Partial<ClientConnection> = {}): TestClient {
  const listeners: (() => void)[] = [];
  return {
    session: webSession(),
    isShared: false,
    pinned: new Map(),
    auth: undefined,
    closeSoon() {},
    cut() {},
    whenClosed: (listener) => void listeners.push(listener),
    close() {
      for (const listener of listeners.splice(0)) listener();
    },
    ...rest,
  };
}

/** `begun`: the status of an answer that is on its way already. */
export function testExchange(
  request: Partial<HttpRequest> = {},
  { client = testClient(), begun }: { readonly client?: ClientConnection; readonly begun?: number | undefined } = {},
): TestExchange {
  const { answer, said, leave } = rememberingAnswer(begun);
  return {
    request: {
      id: "s1.1",
      method: "GET",
      target: "/",
      host: "mail.example.com",
      authority: "mail.example.com",
      version: client.isShared ? "2" : "1.1",
      fields: [],
      body: undefined,
      upgrade: undefined,
      ...request,
    },
    client,
    answer,
    said,
    leave,
  };
}

function rememberingAnswer(begun: number | undefined): Pick<TestExchange, "answer" | "said" | "leave"> {
  let isGone = false;
  const state = {
    status: begun,
    reason: "",
    fields: [] as Fields,
    body: "",
    length: undefined as number | undefined,
    ends: 0,
    cuts: 0,
    asksForHttp11: false,
  };
  const none = (): never => {
    throw new Error("Nobody does this here");
  };
  const answer: Answer = {
    get status() {
      return state.status;
    },
    get bytes() {
      return state.body.length;
    },
    get isOver() {
      return isGone || state.ends + state.cuts > 0;
    },
    inform: none,
    begin(head, length) {
      if (state.status !== undefined) throw new Error("A second answer");
      Object.assign(state, head, { length });
    },
    write(chunk) {
      state.body += chunk.toString();
      return true;
    },
    end() {
      state.ends += 1;
    },
    cut() {
      state.cuts += 1;
    },
    leave() {
      state.ends += 1;
    },
    requireHttp11() {
      state.asksForHttp11 = true;
    },
    switch: none,
    onDrain: undefined,
    onGone: undefined,
  };
  const leave = (): void => {
    isGone = true;
    answer.onGone?.();
  };
  return { answer, said: Object.assign(state, { field: (lower: string) => firstOf(state.fields, lower) }), leave };
}
