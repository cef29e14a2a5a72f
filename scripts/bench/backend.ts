// The fake mailbox server: as little IMAP as a proxy needs to log in, and two bulk commands. Runs as a process of its own:
//   node backend.ts PLAIN_PORT TLS_PORT CERT KEY
// FETCH n sends a literal of n bytes; APPEND box {n+} takes n bytes and throws them away. Checks no passwords.

import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

const CAPABILITIES = "IMAP4rev1 SASL-IR LITERAL+ ID AUTH=PLAIN";
const BULK = Buffer.alloc(256 * 1024, "0123456789abcdef");
const LONGEST_LINE = 8192;

/** Writes `count` bytes at the pace of the peer. */
async function writeBulk(socket: Socket, count: number): Promise<void> {
  for (let left = count; left > 0 && !socket.destroyed; left -= BULK.length) {
    const chunk = left < BULK.length ? BULK.subarray(0, left) : BULK;
    if (!socket.write(chunk)) await new Promise<void>((resolve) => socket.once("drain", resolve).once("close", resolve));
  }
}

type Reply = (socket: Socket, tag: string) => void;
const ok =
  (untagged = ""): Reply =>
  (socket, tag) =>
    socket.write(`${untagged}${tag} OK done\r\n`);

const COMMANDS: Readonly<Record<string, Reply>> = {
  CAPABILITY: ok(`* CAPABILITY ${CAPABILITIES}\r\n`),
  ID: ok("* ID NIL\r\n"),
  NOOP: ok(),
  LOGIN: ok(),
  APPEND: ok(),
  AUTHENTICATE: ok(),
  LOGOUT: (socket, tag) => socket.end(`* BYE\r\n${tag} OK done\r\n`),
};

function converse(socket: Socket): void {
  let text = ""; // what has come of the line
  let line = ""; // a command that goes on behind its literals
  let literal = 0; // bytes of a login's literal still to come
  let discard = 0; // bytes of an APPEND still to come

  const command = (whole: string): void => {
    const [tag = "*", verb = "", first = ""] = whole.split(" ");
    const name = verb.toUpperCase();
    if (name === "FETCH") {
      const count = Number(first);
      socket.write(`* 1 FETCH (BODY[] {${count}}\r\n`);
      void writeBulk(socket, count).then(() => socket.write(`)\r\n${tag} OK done\r\n`));
    } else (COMMANDS[name] ?? ((peer): void => void peer.write(`${tag} BAD unknown\r\n`)))(socket, tag);
  };

  const oneLine = (part: string): void => {
    const opened = /\{(\d+)(\+?)\}$/.exec(part);
    if (opened === null) {
      command(line + part);
      line = "";
      return;
    }
    const isAppend = /^\S+ APPEND /i.test(line + part);
    line += part.slice(0, opened.index);
    if (opened[2] !== "+") socket.write("+ go on\r\n");
    if (isAppend) discard = Number(opened[1]);
    else literal = Number(opened[1]);
  };

  socket.on("data", (chunk: Buffer) => {
    let from = Math.min(discard, chunk.length);
    discard -= from;
    for (; from < chunk.length; from = Math.min(from, chunk.length)) {
      const byte = chunk[from++] ?? 0;
      text += String.fromCharCode(byte);
      if (literal > 0) {
        if (--literal === 0) [line, text] = [line + text, ""];
      } else if (byte === 10) {
        const part = text.replace(/\r?\n$/, "");
        text = "";
        oneLine(part);
        const skipped = Math.min(discard, chunk.length - from);
        from += skipped;
        discard -= skipped;
      } else if (text.length > LONGEST_LINE) socket.destroy();
    }
  });
  socket.on("error", () => socket.destroy());
  socket.setNoDelay(true);
  socket.write(`* OK [CAPABILITY ${CAPABILITIES}] ready\r\n`);
}

const [plainPort, tlsPort, cert = "", key = ""] = process.argv.slice(2);
const backlog = 4096;
createServer(converse).listen({ port: Number(plainPort), host: "127.0.0.1", backlog });
createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, converse).listen({
  port: Number(tlsPort),
  host: "127.0.0.1",
  backlog,
});
