// The certificates of the configuration as one TlsServer, made anew when the files change. A file that cannot be used is
// logged, and the certificates that were loaded before stay in service.

import { readFile, stat } from "node:fs/promises";
import { createHash, randomBytes } from "node:crypto";
import { loadCertificate } from "@postern/certs";
import type { TlsConfig } from "@postern/config";
import type { Clock, Logger, Timer } from "@postern/contracts";
import { TlsServer, type ServerCertificate } from "@postern/net";

const POLL_MS = 5000;
const TICKET_KEY_BYTES = 48;

/** What all workers of a node must have in common. */
export interface SharedTls {
  readonly ticketKeys: Buffer;
  /** The certificate of --self-signed. */
  readonly selfSigned: ServerCertificate | undefined;
}

export class TlsStore {
  #server: TlsServer | undefined;
  #seen = "";
  #timer: Timer | undefined;
  readonly #config: TlsConfig;
  readonly #shared: SharedTls;
  readonly #clock: Clock;
  readonly #logger: Logger;

  /** Loads everything once; throws what is wrong with a file. */
  static async open(config: TlsConfig, shared: SharedTls, clock: Clock, logger: Logger): Promise<TlsStore> {
    const store = new TlsStore(config, shared, clock, logger);
    store.#seen = await store.#fingerprint();
    store.#server = await store.#load();
    store.#watch();
    return store;
  }

  private constructor(config: TlsConfig, shared: SharedTls, clock: Clock, logger: Logger) {
    this.#config = config;
    this.#shared = shared;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** undefined when no certificate is configured. */
  get server(): TlsServer | undefined {
    return this.#server;
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  async #load(): Promise<TlsServer | undefined> {
    const { certificates: files, selfSigned, clientCa, minVersion, ciphers } = this.#config;
    const loaded = await Promise.all(files.map((source) => loadCertificate(source)));
    for (const warning of loaded.flatMap(({ warnings }) => warnings)) this.#logger.warn("certificate", { warning });
    const certificates = selfSigned && this.#shared.selfSigned !== undefined ? [...loaded, this.#shared.selfSigned] : loaded;
    if (certificates.length === 0) return undefined;
    return new TlsServer({
      certificates,
      minVersion,
      ciphers,
      clientCa: clientCa === undefined ? undefined : await readFile(clientCa, "utf8"),
      ticketKeys: this.#shared.ticketKeys,
    });
  }

  #watch(): void {
    this.#timer = this.#clock.after(POLL_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    try {
      const now = await this.#fingerprint();
      if (now !== this.#seen) {
        this.#seen = now;
        this.#server = await this.#load();
        this.#logger.info("certificates reloaded");
      }
    } catch (error) {
      this.#logger.error("certificates not reloaded, the old ones stay", {
        reason: error instanceof Error ? error.message : String(error),
      });
    }
    if (this.#timer !== undefined) this.#watch();
  }

  /** Changes whenever one of the files does. A file that is away for a moment (being replaced) counts as changed later. */
  async #fingerprint(): Promise<string> {
    const { certificates, clientCa } = this.#config;
    const files = [...certificates.flatMap((source) => Object.values(source)), clientCa].filter((file) => file !== undefined);
    const facts = await Promise.all(files.map((file) => stat(file)));
    return facts.map(({ mtimeMs, size, ino }) => `${mtimeMs}:${size}:${ino}`).join(" ");
  }
}

/** Ticket keys from the file that all nodes share, else random ones for this node. Throws when the file is too short. */
export async function ticketKeys(file: string | undefined): Promise<Buffer> {
  if (file === undefined) return randomBytes(TICKET_KEY_BYTES);
  const bytes = await readFile(file);
  if (bytes.length < TICKET_KEY_BYTES)
    throw new Error(`${file}: a ticket key file has ${TICKET_KEY_BYTES} bytes or more, not ${bytes.length}`);
  // Any file of random bytes will do: it is spread over the 48 that TLS wants.
  return createHash("sha512").update(bytes).digest().subarray(0, TICKET_KEY_BYTES);
}
