// A DCE/RPC server on a port of loopback: takes every bind, answers each request with its own name and the request's stub, and
// remembers all octets that it got. With `ports` it is an end-point mapper too. It ends with the test.

import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import { once } from "node:events";
import type { ExecutionContext } from "ava";
import { bindAck, headerOf, INTERFACES, NDR, PduFramer, PDU_TYPES, pdusOf, readBind, response } from "@postern/dcerpc";
import { mapAnswer } from "../src/epm/answers.ts";
import { readMap } from "../src/epm/requests.ts";
import { tcpTower } from "../src/epm/tower.ts";

export interface RpcServer {
  readonly port: number;
  /** Of each connection, all that came. */
  readonly got: readonly (() => Buffer)[];
  /** Questions to its end-point mapper. */
  readonly questions: number;
  /** Connections that are open. */
  readonly sockets: ReadonlySet<Socket>;
  stop(): void;
}

export interface RpcServerOptions {
  readonly name?: string;
  readonly group?: number;
  /** Of interfaces that its end-point mapper knows, by UUID. */
  readonly ports?: Readonly<Record<string, number>>;
  /** Answers a PDU in another way; undefined: as always. */
  readonly instead?: (pdu: Buffer, socket: Socket) => Buffer | undefined;
  /** Octets behind each response, as a signature has. */
  readonly signs?: boolean;
}

const SIGNATURE = Buffer.concat([Buffer.from([10, 6, 0, 0, 0, 0, 0, 0]), Buffer.alloc(16, 7)]);

export async function rpcServer(t: ExecutionContext, options: RpcServerOptions = {}): Promise<RpcServer> {
  const got: Buffer[][] = [];
  const sockets = new Set<Socket>();
  let questions = 0;
  const answerTo = (pdu: Buffer, socket: Socket): Buffer => {
    const instead = options.instead?.(pdu, socket);
    if (instead !== undefined) return instead;
    const { type, callId } = headerOf(pdu);
    if (type === PDU_TYPES.bind || type === PDU_TYPES.alterContext) return acknowledge(pdu, options);
    if (type !== PDU_TYPES.request) return Buffer.alloc(0);
    if (options.ports !== undefined) {
      questions += 1;
      return response(callId, 0, mapped(pdu.subarray(24), options.ports));
    }
    const said = response(callId, 0, Buffer.concat([Buffer.from(`${options.name ?? "server"}:`), pdu.subarray(24)]));
    return options.signs === true ? signed(said) : said;
  };
  const server = createServer((socket) => {
    const mine: Buffer[] = [];
    got.push(mine);
    sockets.add(socket);
    const framer = new PduFramer({
      rpc: (run) => pdusOf(run).forEach((pdu) => socket.write(answerTo(pdu, socket))),
      rts: () => {},
    });
    socket
      .on("error", () => {})
      .on("close", () => sockets.delete(socket))
      .on("data", (chunk: Buffer) => {
        mine.push(chunk);
        framer.feed(chunk);
      });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  t.teardown(stop);
  return {
    port: (server.address() as AddressInfo).port,
    get got() {
      return got.map((mine) => () => Buffer.concat(mine));
    },
    get questions() {
      return questions;
    },
    sockets,
    stop,
  };
}

function acknowledge(pdu: Buffer, { group = 0x1234 }: RpcServerOptions): Buffer {
  const { type, callId } = headerOf(pdu);
  const bind = readBind(pdu);
  const results = bind.contexts.map(() => ({ result: 0, reason: 0, transfer: NDR }));
  const ack = { maxTransmit: 5840, maxReceive: 5840, group: bind.group || group, address: "", results };
  return bindAck(callId, ack, type === PDU_TYPES.bind ? "bind" : "alterContext");
}

function mapped(stub: Buffer, ports: Readonly<Record<string, number>>): Buffer {
  const { tower, max } = readMap(stub);
  const port = tower === undefined ? undefined : ports[tower.interface.uuid];
  return mapAnswer(tower === undefined || port === undefined ? [] : [tcpTower(tower.interface, port, "192.0.2.99")], max);
}

function signed(pdu: Buffer): Buffer {
  const whole = Buffer.concat([pdu, SIGNATURE]);
  whole.writeUInt16LE(whole.length, 8);
  whole.writeUInt16LE(16, 10);
  return whole;
}

export const { EMSMDB, NSPI } = INTERFACES;
