// What both fronts do alike for one client's connection: what is kept for it, how its end is told once, and that nothing which
// was held for it outlives it.

import type { Socket } from "node:net";
import { Failure, type ChannelBindingType, type Ending, type Hosted, type HostedEnd, type Session } from "@postern/contracts";
import { channelBinding } from "@postern/core";
import type { ConnectionAuth } from "@postern/http";
import type { BackConnection } from "../backends.ts";
import type { ClientConnection } from "../exchange.ts";
import type { FrontHouse } from "./house.ts";
import { sweepOf, type Watched } from "./sweep.ts";

const GONE: HostedEnd = { ending: "client-closed", reason: undefined };

export abstract class Client implements ClientConnection, Hosted, Watched {
  abstract readonly isShared: boolean;
  readonly session: Session;
  readonly over: Promise<HostedEnd>;
  auth: ConnectionAuth | undefined;
  told?: NonNullable<ClientConnection["told"]>;
  protected readonly socket: Socket;
  protected readonly house: FrontHouse;
  /** The connection is gone. */
  protected isClosed = false;
  /** No further request is taken. */
  protected isEnding = false;
  /** How it ended, once that is decided. */
  protected ended: HostedEnd | undefined;
  readonly #settle: (end: HostedEnd) => void;
  #pinned: Map<string, BackConnection> | undefined;
  #listeners: (() => void)[] | undefined;

  constructor(socket: Socket, session: Session, house: FrontHouse) {
    this.socket = socket;
    this.session = session;
    this.house = house;
    const { promise, resolve } = Promise.withResolvers<HostedEnd>();
    this.over = promise;
    this.#settle = resolve;
  }

  abstract get owes(): boolean;
  abstract look(now: number): void;
  /** Ends it behind what is owed; at once where nothing is. */
  protected abstract leave(): void;

  get pinned(): Map<string, BackConnection> {
    return (this.#pinned ??= new Map());
  }

  bindings(type: ChannelBindingType): Buffer | undefined {
    return channelBinding(this.socket, type);
  }

  closeSoon(): void {
    this.isEnding = true;
    this.leave();
  }

  end(ending: Ending, failure: Failure | undefined): void {
    this.ended ??= { ending, reason: failure?.message };
    this.closeSoon();
  }

  cut(): void {
    this.socket.destroy();
  }

  whenClosed(listener: () => void): void {
    if (this.isClosed) listener();
    else (this.#listeners ??= []).push(listener);
  }

  /** From now on it is looked at. */
  protected open(): void {
    sweepOf(this.house.clock).add(this);
  }

  /** The number of a request, for its id. */
  protected count(): number {
    return (this.session.requests = (this.session.requests ?? 0) + 1);
  }

  /** The socket is closed. `broken`: by this. */
  protected closed(broken: Error | undefined): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.ended ??= broken === undefined ? GONE : { ending: "client-error", reason: broken.message };
    sweepOf(this.house.clock).remove(this);
    const listeners = this.#listeners ?? [];
    this.#listeners = undefined;
    for (const listener of listeners) listener();
  }

  /** The socket is closed, and no request is served any more. */
  protected finish(): void {
    this.#settle(this.ended ?? GONE);
  }

  /** Something expected went wrong: the connection ends with it. */
  protected fails(kind: "syntax" | "idle" | "internal", reason: string): Failure {
    const failure = new Failure(kind, reason);
    this.ended ??= { ending: "refused", reason, failure };
    return failure;
  }
}
