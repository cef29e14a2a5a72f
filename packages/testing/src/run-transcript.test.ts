import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { connect } from "node:net";
import { connect as connectTls, createSecureContext, TLSSocket } from "node:tls";
import test from "ava";
import type { ExecutionContext } from "ava";
import { selfSigned } from "@postern/certs";
import { parseTranscript, runTranscript } from "./index.ts";
import type { Directives } from "./index.ts";

const certificate = selfSigned(["localhost"]);

// The runner resets what is open at its end; these few-line gateways need not care.
function quiet<S extends Socket>(socket: S): S {
  return socket.on("error", () => {});
}

// Long enough for a busy machine; a test that waits for silence waits this long.
const SILENCE_MS = 1500;

// A gateway of a few lines: what `handle` does with a client's socket.
async function play(
  t: ExecutionContext,
  text: string,
  handle: (client: Socket, backendPort: number) => void,
  options: { readonly seen?: (directives: Directives) => void; readonly timeoutMs?: number } = {},
): Promise<void> {
  const servers: Server[] = [];
  const sockets: Socket[] = [];
  const start = async (backendPort: number, directives: Directives): Promise<number> => {
    options.seen?.(directives);
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.push(socket);
      socket.on("error", () => {});
      handle(socket, backendPort);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  };
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
  });
  await runTranscript(parseTranscript(text, "x.txt"), { connect: start, timeoutMs: options.timeoutMs ?? 5000 });
}

const echo = (client: Socket): void => {
  client.write("hello\r\n");
  client.pipe(client);
};

const tunnel = (client: Socket, port: number): void => {
  const backend = quiet(connect({ port, host: "127.0.0.1", allowHalfOpen: true }));
  client.pipe(backend);
  backend.pipe(client);
};

test("run: a dialogue that is as written passes", async (t) => {
  await t.notThrowsAsync(play(t, "S: hel*\nC: one\nC: two\nS: one\nS: two\nC+: {3}\nS+: {3}\nC: <close>\nS: <closed>", echo));
});

test("run: bytes go through both sides, half-closed in both directions", async (t) => {
  const text = "B: ready\nS: ready\nC: ask\nG: ask\nC: <close>\nG: <closed>\nB: late\nB: <close>\nS: late\nS: <closed>";
  await t.notThrowsAsync(play(t, text, tunnel));
});

test("run: a second connection to the backend is named by <connect>", async (t) => {
  const text = "C: first\nG: first\nB: <close>\nG: <connect>\nG: again\nS: <closed>";
  await play(t, text, (client, port) => {
    client.once("data", (data) => {
      const one = quiet(connect({ port, host: "127.0.0.1" }, () => one.write(data)));
      one.resume().once("close", () => {
        const two = quiet(connect({ port, host: "127.0.0.1" }, () => two.end("again\r\n", () => client.end())));
        two.resume();
      });
    });
  });
  t.pass();
});

test("run: TLS begins where the transcript says, on both sides, even when the handshake comes at once", async (t) => {
  const text = "@tls\nC: to\nG: plain\nB: go\nG: <tls>\nG: to\nB: back\nS: back";
  const secureContext = createSecureContext(certificate);
  await play(t, text, (raw, port) => {
    const client = quiet(new TLSSocket(raw, { isServer: true, secureContext }));
    const plain = quiet(connect({ port, host: "127.0.0.1" }, () => plain.write("plain\r\n")));
    plain.once("data", () => {
      const backend = quiet(connectTls({ socket: plain, rejectUnauthorized: false }));
      client.pipe(backend).pipe(client);
    });
  });
  t.pass();
});

test("run: an implicit TLS backend, which sees a ClientHello first, is G: <tls> as the first line", async (t) => {
  await play(t, "G: <tls>\nB: hello\nS: hello", (client, port) => {
    quiet(connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false })).pipe(client);
  });
  t.pass();
});

test("run: the gateway starter is given the directives", async (t) => {
  let given: Directives = {};
  await play(t, "@listener tls=starttls\nS: hello", echo, {
    seen(directives) {
      given = directives;
    },
  });
  t.deepEqual(given, { listener: { tls: "starttls" } });
});

for (const [title, text, handle, message] of [
  ["another answer", "# x\nS: hullo", echo, 'x.txt:2: expected: S: "hullo"\n     got: S: "hello"'],
  ["an answer that is only the beginning", "S: hell", echo, 'x.txt:1: expected: S: "hell"\n     got: S: "hello"'],
  ["an answer that never comes", "S: hello\nS: more", echo, 'x.txt:2: expected: S: "more"\n     got: nothing within 1.5 s'],
  [
    "half an answer",
    "S: hello\nC+: half\nS: half",
    echo,
    'x.txt:3: expected: S: "half"\n     got: "half", then nothing within 1.5 s',
  ],
  [
    "a connection that is closed too early",
    "S: bye\nS: more",
    (client: Socket) => client.end("bye\r\n"),
    'x.txt:2: expected: S: "more"\n     got: the connection was closed',
  ],
  [
    "a connection that is not closed",
    "S: hello\nS: <closed>",
    echo,
    "x.txt:2: expected: the connection is closed\n     got: nothing within 1.5 s",
  ],
  [
    "words before the close",
    "S: <closed>",
    (client: Socket) => client.end("bye\r\n"),
    'x.txt:1: expected: the connection is closed\n     got: "bye\\r\\n"',
  ],
  [
    "more than what is written",
    "S: one",
    (client: Socket) => client.write("one\r\ntwo\r\n"),
    'x.txt:1: expected: no more than the transcript says\n     got: S: "two\\r\\n"',
  ],
  [
    "a bare line feed",
    "S: one",
    (client: Socket) => client.end("one\n"),
    'x.txt:1: expected: S: "one"\n     got: "one\\n", then the connection was closed',
  ],
  [
    "a backend that is not dialled",
    "G: x",
    echo,
    'x.txt:1: expected: the gateway connects to the backend\n     got: nothing within 1.5 s; the client was told "hello\\r\\n"',
  ],
  [
    "a backend that is dialled although nothing says so",
    "C: x\nS: <closed>",
    // A moment later, so that the runner has accepted the connection before it sees the end.
    (client: Socket, port: number) => void quiet(connect({ port, host: "127.0.0.1" }, () => setTimeout(() => client.end(), 50))),
    "x.txt:2: expected: no more connections to the backend than the transcript says\n     got: 1 more",
  ],
  [
    "bytes in clear before the handshake",
    "S: hello\nC: x\nS: x\nC: <tls>",
    (client: Socket) => client.write("hello\r\nx\r\nmore"),
    'x.txt:4: expected: silence before the TLS handshake\n     got: "more"',
  ],
] as const) {
  test(`run: ${title} fails with line, expected and got`, async (t) => {
    await t.throwsAsync(
      play(t, text, (client, port) => void handle(client, port), { timeoutMs: SILENCE_MS }),
      { name: "TranscriptFailure", message },
    );
  });
}

test("run: a handshake that fails is told", async (t) => {
  await t.throwsAsync(play(t, "C: <tls>", echo), {
    name: "TranscriptFailure",
    message: /^x\.txt:1: expected: a TLS handshake\n/,
  });
});
