// What is to be told to a client: replies of one turn of the event loop leave in one packet, and those to commands that came
// together wait for each other (RFC 2920 section 3.2).

import type { Socket } from "node:net";
import type { HostDoors } from "@postern/contracts";

export class Replies {
  readonly #trace: HostDoors["trace"];
  readonly #socket: () => Socket;
  readonly #mayWait: () => boolean;
  #text = "";
  #isDue = false;

  /** `socket`: the present one, which TLS replaces. `mayWait`: the client has sent more, and more will be answered. */
  constructor(trace: HostDoors["trace"], socket: () => Socket, mayWait: () => boolean) {
    this.#trace = trace;
    this.#socket = socket;
    this.#mayWait = mayWait;
  }

  /** Lines, complete; each character is a byte. */
  add(text: string): void {
    if (this.#trace !== undefined) for (const line of text.split("\r\n")) if (line !== "") this.#trace("S", line);
    this.#text += text;
    this.later();
  }

  /** Sends in the next turn what has not gone yet. */
  later(): void {
    if (this.#text === "" || this.#isDue) return;
    this.#isDue = true;
    process.nextTick(this.#due);
  }

  readonly #due = (): void => {
    this.#isDue = false;
    if (!this.#mayWait()) this.flush();
  };

  readonly flush = (): void => {
    const text = this.#text;
    this.#text = "";
    const socket = this.#socket();
    if (text !== "" && socket.writable) socket.write(text, "latin1");
  };
}
