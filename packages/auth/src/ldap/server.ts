// One directory server: finds a user's entry and checks the password there. Searching and checking have connections of
// their own, so that a bind as a user never changes as whom is searched. Throws Failure: wrong-credentials, not-authorized,
// credentials-expired; verifier-down or any other Error when the server cannot be asked.

import { randomBytes } from "node:crypto";
import { Failure, type Clock } from "@postern/contracts";
import type { SecretFile } from "../login/secret-file.ts";
import { quoted } from "../quoted.ts";
import { dial, type Dialling, type LdapConnection } from "./connection.ts";
import { Deadline } from "./deadline.ts";
import type { LdapEndpoint } from "./endpoint.ts";
import type { LdapEntry } from "./messages.ts";
import { ConnectionPool } from "./pool.ts";
import { SIZE_LIMIT_EXCEEDED, SUCCESS, bindFailure, compareFailure } from "./results.ts";
import type { LdapSettings, Locator } from "./settings.ts";
import type { Names } from "./template.ts";

export interface ServerOptions {
  readonly endpoint: LdapEndpoint;
  readonly settings: LdapSettings;
  readonly dialling: Dialling;
  readonly locator: Locator;
  /** The password of bindDn. */
  readonly bindPassword: SecretFile | undefined;
  readonly clock: Clock;
}

/** Whom a check found. */
export interface Found {
  /** The value of userAttribute, where that is set. */
  readonly user: string | undefined;
}

const NO_ATTRIBUTES = "1.1";

export class DirectoryServer {
  readonly label: string;
  readonly #options: ServerOptions;
  readonly #searching: ConnectionPool;
  readonly #binding: ConnectionPool;

  constructor(options: ServerOptions) {
    const { endpoint, settings, clock } = options;
    this.label = endpoint.label;
    this.#options = options;
    const limit = settings.connections;
    this.#searching = new ConnectionPool({ limit, clock, open: (deadline) => this.#openService(deadline) });
    this.#binding = new ConnectionPool({ limit, clock, open: (deadline) => this.#dial(deadline) });
  }

  /** undefined: the directory does not know the user. */
  async check(names: Names, password: Buffer): Promise<Found | undefined> {
    const { clock, settings } = this.#options;
    const deadline = new Deadline(clock, settings.timeout);
    const entries = await this.#locate(names, deadline);
    const [entry, another] = entries;
    if (entry === undefined || another !== undefined) {
      await this.#proveNobody(deadline);
      if (entry === undefined) return undefined;
      throw new Failure("wrong-credentials", `more than one entry is found for ${quoted(names.user ?? "")}`);
    }
    const failure = await this.#prove(entry.dn, password, deadline);
    if (failure !== undefined) throw failure;
    return { user: userOf(entry, settings.userAttribute) };
  }

  close(): void {
    this.#searching.close();
    this.#binding.close();
  }

  #dial(deadline: Deadline): Promise<LdapConnection> {
    return dial(this.#options.endpoint, this.#options.dialling, deadline);
  }

  async #openService(deadline: Deadline): Promise<LdapConnection> {
    const { bindPassword, settings } = this.#options;
    const connection = await this.#dial(deadline);
    if (settings.bindDn === undefined || bindPassword === undefined) return connection;
    try {
      const secret = await bindPassword.read();
      const failure = bindFailure(await connection.bind(settings.bindDn, secret.reveal(), deadline).finally(() => secret.wipe()));
      // Not the user's password was wrong, but ours.
      if (failure !== undefined) throw new Failure("verifier-down", `bindDn is refused: ${failure.message}`);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async #locate(names: Names, deadline: Deadline): Promise<readonly LdapEntry[]> {
    const { locator } = this.#options;
    if (locator.kind === "search") return this.#search(locator, names, deadline);
    const dn = locator.dn(names);
    return dn === undefined ? [] : [{ dn, attributes: new Map() }];
  }

  async #search(locator: Extract<Locator, { kind: "search" }>, names: Names, deadline: Deadline): Promise<readonly LdapEntry[]> {
    const { settings } = this.#options;
    const filter = locator.filter(names);
    if (filter === undefined) return [];
    const search = {
      base: locator.base,
      scope: settings.scope,
      filter,
      attributes: [settings.userAttribute ?? NO_ATTRIBUTES],
      sizeLimit: 2,
      timeLimit: Math.ceil(settings.timeout / 1000),
    };
    const { result, entries } = await this.#searching.use(deadline, (connection) => connection.search(search, deadline));
    const whole = result.code === SUCCESS || (result.code === SIZE_LIMIT_EXCEEDED && entries.length > 1);
    if (!whole) throw new Failure("verifier-down", `search: code ${result.code}`);
    return entries;
  }

  /** undefined: the password is right. */
  async #prove(dn: string, password: Buffer, deadline: Deadline): Promise<Failure | undefined> {
    const { method, compareAttribute } = this.#options.settings;
    if (method === "bind")
      return bindFailure(await this.#binding.use(deadline, (connection) => connection.bind(dn, password, deadline)));
    const compare = (connection: LdapConnection) => connection.compare(dn, compareAttribute, password, deadline);
    return compareFailure(await this.#searching.use(deadline, compare));
  }

  /** The same question about a name that nobody has, so that an unknown user costs a question more, as a known one does. */
  async #proveNobody(deadline: Deadline): Promise<void> {
    const { locator } = this.#options;
    const name = `cn=${randomBytes(12).toString("hex")}`;
    const failure = await this.#prove(locator.kind === "search" ? `${name},${locator.base}` : name, randomBytes(16), deadline);
    if (failure === undefined) throw new Failure("verifier-down", "said yes to a name that nobody has");
    if (failure.kind === "verifier-down") throw failure;
  }
}

/** The one value of the attribute. */
function userOf({ attributes }: LdapEntry, attribute: string | undefined): string | undefined {
  if (attribute === undefined) return undefined;
  const values = attributes.get(attribute.toLowerCase()) ?? [];
  const [value] = values;
  if (value === undefined || values.length > 1)
    throw new Failure("not-authorized", `the entry has ${values.length} values of ${attribute}; one is needed`);
  return value.toString("utf8");
}
