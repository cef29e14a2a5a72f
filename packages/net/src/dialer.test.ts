import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import test, { type ExecutionContext } from "ava";
import { createAuthority, issue } from "@postern/certs";
import type { Leg } from "@postern/contracts";
import { DIAL, kindOf, legTo, manualClock, serverOf } from "../test/helpers.ts";
import { dial, reach } from "./dialer.ts";

const authority = createAuthority("Backend authority");
const certificate = issue(authority, { names: ["mbx.example.com", "127.0.0.1"] });
const secureContext = createSecureContext(certificate);
const ca = authority.cert;

/** A TLS server that greets; `before` sees the raw socket first. */
function tlsServer(t: ExecutionContext, before: (socket: Socket) => Promise<void> = () => Promise.resolve()): Promise<number> {
  return serverOf(t, (raw) => {
    void before(raw).then(() => {
      const secured = new TLSSocket(raw, { isServer: true, secureContext });
      secured.on("error", () => {});
      secured.write("hello\r\n");
    });
  });
}

const implicit = (port: number, rest: Partial<Leg> = {}): Leg => legTo(port, { tls: "implicit", ca, ...rest });

test("dialer: resolves when the backend has spoken, with its bytes unread", async (t) => {
  const port = await serverOf(t, (socket) => socket.write("hel"));
  const connection = await dial(legTo(port), DIAL);
  t.teardown(() => connection.destroy());
  t.false(connection.secure);
  t.is(connection.pending, 3);
  t.is((await connection.readBytes(3)).toString(), "hel");
});

test("dialer: a port where nobody listens is unreachable", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  t.is(await kindOf(dial(legTo(port), DIAL)), "backend-unreachable");
});

test("dialer: a host name that nobody knows is unreachable", async (t) => {
  t.is(await kindOf(dial(legTo(1, { host: "no.such.host.invalid" }), DIAL)), "backend-unreachable");
});

test("dialer: a connect that hangs ends at the deadline", async (t) => {
  const clock = manualClock();
  const port = await serverOf(t, () => {});
  // The clock runs out before the event loop can tell of the connect.
  const work = kindOf(dial(legTo(port), { ...DIAL, clock }));
  clock.fire();
  t.is(await work, "backend-unreachable");
  t.is(clock.pending, 0);
});

test("dialer: where no greeting is waited for, a connect that hangs is a connect that hangs, with TLS or without", async (t) => {
  for (const tls of ["none", "implicit"] as const) {
    const clock = manualClock();
    const port = await serverOf(t, () => {});
    const work = kindOf(reach(legTo(port, { tls, ca }), { ...DIAL, clock }));
    clock.fire();
    t.is(await work, "backend-unreachable");
    t.is(clock.pending, 0);
  }
});

for (const [title, tls] of [
  ["a greeting", "none"],
  ["a greeting before STARTTLS", "starttls"],
  ["a TLS handshake", "implicit"],
] as const) {
  test(`dialer: ${title} that never comes ends at the deadline, and the backend sees the end`, async (t) => {
    const clock = manualClock();
    const closed = new Promise<void>((resolve) => {
      void serverOf(t, (socket) => {
        socket.resume().once("close", () => resolve());
        socket.once("end", () => socket.end());
        setImmediate(() => clock.fire());
      }).then((port) => {
        void kindOf(dial(legTo(port, { tls, ca }), { ...DIAL, clock })).then((kind) =>
          t.true(["backend-silent", "backend-unreachable"].includes(kind)),
        );
      });
    });
    await closed;
    t.is(clock.pending, 0);
  });
}

test("dialer: a backend that closes before it speaks is lost", async (t) => {
  const port = await serverOf(t, (socket) => socket.end());
  t.is(await kindOf(dial(legTo(port), DIAL)), "backend-lost");
});

test("dialer: implicit TLS with an authority of its own and a server name", async (t) => {
  const port = await tlsServer(t);
  const connection = await dial(implicit(port, { serverName: "mbx.example.com" }), DIAL);
  t.teardown(() => connection.destroy());
  t.true(connection.secure);
  t.is(await connection.readLine(), "hello");
  t.is((connection.socket as TLSSocket).servername, "mbx.example.com");
});

test("dialer: without a server name the certificate must be for the host, an IP address as well", async (t) => {
  const port = await tlsServer(t);
  const connection = await dial(implicit(port), DIAL);
  t.teardown(() => connection.destroy());
  t.is(await connection.readLine(), "hello");
  t.is(await kindOf(dial(implicit(port, { host: "localhost" }), DIAL)), "backend-tls");
});

