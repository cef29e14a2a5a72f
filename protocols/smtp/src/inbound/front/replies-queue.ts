// What is to be told to a client: replies of one turn of the event loop leave in one packet (RFC 2920 section 3.2).

import type { Socket } from "node:net";
import type { HostDoors } from "@postern/contracts";

export class Replies {
  readonly #trace: HostDoors["trace"];
  readonly #socket: () => Socket;
  #text = "";

  /** `socket`: the present one, which TLS replaces. */
  constructor(trace: HostDoors["trace"], socket: () => Socket) {
    this.#trace = trace;
    this.#socket = socket;
  }

  /** Lines, complete; each character is a byte. */
  add(text: string): void {
    if (this.#trace !== undefined) for (const line of text.split("\r\n")) if (line !== "") this.#trace("S", line);
    if (this.#text === "") process.nextTick(this.flush);
    this.#text += text;
  }

  readonly flush = (): void => {
    const text = this.#text;
    this.#text = "";
    const socket = this.#socket();
    if (text !== "" && socket.writable) socket.write(text, "latin1");
  };
}
