// The fake mail server behind the proxies: takes every login and every message and throws them away. As little SMTP as
// gateways need. Runs as a process of its own: node backend.ts PORT

import { createServer, type Socket } from "node:net";

const END = Buffer.from("\r\n.\r\n");
const EHLO =
  "250-sink.test\r\n250-PIPELINING\r\n250-SIZE 1000000000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250 AUTH PLAIN\r\n";

const REPLIES: Readonly<Record<string, string>> = {
  EHLO,
  HELO: "250 sink.test\r\n",
  AUTH: "235 2.7.0 yes\r\n",
  MAIL: "250 2.1.0 ok\r\n",
  RCPT: "250 2.1.5 ok\r\n",
  DATA: "354 go on\r\n",
  RSET: "250 2.0.0 ok\r\n",
  NOOP: "250 2.0.0 ok\r\n",
};

function converse(socket: Socket): void {
  let text = "";
  let tail = Buffer.alloc(0);
  let inContent = false;

  const lines = (chunk: string): void => {
    text += chunk;
    let replies = "";
    for (let at = text.indexOf("\n"); at !== -1 && !inContent; at = text.indexOf("\n")) {
      const verb = text.slice(0, 4).toUpperCase();
      text = text.slice(at + 1);
      if (verb === "QUIT") return void socket.end(`${replies}221 2.0.0 bye\r\n`);
      replies += REPLIES[verb] ?? "500 5.5.2 what\r\n";
      if (verb === "DATA") inContent = true;
    }
    if (replies !== "") socket.write(replies);
    if (!inContent) return;
    tail = Buffer.from("\r\n");
    const rest = Buffer.from(text, "latin1");
    text = "";
    if (rest.length > 0) content(rest);
  };

  const content = (chunk: Buffer): void => {
    // The end may lie across two chunks: only the last bytes of what came before matter.
    const joined = Buffer.concat([tail, chunk.length > 4096 ? chunk.subarray(0, 8) : chunk]);
    let end = joined.indexOf(END);
    let rest: Buffer | undefined;
    if (end !== -1) rest = chunk.subarray(Math.max(0, end + END.length - tail.length));
    else if (chunk.length > 4096) {
      end = chunk.indexOf(END, Math.max(0, chunk.length - 64));
      if (end !== -1) rest = chunk.subarray(end + END.length);
    }
    if (rest === undefined) {
      tail = Buffer.from(Buffer.concat([tail, chunk.subarray(-4)]).subarray(-4));
      return;
    }
    inContent = false;
    socket.write("250 2.0.0 thrown away\r\n");
    if (rest.length > 0) lines(rest.toString("latin1"));
  };

  socket.on("data", (chunk: Buffer) => {
    if (inContent) content(chunk);
    else lines(chunk.toString("latin1"));
  });
  socket.on("error", () => socket.destroy());
  socket.setNoDelay(true);
  socket.write("220 sink.test ESMTP\r\n");
}

createServer(converse).listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
