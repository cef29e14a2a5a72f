// The provider's public keys (RFC 7517): fetched when first needed, again when they are old or a token names one that is
// not there, seldom enough that strangers cannot make the gateway ask. While the provider is down the known keys go on
// working. Shared secrets (kty oct) are never keys here. Failure: verifier-down; errors of jose for a key that fits not.

import { createLocalJWKSet, errors, type CryptoKey, type FlattenedJWSInput, type JWK, type JWSHeaderParameters } from "jose";
import { Failure, type Clock, type Logger } from "@postern/contracts";
import { OauthServer, type OauthServerOptions } from "./oauth-server.ts";

/** Keys are fetched again, so that one that was taken back stops working. */
const OLD_MS = 600_000;
/** Between two questions because of a key that is not there, or while there are old keys. */
const UNKNOWN_MS = 30_000;
/** Between two questions to a provider that was down. */
const RETRY_MS = 5000;

const ASYMMETRIC = new Set(["RSA", "EC", "OKP"]);

export interface KeysOptions extends OauthServerOptions {
  readonly issuer: string;
  /** undefined: as the issuer's discovery document says. */
  readonly jwksUrl: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

type Find = ReturnType<typeof createLocalJWKSet>;

export class ProviderKeys {
  readonly #options: KeysOptions;
  readonly #discovery: OauthServer | undefined;
  #server: { readonly url: string; readonly at: OauthServer } | undefined;
  #find: Find | undefined;
  #fetchedAt = 0;
  #triedAt = Number.NEGATIVE_INFINITY;
  /** Why the last try failed. */
  #problem: string | undefined;
  #running: Promise<void> | undefined;

  /** Throws Error "KEY: sentence". */
  constructor(options: KeysOptions) {
    const { issuer, jwksUrl } = options;
    this.#options = options;
    if (jwksUrl === undefined) this.#discovery = new OauthServer("issuer", discoveryUrl(issuer), options);
    else this.#server = { url: jwksUrl, at: new OauthServer("jwksUrl", jwksUrl, options) };
  }

  /** The key for a token with this header; jku, jwk, x5u and x5c of the header are not looked at. */
  async find(header: JWSHeaderParameters, jws: FlattenedJWSInput): Promise<CryptoKey> {
    const find = await this.#current();
    try {
      return await find(header, jws);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      return (await this.#newer())(header, jws);
    }
  }

  close(): void {
    this.#discovery?.close();
    this.#server?.at.close();
  }

  /** Keys that are not old, or the old ones while there are no others: one login waits to see, the rest do not. */
  async #current(): Promise<Find> {
    const fresh = this.#age(this.#fetchedAt) < OLD_MS || this.#running !== undefined;
    if (this.#find !== undefined && fresh) return this.#find;
    await this.#fetchUnlessTried(this.#find === undefined ? RETRY_MS : UNKNOWN_MS);
    if (this.#find === undefined) throw new Failure("verifier-down", this.#problem ?? "the provider's keys are not known");
    return this.#find;
  }

  /** Keys as they are now. What a provider that is down would have said is not known: nobody is called wrong for it. */
  async #newer(): Promise<Find> {
    await this.#fetchUnlessTried(this.#problem === undefined ? UNKNOWN_MS : RETRY_MS);
    if (this.#problem !== undefined || this.#find === undefined)
      throw new Failure("verifier-down", this.#problem ?? "the provider's keys are not known");
    return this.#find;
  }

  #age(since: number): number {
    return this.#options.clock.now() - since;
  }

  async #fetchUnlessTried(withinMs: number): Promise<void> {
    if (this.#running === undefined && this.#age(this.#triedAt) < withinMs) return;
    this.#running ??= this.#fetch().finally(() => (this.#running = undefined));
    await this.#running;
  }

  async #fetch(): Promise<void> {
    const { clock, logger, issuer } = this.#options;
    this.#triedAt = clock.now();
    try {
      const { keys } = await (await this.#keyServer()).get();
      this.#find = createLocalJWKSet({ keys: usable(keys) });
      this.#fetchedAt = clock.now();
      this.#problem = undefined;
    } catch (error) {
      this.#problem = `cannot get the keys of ${issuer}: ${error instanceof Error ? error.message : String(error)}`;
      if (this.#find !== undefined) logger.warn("known keys are used on", { reason: this.#problem });
    }
  }

  async #keyServer(): Promise<OauthServer> {
    if (this.#discovery === undefined && this.#server !== undefined) return this.#server.at;
    const url = await this.#discover();
    if (this.#server?.url !== url) {
      const at = new OauthServer("jwks_uri", url, this.#options);
      this.#server?.at.close();
      this.#server = { url, at };
    }
    return this.#server.at;
  }

  /** OpenID Connect Discovery 1.0 section 4.3: the document must be the issuer's own. */
  async #discover(): Promise<string> {
    const { issuer, jwks_uri: url } = (await this.#discovery?.get()) ?? {};
    if (issuer !== this.#options.issuer) throw new Error("its discovery document is about another issuer");
    if (typeof url !== "string") throw new Error("its discovery document names no jwks_uri");
    return url;
  }
}

export const discoveryUrl = (issuer: string): string => `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;

function usable(keys: unknown): JWK[] {
  const found = (Array.isArray(keys) ? keys : []).filter(
    (key: unknown): key is JWK => typeof key === "object" && key !== null && "kty" in key && ASYMMETRIC.has(String(key.kty)),
  );
  if (found.length === 0) throw new Error("there is no public key among them");
  return found;
}
