// The two channels of a virtual connection may reach different workers or nodes. Its home node is found by rendezvous hashing over
// the nodes of the settings; within a node the worker that gets its first channel claims it in the shared state. A channel that comes
// elsewhere is passed on, once between nodes and once between workers. Failure: no-candidate, when its process cannot be reached.

import type { Socket } from "node:net";
import { Failure, toFailure, type Leg } from "@postern/contracts";
import { HttpClientChannel } from "../client-channel.ts";
import { openingOf } from "../opening.ts";
import type { ClientChannel, Opening, RpcHttpParts } from "../parts.ts";
import { answerLength, firstOf } from "../serve.ts";
import { dialNode, dialWorker, DOOR_TIMEOUT_MS, openNodeDoor, openWorkerDoor, type Door } from "./doors.ts";
import { hopChannel } from "./hop-channel.ts";
import { passOn } from "./hop.ts";
import { joinKeys } from "./keys.ts";
import { letterBytes, readLetter, type Letter } from "./letter.ts";

/** A channel whose first PDU was read. */
export interface Arrival {
  /** Of its virtual connection: Join.idOf. */
  readonly id: string;
  readonly channel: ClientChannel;
  readonly opening: Opening;
  readonly first: Buffer;
  readonly legs: readonly Leg[];
}

export interface Join {
  /** The name of a virtual connection of this user. */
  idOf(user: string, cookie: string): string;
  /** True: another node had it, and it is over. */
  toNode(arrival: Arrival): Promise<boolean>;
  /** True: another worker of this node had it, and it is over. */
  toWorker(arrival: Arrival): Promise<boolean>;
  /** These live here: nobody else may claim them. `now`: milliseconds. */
  keep(ids: Iterable<string>, now: number): void;
  /** Nothing more comes from other nodes: who follows on this one has their door. */
  closeToNodes(): void;
  /** Closes the doors until the next channel comes. What is passed on stays. */
  close(): void;
}

/** A claim of a process that died ends after so long. */
const CLAIM_MS = 600_000;
/** A hash names all backends that there are; nobody waits until so many were tried. */
const MOST_LEGS = 16;

/** `serve`: takes a channel that was passed on; it settles when that is over. `mayPassOn`: to another worker. */
export function createJoin(parts: RpcHttpParts, serve: (arrival: Arrival, mayPassOn: boolean) => Promise<void>): Join {
  const { clock, logger, settings, state } = parts;
  const { address, nodes } = settings.join;
  const keys = joinKeys(parts.secret);
  let workerDoor: Promise<Door | undefined> | undefined;
  let claimedAt = clock.now();
  const nodeDoor = address === undefined ? undefined : opened(openNodeDoor(address, keys.preShared, (socket) => receive(socket)));

  function opened(door: Promise<Door>): Promise<Door | undefined> {
    return door.catch((error: unknown) => {
      logger.error("listener", { listener: "rpc-http join", reason: toFailure(error).message });
      return undefined;
    });
  }

  const claimKey = (id: string): string => `rpc-http ${id}`;

  /** Clients keep the process alive, not what is passed on for those of other processes. */
  function prepare(socket: Socket): void {
    socket.on("error", () => {});
    socket.unref();
  }

  const closeToNodes = (): void => void nodeDoor?.then((door) => door?.close());

  /** The letter, and the PDU that was read. */
  function saidOf({ channel, first, legs }: Arrival, from: Letter["from"]): Buffer {
    const { id: request, user, direction, session } = channel;
    const { client, local } = session;
    const letter: Letter = {
      from,
      request,
      session: session.id,
      user,
      client,
      local,
      direction,
      legs: legs.slice(0, MOST_LEGS).map(({ backend, port }) => ({ backend, port })),
    };
    return Buffer.concat([letterBytes(letter, keys), first]);
  }

  /** A process of this array is at the door: its letter comes first. */
  function receive(socket: Socket): void {
    prepare(socket);
    const timer = clock.after(DOOR_TIMEOUT_MS, () => socket.destroy());
    socket.once("close", () => timer.cancel());
    let bytes: Buffer = Buffer.alloc(0);
    socket.on("data", function onData(chunk: Buffer) {
      bytes = Buffer.concat([bytes, chunk]);
      try {
        const read = readLetter(bytes, keys);
        if (read === undefined) return;
        timer.cancel();
        socket.off("data", onData);
        socket.pause();
        admit(read.letter, socket, read.rest);
      } catch (error) {
        logger.warn("rpc-http join", { reason: toFailure(error).message });
        socket.destroy();
      }
    });
    socket.resume();
  }

  function admit(letter: Letter, socket: Socket, rest: Buffer): void {
    const { session, request, user } = letter;
    const { answer, ...channel } = hopChannel(letter, socket, rest, clock);
    const client = new HttpClientChannel({ ...channel, answer }, channel.body, letter.direction, answerLength(settings));
    arrive(client, letter).then(
      () => client.leave(),
      (error: unknown) => client.leave(toFailure(error)),
    );
    client.finished.then(
      () => answer.leave(),
      (error: unknown) => {
        const failure = toFailure(error);
        // Where the client is, it is told, and logged, but for what comes behind the answer.
        if (answer.status === undefined) answer.refuse(failure);
        else logger.info("rpc-http join", { session, request, user, kind: failure.kind, reason: failure.message });
      },
    );
  }

  async function arrive(channel: HttpClientChannel, letter: Letter): Promise<void> {
    const { rts, bytes } = await firstOf(channel, parts);
    const opening = openingOf(letter.direction, rts);
    const legs = letter.legs.flatMap(({ backend, port }) => {
      const leg = parts.legs.get(backend);
      return leg === undefined ? [] : [{ ...leg, port }];
    });
    const id = keys.idOf(letter.user, opening.connection);
    await serve({ id, channel, opening, first: bytes, legs }, letter.from === "node");
  }

  return {
    idOf: (user, cookie) => keys.idOf(user, cookie),
    async toNode(arrival) {
      if (address === undefined || nodes.length < 2) return false;
      const said = saidOf(arrival, "node");
      for (const node of keys.orderOf(arrival.id, nodes)) {
        if (node === address) return false;
        // Both channels find the next node in the same order.
        const socket = await dialNode(node, keys.preShared, clock).catch((error: unknown) =>
          logger.warn("rpc-http join", { node, reason: toFailure(error).message }),
        );
        if (!socket) continue;
        prepare(socket);
        await passOn(arrival.channel, said, socket, clock);
        return true;
      }
      throw new Failure("no-candidate", "No node of the array can be reached; rpc-http.join.nodes does not name this one");
    },
    async toWorker(arrival) {
      workerDoor ??= opened(openWorkerDoor(receive));
      const door = await workerDoor;
      if (door === undefined) return false;
      const owner = await state.claim(claimKey(arrival.id), door.address, CLAIM_MS);
      if (owner === undefined || owner === door.address) return false;
      const socket = await dialWorker(owner, clock).catch((error: unknown) => {
        throw new Failure("no-candidate", `The worker with the other channel: ${toFailure(error).message}`, { cause: error });
      });
      prepare(socket);
      await passOn(arrival.channel, saidOf(arrival, "worker"), socket, clock);
      return true;
    },
    keep(ids, now) {
      if (now - claimedAt < CLAIM_MS / 3) return;
      claimedAt = now;
      void workerDoor?.then((door) => {
        if (door !== undefined) for (const id of ids) void state.claim(claimKey(id), door.address, CLAIM_MS);
      });
    },
    closeToNodes,
    close() {
      closeToNodes();
      void workerDoor?.then((door) => door?.close());
      workerDoor = undefined;
    },
  };
}
