import test from "ava";
import { Failure, systemClock } from "@postern/contracts";
import { INTERFACES } from "@postern/dcerpc";
import { createFakeClock } from "@postern/testing";
import { EMSMDB, rpcServer } from "../test/rpc-server.ts";
import { freePort, rpcLeg } from "../test/scene.ts";
import { BackendPorts } from "./backend-ports.ts";

const service = { name: "emsmdb", syntax: EMSMDB, port: undefined, backendPort: undefined };

test("backend ports: the one of the settings is taken, and nobody is asked", async (t) => {
  const ports = new BackendPorts(systemClock);
  t.is(await ports.of(rpcLeg(await freePort(), "a"), { ...service, backendPort: 6001 }), 6001);
});

test("backend ports: the backend's end-point mapper is asked once, and again after a minute", async (t) => {
  const server = await rpcServer(t, { ports: { [EMSMDB.uuid]: 6005 } });
  const clock = createFakeClock();
  const ports = new BackendPorts(clock);
  const leg = rpcLeg(server.port, "a");
  t.deepEqual(await Promise.all([ports.of(leg, service), ports.of(leg, service)]), [6005, 6005]);
  t.is(await ports.of(leg, service), 6005);
  t.is(server.questions, 1);
  await clock.advance(60_001);
  await ports.of(leg, service);
  t.is(server.questions, 2);
  ports.forget(leg, service);
  await ports.of(leg, service);
  t.is(server.questions, 3);
});

const kindOf = async (asked: Promise<unknown>): Promise<string | undefined> => (await failureOf(asked))?.kind;
const failureOf = (asked: Promise<unknown>): Promise<Failure | undefined> =>
  asked.then(
    () => undefined,
    (error: unknown) => (error instanceof Failure ? error : undefined),
  );

test("backend ports: an interface that the backend does not have is a backend that cannot be reached, and is asked for anew", async (t) => {
  const server = await rpcServer(t, { ports: { [INTERFACES.NSPI.uuid]: 6004 } });
  const ports = new BackendPorts(systemClock);
  const leg = rpcLeg(server.port, "a");
  t.is(await kindOf(ports.of(leg, service)), "backend-unreachable");
  t.is(await kindOf(ports.of(leg, service)), "backend-unreachable");
  t.is(server.questions, 2);
});

test("backend ports: a mapper that talks nonsense, or nothing, is the backend's failure", async (t) => {
  const nonsense = await rpcServer(t, { instead: () => Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n") });
  t.is(await kindOf(new BackendPorts(systemClock).of(rpcLeg(nonsense.port, "a"), service)), "backend-garbled");
  const silent = await rpcServer(t, { instead: () => Buffer.alloc(0) });
  t.is(
    await kindOf(new BackendPorts(systemClock).of(rpcLeg(silent.port, "a", { replyTimeoutMs: 30 }), service)),
    "backend-silent",
  );
  t.is(await kindOf(new BackendPorts(systemClock).of(rpcLeg(await freePort(), "a"), service)), "backend-unreachable");
});