for (const [title, rest] of [
  ["another name", { serverName: "other.example.com" }],
  ["another authority", { ca: createAuthority("Another").cert }],
  ["an authority that only the system does not know", { ca: undefined }],
] as const) {
  test(`dialer: a certificate of ${title} is refused`, async (t) => {
    t.is(await kindOf(dial(implicit(await tlsServer(t), rest), DIAL)), "backend-tls");
  });
}

test("dialer: with verify off any certificate will do", async (t) => {
  const connection = await dial(implicit(await tlsServer(t), { ca: undefined, verify: false, serverName: "x.example" }), DIAL);
  t.teardown(() => connection.destroy());
  t.is(await connection.readLine(), "hello");
});

test("dialer: a backend that speaks no TLS on a TLS leg is backend-tls", async (t) => {
  t.is(await kindOf(dial(implicit(await serverOf(t, (socket) => socket.write("* OK plain\r\n"))), DIAL)), "backend-tls");
  t.is(await kindOf(dial(implicit(await serverOf(t, (socket) => socket.end())), DIAL)), "backend-tls");
});

test("dialer: the next dial resumes the TLS session, but not for another policy", async (t) => {
  const port = await tlsServer(t);
  const reused = async (rest: Partial<Leg> = {}): Promise<boolean> => {
    const connection = await dial(implicit(port, rest), DIAL);
    t.teardown(() => connection.destroy());
    await connection.readLine();
    return (connection.socket as TLSSocket).isSessionReused();
  };
  t.false(await reused({ verify: false }));
  t.true(await reused({ verify: false }));
  t.false(await reused({ verify: true }));
});

test("dialer: STARTTLS on the dialled connection uses the leg's policy", async (t) => {
  const port = await serverOf(t, (raw) => {
    raw.write("hello\r\n");
    raw.once("data", () => {
      const secured = new TLSSocket(raw, { isServer: true, secureContext });
      secured.on("error", () => {});
      raw.write("go\r\n");
      secured.write("inside\r\n");
    });
  });
  const start = async (rest: Partial<Leg>): Promise<string> => {
    const connection = await dial(legTo(port, { tls: "starttls", ca, ...rest }), DIAL);
    t.teardown(() => connection.destroy());
    await connection.readLine();
    connection.write("STARTTLS\r\n");
    await connection.readLine();
    await connection.startTls();
    return connection.readLine();
  };
  t.is(await start({ serverName: "mbx.example.com" }), "inside");
  t.is(await kindOf(start({ serverName: "wrong.example.com" })), "backend-tls");
});

const CLIENT = { source: { host: "192.0.2.7", port: 4711 }, destination: { host: "192.0.2.1", port: 143 }, tls: undefined };

for (const [version, client, expected] of [
  ["v1", CLIENT, Buffer.from("PROXY TCP4 192.0.2.7 192.0.2.1 4711 143\r\n")],
  ["v2", CLIENT, Buffer.from("0d0a0d0a000d0a515549540a2111000cc0000207c00002011267008f", "hex")],
  ["v1", undefined, Buffer.from("PROXY UNKNOWN\r\n")],
  ["v2", undefined, Buffer.from("0d0a0d0a000d0a515549540a20000000", "hex")],
] as const) {
  test(`dialer: the PROXY ${version} header of ${client === undefined ? "a probe" : "a client"} comes first, before TLS`, async (t) => {
    const heads: Buffer[] = [];
    const port = await tlsServer(t, async (socket) => {
      while (socket.read(0) === null && socket.readableLength < expected.length) await once(socket, "readable");
      heads.push(socket.read(expected.length) as Buffer);
    });
    const connection = await dial(implicit(port, { proxyHeader: version }), { ...DIAL, client });
    t.teardown(() => connection.destroy());
    t.is(await connection.readLine(), "hello");
    t.deepEqual(heads, [expected]);
  });
}

test("dialer: a dial that fails leaves no connection open", async (t) => {
  const closed: Promise<unknown>[] = [];
  const port = await serverOf(t, (socket) => {
    closed.push(once(socket, "close"));
    socket.resume().once("end", () => socket.end());
    socket.write("not TLS\r\n");
  });
  t.is(await kindOf(dial(implicit(port), DIAL)), "backend-tls");
  await Promise.all(closed);
  const probe = connect(port, "127.0.0.1");
  await once(probe, "connect");
  probe.destroy();
  t.true(closed.length >= 1);
});
