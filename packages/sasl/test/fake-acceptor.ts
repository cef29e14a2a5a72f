// A GSS-API acceptor for tests, of no cryptography: it takes the tokens that it was told to expect, and wraps by a prefix.

import { Failure, type GssAcceptor, type MechanismContext, type Proofs } from "@postern/contracts";
import { bareContext } from "../src/context.ts";

/** Looks like the first token of Kerberos (RFC 1964 section 1.1). */
export const KERBEROS_TOKEN = Buffer.from("600d06092a864886f7120102020100", "hex");
const SEAL = Buffer.from("sealed:");
export const sealed = (data: Buffer): Buffer => Buffer.concat([SEAL, data]);

export interface FakeOptions {
  /** What it answers to each token; the context is whole after the last. Default: one token back. */
  readonly answers?: readonly (Buffer | undefined)[];
  readonly principal?: string;
  /** Thrown at the first token. */
  readonly failure?: Failure;
  readonly proofs?: Proofs;
  readonly bindings?: MechanismContext["bindings"];
}

export interface Fake {
  readonly context: MechanismContext;
  /** What it was opened with: services and bindings. */
  readonly opened: readonly (readonly [string, Buffer | undefined])[];
  readonly tokens: readonly Buffer[];
  readonly closed: () => number;
}

export function fakeKerberos(options: FakeOptions = {}): Fake {
  const { answers = [Buffer.from("mutual")], principal = "alice@EXAMPLE.COM", failure, proofs, bindings } = options;
  const opened: [string, Buffer | undefined][] = [];
  const tokens: Buffer[] = [];
  let closed = 0;
  const acceptor = (): GssAcceptor => {
    let at = 0;
    return {
      principal,
      step(token) {
        if (failure !== undefined) throw failure;
        tokens.push(token);
        at += 1;
        return { token: answers[at - 1], done: at >= answers.length };
      },
      wrap: sealed,
      unwrap(data) {
        if (!data.subarray(0, SEAL.length).equals(SEAL)) throw new Failure("exchange-malformed", "not sealed");
        return data.subarray(SEAL.length);
      },
      close: () => void (closed += 1),
    };
  };
  const context = bareContext({
    ...(bindings !== undefined && { bindings }),
    proofs: {
      gss(service, binding) {
        opened.push([service, binding]);
        return acceptor();
      },
      async principal(name) {
        if (!name.startsWith("alice@")) throw new Failure("wrong-credentials", "no verifier knows the principal");
        return "alice@example.com";
      },
      ...proofs,
    },
  });
  return { context, opened, tokens, closed: () => closed };
}
