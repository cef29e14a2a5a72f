// The load: a client that sends mail, over TLS with a login (submission) or plain (inbound). Each message is written in one
// piece; answers are checked by their code. Throws what the proxy refused.

import { connect, type Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";

const DEADLINE = 60_000;

export interface MailTarget {
  readonly port: number;
  /** Log in over TLS with this certificate's authority; undefined: plain, no login. */
  readonly ca?: Buffer;
}

export interface Sender {
  /** One message of about so many bytes. */
  send(body: Buffer): Promise<void>;
  quit(): Promise<void>;
}

/** A body of `size` bytes: header, empty line, lines of 76 characters. */
export function bodyOf(size: number): Buffer {
  const head = "From: alice@example.com\r\nTo: bob@example.com\r\nSubject: bench\r\n\r\n";
  const line = `${"0123456789".repeat(8).slice(0, 74)}\r\n`;
  return Buffer.from((head + line.repeat(Math.ceil(Math.max(0, size - head.length) / line.length))).slice(0, size - 2) + "\r\n");
}

export async function open(target: MailTarget): Promise<Sender> {
  const { port, ca } = target;
  const socket: Socket =
    ca === undefined
      ? connect({ port, host: "127.0.0.1" })
      : tlsConnect({
          port,
          host: "127.0.0.1",
          servername: "bench.test",
          ca,
          minVersion: "TLSv1.3",
          ciphers: "TLS_AES_128_GCM_SHA256",
          ecdhCurve: "X25519",
        });
  socket.setNoDelay(true);
  const answers = reader(socket);
  const expect = async (code: string, count = 1): Promise<void> => {
    for (let index = 0; index < count; index++) {
      const line = await answers();
      if (!line.startsWith(code)) throw new Error(`the proxy answers ${line.trim()} where ${code} is due`);
    }
  };
  await expect("220");
  socket.write("EHLO load.example.com\r\n");
  await expect("250");
  if (ca !== undefined) {
    socket.write(`AUTH PLAIN ${Buffer.from("\0alice@example.com\0secret").toString("base64")}\r\n`);
    await expect("235");
  }
  return {
    async send(body) {
      socket.write("MAIL FROM:<alice@example.com>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n");
      await expect("250", 2);
      await expect("354");
      if (!socket.write(body)) await new Promise((resolve) => socket.once("drain", resolve));
      socket.write(".\r\n");
      await expect("250");
    },
    async quit() {
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.write("QUIT\r\n");
      await expect("221");
      socket.end();
      await closed;
    },
  };
}

/** Reads one whole reply a call. */
function reader(socket: Socket): () => Promise<string> {
  let text = "";
  let failed: Error | undefined;
  let wake: (() => void) | undefined;
  const fail = (error: Error): void => {
    failed ??= error;
    wake?.();
  };
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    wake?.();
  });
  socket.on("error", fail);
  socket.once("close", () => fail(new Error("the proxy closed the connection")));
  return async () => {
    for (;;) {
      const match = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\r?\n/.exec(text);
      if (match !== null) {
        text = text.slice(match[0].length);
        return match[0];
      }
      if (failed !== undefined) throw failed;
      const timer = setTimeout(() => fail(new Error(`no answer within ${DEADLINE / 1000} s`)), DEADLINE);
      await new Promise<void>((resolve) => (wake = resolve));
      wake = undefined;
      clearTimeout(timer);
    }
  };
}
