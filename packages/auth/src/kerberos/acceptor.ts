// One GSS-API context on the accepting side, on libgssapi_krb5 (RFC 2743 sections 2.2.2 to 2.2.9, RFC 4121): Kerberos V5, as
// it is or inside SPNEGO, and no other mechanism. The credentials are those of one service, on any host, so that a ticket
// for another service is refused by the library itself. All that the library gives is freed by close(), which must be
// called; whatever fails is freed at once. Failure: wrong-credentials, verifier-down, exchange-malformed.

import { Failure, type GssAcceptor } from "@postern/contracts";
import type { GssLibrary } from "./library.ts";
import { bindingsOf, bufferOf, credentialStoreOf, emptyBuffer, oidOf, oidSetOf, pointerIn, slot } from "./memory.ts";
import { failed, KRB5, refusal, takeBuffer, wordsOf, type Status } from "./status.ts";

const SPNEGO = Buffer.from("2b0601050502", "hex");
/** GSS_C_NT_HOSTBASED_SERVICE, 1.2.840.113554.1.2.1.4. */
const HOSTBASED = Buffer.from("2a864886f71201020104", "hex");
const ACCEPT = 2;
const FOREVER = 0xffffffff;
const CONTINUE_NEEDED = 1;
const BINDING_PREFIX = Buffer.from("tls-server-end-point:");

export interface AcceptorOptions {
  /** Path of the keytab. */
  readonly keytab: string;
  /** The first part of the service's principals, spelled as in the keytab. */
  readonly service: string;
  /** The hash of tls-server-end-point (RFC 5929), which a client that binds must have seen too. */
  readonly binding: Buffer | undefined;
}

/** Failure: verifier-down when the keytab cannot be used. */
export function createAcceptor(library: GssLibrary, options: AcceptorOptions): GssAcceptor {
  return new Acceptor(library, options);
}

class Acceptor implements GssAcceptor {
  readonly #library: GssLibrary;
  readonly #bindings: Buffer | null;
  /** Where the library keeps its handles; zero: none. */
  readonly #credential = slot();
  readonly #context = slot();
  #state: "steps" | "done" | "closed" = "steps";
  #principal = "";

