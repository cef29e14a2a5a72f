// The open listeners of one process. A reload closes those that are gone, opens the new ones, and gives the others their
// new configuration; sessions that run keep the old one.

import { unlink } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { listenAddressText, type ListenAddress, type ListenerConfig } from "@postern/config";
import { serve, type House, type ListenerHouse } from "@postern/core";
import type { Logger } from "@postern/contracts";
import { listen, type Listening, type ListenTarget } from "@postern/net";
import { activatedSocket, type ActivatedSockets } from "./systemd/activation.ts";

/** What a listener hands an accepted socket to; replaced as a whole. */
export interface Reception {
  readonly house: House;
  readonly listener: ListenerHouse;
}

interface Open {
  readonly listening: readonly Listening[];
  reception: Reception;
}

export interface ListenOptions {
  /** Several processes share the ports. */
  readonly shared: boolean;
  /** Only one process of a node can open unix sockets. */
  readonly first: boolean;
  readonly sockets: ActivatedSockets;
}

export class Listeners {
  readonly #open = new Map<string, Open>();
  readonly #options: ListenOptions;
  readonly #logger: Logger;

  constructor(options: ListenOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
  }

  /** Opens, replaces and closes until exactly `wanted` is open. Throws, with the old ones still open, when one cannot be opened. */
  async set(wanted: readonly (readonly [ListenerConfig, Reception])[]): Promise<void> {
    const added: string[] = [];
    try {
      for (const [{ address }, reception] of wanted) {
        const key = listenAddressText(address);
        if (this.#open.has(key)) continue;
        if (address.kind === "unix" && !this.#options.first) continue;
        const open: Open = { listening: [], reception };
        this.#open.set(key, {
          ...open,
          listening: await this.#listen(address, key, () => this.#open.get(key)?.reception ?? reception),
        });
        added.push(key);
      }
    } catch (error) {
      await Promise.all(added.map((key) => this.#close(key)));
      throw error;
    }
    const keys = new Set(wanted.map(([{ address }]) => listenAddressText(address)));
    await Promise.all([...this.#open.keys()].filter((key) => !keys.has(key)).map((key) => this.#close(key)));
    for (const [{ address }, reception] of wanted) {
      const open = this.#open.get(listenAddressText(address));
      if (open !== undefined) open.reception = reception;
    }
  }

  /** One line per listener, for a person: "imap 127.0.0.1:9993 (TLS)". */
  lines(): string[] {
    return [...this.#open.entries()].map(([key, { listening, reception }]) => {
      const { protocol, tls } = reception.listener.info;
      const port = listening[0]?.port ?? 0;
      const shown = key.endsWith(":0") ? `${key.slice(0, -1)}${port}` : key;
      return `${protocol} ${shown} (${{ implicit: "TLS", starttls: "STARTTLS", none: "no TLS" }[tls]})`;
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((key) => this.#close(key)));
  }

  async #close(key: string): Promise<void> {
    const open = this.#open.get(key);
    this.#open.delete(key);
    await Promise.all((open?.listening ?? []).map((listening) => listening.close()));
  }

  async #listen(address: ListenAddress, key: string, reception: () => Reception): Promise<Listening[]> {
    const accept = (socket: Socket): void => {
      const { listener, house } = reception();
      void serve(socket, listener, house);
    };
    const onError = (error: Error): void => this.#logger.error("listener", { listener: key, reason: error.message });
    const targets = await this.#targets(address);
    try {
      return await Promise.all(targets.map((target) => listen(target, accept, onError)));
    } catch (error) {
      throw new Error(`Cannot listen on ${key}: ${reasonOf(error)}`, { cause: error });
    }
  }

  async #targets(address: ListenAddress): Promise<ListenTarget[]> {
    if (address.kind === "systemd") return activatedSocket(this.#options.sockets, address.name).map((fd) => ({ fd }));
    if (address.kind === "unix") {
      await removeStale(address.path);
      return [{ path: address.path, readableAll: true, writableAll: true }];
    }
    const { host, port } = address;
    return [{ port, ...(host !== undefined && { host }), reusePort: this.#options.shared, backlog: 4096 }];
  }
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "EADDRINUSE") return "another program listens there already";
  if (code === "EACCES") return "not allowed; ports below 1024 need CAP_NET_BIND_SERVICE or socket activation";
  if (code === "EADDRNOTAVAIL") return "this machine does not have that address";
  return error instanceof Error ? error.message : String(error);
}

/** A socket file that nobody listens on is left over from a crash. */
async function removeStale(path: string): Promise<void> {
  const alive = await new Promise<boolean>((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "ECONNREFUSED"));
  });
  if (!alive) await unlink(path);
}
