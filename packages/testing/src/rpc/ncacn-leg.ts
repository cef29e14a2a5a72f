// One TCP connection between an RPC proxy and the ncacn_http server of the tests: says which protocol it is, and cuts what comes into
// PDUs. Throws nothing: what is wrong is told to its listener.

import type { Socket } from "node:net";
import { PduSplitter } from "./pdus.ts";

/** What a server says first; proxies do not need it. */
const GREETING = "ncacn_http/1.0";

export interface LegHears {
  pdu(pdu: Buffer): void;
  /** Nothing more comes; `error`: since that was no PDU. */
  over(error?: string): void;
}

export class NcacnLeg {
  readonly #socket: Socket;
  #hears: LegHears | undefined;

  /** The first PDU goes to `first`, which calls listen() for the rest. */
  constructor(socket: Socket, first: (leg: NcacnLeg, pdu: Buffer) => void) {
    this.#socket = socket;
    const splitter = new PduSplitter();
    socket.write(GREETING);
    socket.on("data", (chunk: Buffer) => {
      try {
        for (const pdu of splitter.feed(chunk)) {
          if (this.#hears === undefined) first(this, pdu);
          else if (!socket.destroyed) this.#hears.pdu(pdu);
        }
      } catch (error) {
        this.#over(error instanceof Error ? error.message : String(error));
      }
    });
    socket.on("error", () => {});
    socket.once("close", () => this.#over());
  }

  listen(hears: LegHears): void {
    this.#hears = hears;
  }

  say(pdu: Buffer): void {
    this.#socket.write(pdu);
  }

  /** Ends it behind what was said; nothing more is heard of it. */
  end(): void {
    this.#hears = { pdu: () => {}, over: () => {} };
    this.#socket.end();
  }

  cut(): void {
    this.#hears = { pdu: () => {}, over: () => {} };
    this.#socket.resetAndDestroy();
  }

  #over(error?: string): void {
    this.#hears?.over(error);
    this.#socket.destroy();
  }
}
