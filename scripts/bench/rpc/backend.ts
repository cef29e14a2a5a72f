// The fake RPC servers behind the proxies, as little of each as the load needs: an RPC proxy with its server (HTTP), an ncacn_http
// server, and one of plain TCP. Flow control both ways; no change of channels, no bind, no checks.
// usage: backend.ts HTTP-PORT NCACN-HTTP-PORT TCP-PORT

import { createServer, type Socket } from "node:net";
import { rtsDestination, rtsPdu, rtsValues, type RtsValues } from "@postern/testing";
import { ackOf, ANSWER, BULK, Reader, Receiving, response, Sending, TELL, WINDOW } from "./words.ts";

const TIMEOUT = 900_000;
const CLIENT = 0;
const OUT_PROXY = 3;
const SUCCESS = "HTTP/1.1 200 Success\r\nContent-Type: application/rpc\r\nContent-Length: 1073741824\r\n\r\n";

/** Whatever carries it: swallows, answers, tells what has come. */
class Service {
  readonly #sending: Sending;
  #received = 0;

  constructor(sending: Sending) {
    this.#sending = sending;
  }

  rpc(octets: number, opnum: number, number: number): void {
    if (opnum === ANSWER) this.#sending.bulk(number);
    else if (opnum === TELL) this.#sending.one(response(this.#received));
    else this.#received += octets;
  }
}

interface Half {
  readonly socket: Socket;
  readonly channel: string;
  readonly window: number;
}

/** The first PDUs of the two halves, and what is said when both are there. */
interface Kind {
  readonly out: "CONN/A1" | "CONN/A2";
  readonly in: "CONN/B1" | "CONN/B2";
  readonly begun: (out: Half) => void;
  readonly met: (out: Half, incoming: Half) => void;
  /** Tells how much has come, without its numbers. */
  readonly ack: (incoming: Half) => Buffer;
  readonly ackTo: (out: Half, incoming: Half) => Socket;
}

const PROXY: Kind = {
  out: "CONN/A1",
  in: "CONN/B1",
  begun: ({ socket }) => void socket.write(Buffer.concat([Buffer.from(SUCCESS), rtsPdu("CONN/A3", { timeout: TIMEOUT })])),
  met: ({ socket }) => void socket.write(rtsPdu("CONN/C2", { window: WINDOW, timeout: TIMEOUT })),
  ack: ({ channel }) => rtsPdu("FlowControlAckWithDestination", { destination: CLIENT, channel }),
  ackTo: ({ socket }) => socket,
};

const SERVER: Kind = {
  out: "CONN/A2",
  in: "CONN/B2",
  begun: () => {},
  met: (out, incoming) => {
    out.socket.write(rtsPdu("CONN/C1", { window: incoming.window, timeout: TIMEOUT }));
    incoming.socket.write(rtsPdu("CONN/B3", { window: WINDOW }));
  },
  ack: ({ channel }) => rtsPdu("FlowControlAck", { channel }),
  ackTo: (_out, { socket }) => socket,
};

/** A virtual connection whose halves have met, or will. */
class Virtual {
  readonly #kind: Kind;
  #out: Half | undefined;
  #in: Half | undefined;
  #sending: Sending | undefined;
  #receiving: Receiving | undefined;
  #service: Service | undefined;

  constructor(kind: Kind) {
    this.#kind = kind;
  }

  join(side: "in" | "out", half: Half): void {
    if (side === "in") this.#in = half;
    else this.#kind.begun((this.#out = half));
    if (this.#out !== undefined && this.#in !== undefined) this.#meet(this.#out, this.#in);
  }

  rpc(octets: number, opnum: number, number: number): void {
    this.#receiving?.came(octets);
    this.#service?.rpc(octets, opnum, number);
  }

  rts(pdu: Buffer, side: "in" | "out"): void {
    const destination = rtsDestination(pdu);
    // The words of the two proxies to each other, and to the client, go by way of the server.
    if (this.#kind === SERVER && side === "in" && (destination === CLIENT || destination === OUT_PROXY))
      return void this.#out?.socket.write(Buffer.from(pdu));
    const ack = ackOf(pdu);
    if (ack !== undefined) this.#sending?.acknowledged(ack.received, ack.available);
  }

  #meet(out: Half, incoming: Half): void {
    const { ack, ackTo, met } = this.#kind;
    this.#sending = new Sending((bytes) => out.socket.write(bytes), BULK.down, out.window);
    this.#receiving = new Receiving(ack(incoming), (pdu) => ackTo(out, incoming).write(pdu));
    this.#service = new Service(this.#sending);
    met(out, incoming);
  }
}

const virtuals = new Map<string, Virtual>();

/** One channel: its first PDU says of which virtual connection it is. */
function channel(socket: Socket, kind: Kind): Reader {
  let virtual: Virtual | undefined;
  let side: "in" | "out" = "in";
  const first = (pdu: Buffer): void => {
    const asOut = rtsValues(kind.out, pdu);
    const values: RtsValues = asOut ?? rtsValues(kind.in, pdu) ?? {};
    side = asOut === undefined ? "in" : "out";
    const { connection: cookie = "", channel: own = "", window = 0 } = values;
    virtual = virtuals.get(cookie) ?? new Virtual(kind);
    virtuals.set(cookie, virtual);
    socket.once("close", () => virtuals.delete(cookie));
    virtual.join(side, { socket, channel: own, window });
  };
  return new Reader({
    rpc: (octets, opnum, number) => virtual?.rpc(octets, opnum, number),
    rts: (pdu) => (virtual === undefined ? first(pdu) : virtual.rts(pdu, side)),
  });
}

function overHttp(socket: Socket): void {
  const reader = channel(socket, PROXY);
  let head: string | undefined = "";
  socket.on("data", (chunk: Buffer) => {
    if (head === undefined) return reader.feed(chunk);
    head += chunk.toString("latin1");
    const end = head.indexOf("\r\n\r\n");
    if (end === -1) return;
    const rest = Buffer.from(head.slice(end + 4), "latin1");
    head = undefined;
    reader.feed(rest);
  });
}

function overNcacnHttp(socket: Socket): void {
  const reader = channel(socket, SERVER);
  socket.on("data", (chunk: Buffer) => reader.feed(chunk));
}

function overTcp(socket: Socket): void {
  const sending = new Sending((bytes) => socket.write(bytes), BULK.down);
  const service = new Service(sending);
  const reader = new Reader({
    rpc: (octets, opnum, number) => service.rpc(octets, opnum, number),
    rts: () => socket.destroy(),
  });
  socket.on("data", (chunk: Buffer) => reader.feed(chunk));
  socket.on("drain", () => sending.pump());
}

[overHttp, overNcacnHttp, overTcp].forEach((serve, index) => {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    serve(socket);
  });
  server.listen({ port: Number(process.argv[2 + index]), host: "127.0.0.1", backlog: 4096 });
});