  constructor(library: GssLibrary, { keytab, service, binding }: AcceptorOptions) {
    this.#library = library;
    this.#bindings = binding === undefined ? null : bindingsOf(library, Buffer.concat([BINDING_PREFIX, binding]));
    try {
      this.#acquire(keytab, service);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get principal(): string {
    this.#must("done");
    return this.#principal;
  }

  step(token: Buffer): { readonly token: Buffer | undefined; readonly done: boolean } {
    this.#must("steps");
    try {
      return this.#accept(token);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #accept(token: Buffer): { readonly token: Buffer | undefined; readonly done: boolean } {
    // The library would begin SPNEGO by itself.
    if (token.length === 0) throw new Failure("exchange-malformed", "Kerberos: an empty token");
    const library = this.#library;
    const [input, answer, credential] = [bufferOf(library, token), emptyBuffer(), pointerIn(this.#credential)];
    const [context, bindings] = [this.#context, this.#bindings];
    const status = this.#call((minor) =>
      library.gss_accept_sec_context(minor, context, credential, input, bindings, null, null, answer, null, null, null),
    );
    // Any other bit is an error, or says that the token was here before.
    const refused = (status.major & ~CONTINUE_NEEDED) !== 0 ? refusal(library, status) : undefined;
    const output = takeBuffer(library, answer);
    if (refused !== undefined) throw refused;
    const done = status.major === 0;
    if (done) this.#finish();
    // So MIT says of a token whose type is wrong.
    else if (output.length === 0) throw new Failure("exchange-malformed", "Kerberos: the token is of the wrong type");
    return { token: output.length === 0 ? undefined : output, done };
  }

  wrap(data: Buffer): Buffer {
    this.#must("done");
    const [input, output] = [bufferOf(this.#library, data), emptyBuffer()];
    const context = pointerIn(this.#context);
    const status = this.#call((minor) => this.#library.gss_wrap(minor, context, 0, 0, input, null, output));
    if (status.major !== 0) throw new Failure("internal", `Kerberos: cannot wrap: ${wordsOf(this.#library, status)}`);
    return takeBuffer(this.#library, output);
  }

  unwrap(data: Buffer): Buffer {
    this.#must("done");
    const [input, output] = [bufferOf(this.#library, data), emptyBuffer()];
    const context = pointerIn(this.#context);
    const status = this.#call((minor) => this.#library.gss_unwrap(minor, context, input, output, null, null));
    const words = status.major === 0 ? "" : wordsOf(this.#library, status);
    const clear = takeBuffer(this.#library, output);
    if (status.major !== 0) throw new Failure("exchange-malformed", `Kerberos: cannot unwrap: ${words}`);
    return clear;
  }

  close(): void {
    this.#state = "closed";
    if (pointerIn(this.#context) !== 0n) this.#library.gss_delete_sec_context(slot(), this.#context, null);
    if (pointerIn(this.#credential) !== 0n) this.#library.gss_release_cred(slot(), this.#credential);
  }

  #acquire(keytab: string, service: string): void {
    const library = this.#library;
    const name = slot();
    const check = (status: Status): void => {
      if (failed(status))
        throw new Failure(
          "verifier-down",
          `Kerberos: cannot use the keys of ${service}/ in the keytab: ${wordsOf(library, status)}`,
        );
    };
    try {
      const [text, type] = [bufferOf(library, Buffer.from(service)), oidOf(library, HOSTBASED)];
      check(this.#call((minor) => library.gss_import_name(minor, text, type, name)));
      const [mechanisms, store] = [oidSetOf(library, [KRB5, SPNEGO]), credentialStoreOf(library, "keytab", `FILE:${keytab}`)];
      const imported = pointerIn(name);
      check(
        this.#call((minor) =>
          library.gss_acquire_cred_from(minor, imported, FOREVER, mechanisms, ACCEPT, store, this.#credential, null, null),
        ),
      );
      // Inside SPNEGO, too, nothing but Kerberos.
      const [inside, credential] = [oidSetOf(library, [KRB5]), pointerIn(this.#credential)];
      check(this.#call((minor) => library.gss_set_neg_mechs(minor, credential, inside)));
    } finally {
      if (pointerIn(name) !== 0n) library.gss_release_name(slot(), name);
    }
  }

  /** Reads who the client is; the context is whole. */
  #finish(): void {
    const library = this.#library;
    const [client, mechanism, text] = [slot(), slot(), emptyBuffer()];
    const context = pointerIn(this.#context);
    try {
      const inquired = this.#call((minor) =>
        library.gss_inquire_context(minor, context, client, null, null, mechanism, null, null, null),
      );
      if (failed(inquired)) throw refusal(library, inquired);
      if (!this.#isKerberos(pointerIn(mechanism)))
        throw new Failure("exchange-malformed", "Kerberos: the client chose another mechanism");
      const name = pointerIn(client);
      const displayed = this.#call((minor) => library.gss_display_name(minor, name, text, null));
      if (failed(displayed)) throw refusal(library, displayed);
      this.#principal = takeBuffer(library, text).toString("utf8");
      this.#state = "done";
    } finally {
      if (pointerIn(client) !== 0n) library.gss_release_name(slot(), client);
    }
  }

  /** Looks at a gss_OID of the library's own. */
  #isKerberos(oid: bigint): boolean {
    if (oid === 0n) return false;
    const descriptor = this.#library.copy(oid, 16);
    const length = descriptor.readUInt32LE(0);
    return length === KRB5.length && this.#library.copy(descriptor.readBigUInt64LE(8), length).equals(KRB5);
  }

  #call(work: (minor: Buffer) => number): Status {
    const minor = slot();
    const major = work(minor);
    return { major, minor: minor.readInt32LE(0) };
  }

  #must(state: "steps" | "done"): void {
    if (this.#state !== state) throw new Failure("internal", `Kerberos: the context is ${this.#state}, not ${state}`);
  }
}
