// What we use of the inside of smtp-server. When one of these fails, the version has changed: read the front again.

import { createRequire } from "node:module";
import { Duplex } from "node:stream";
import test from "ava";
import { SMTPConnection } from "smtp-server/lib/smtp-connection.js";
import { SMTPStream } from "smtp-server/lib/smtp-stream.js";
import { SMTPServer } from "smtp-server";

test("smtp-server: the version is the one that the front was written for", (t) => {
  const { version } = createRequire(import.meta.url)("smtp-server/package.json") as { version: string };
  t.is(version, "3.21.6");
});

test("smtp-server: what the front overrides is there", (t) => {
  for (const name of ["_createParser", "close", "_whenWritable"] as const)
    t.is(typeof SMTPConnection.prototype[name], "function");
  for (const name of ["_write", "_flushData"] as const) t.is(typeof SMTPStream.prototype[name], "function");
});

test("smtp-server: the parser hands on lines without their ends, and goes on when it is told to", (t) => {
  const lines: string[] = [];
  const goOn: (() => void)[] = [];
  const parser = new SMTPStream({ maxCommandLength: 100 });
  parser.oncommand = (line, next) => {
    lines.push(line.toString("latin1"));
    if (next !== undefined) goOn.push(next);
  };
  const done: (Error | null | undefined)[] = [];
  parser._write(Buffer.from("EHLO me"), "buffer", (error) => done.push(error));
  parser._write(Buffer.from("\xe9\r\n", "latin1"), "buffer", (error) => done.push(error));
  t.deepEqual(lines, ["EHLO me\xe9"]);
  t.is(done.length, 1);
  goOn[0]?.();
  t.deepEqual(done, [undefined, undefined]);
  parser._write(Buffer.from("x".repeat(101)), "buffer", (error) => done.push(error));
  t.true(done[2] instanceof Error);
  parser.isClosed = true;
  parser._write(Buffer.from("NOOP\r\n"), "buffer", (error) => done.push(error));
  t.is(lines.length, 1);
  t.is(done.length, 4);
});

test("smtp-server: a connection does nothing by itself before it is begun, and makes its parser by a method", (t) => {
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, next) => next() });
  const made: unknown[] = [];
  class Connection extends SMTPConnection {
    override _createParser(): SMTPStream {
      const parser = super._createParser();
      made.push(parser);
      return parser;
    }
  }
  const server = new SMTPServer({ name: "mail.example.com", logger: false, hideSTARTTLS: true });
  const connection = new Connection(server, socket as never, { id: "one" });
  t.is(connection.id, "one");
  t.is(connection._socket, socket as never);
  t.deepEqual(made, [connection._parser]);
  t.is(socket.listenerCount("data") + socket.listenerCount("readable") + socket.listenerCount("close"), 0);
  connection.close();
  t.true(socket.writableEnded);
  t.true(connection._parser !== false && connection._parser.isClosed);
  clearTimeout(connection._closeTimer);
});
