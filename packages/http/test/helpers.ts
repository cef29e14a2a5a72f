// What the tests of this package share: requests, a house with proofs of the test's own, an acceptor that is not Kerberos.

import { Failure, type Credentials, type GssAcceptor, type MechanismContext, type Proofs } from "@postern/contracts";
import { bareContext } from "@postern/sasl";
import { parseAuthorization, SCHEMES, type Scheme } from "../src/authorization.ts";
import { ConnectionAuth, type HttpAuthStep } from "../src/connection-auth.ts";

export const base64 = (data: string | Buffer): string => Buffer.from(data).toString("base64");

/** NTLM's first message, as Windows sends it. */
export function ntlmNegotiate(): Buffer {
  const message = Buffer.alloc(40);
  message.write("NTLMSSP\0", "latin1");
  message.writeUInt32LE(1, 8);
  message.writeUInt32LE(0xe2088297, 12);
  return message;
}

/** NTLM's last message with this name and an answer that is well-formed, and wrong. */
export function ntlmAuthenticate(user: string): Buffer {
  const parts = [Buffer.alloc(24), Buffer.alloc(16 + 28 + 8), Buffer.from("EXAMPLE", "utf16le"), Buffer.from(user, "utf16le")];
  parts[1]?.writeUInt16LE(0x0101, 16);
  const header = Buffer.alloc(88);
  header.write("NTLMSSP\0", "latin1");
  header.writeUInt32LE(3, 8);
  header.writeUInt32LE(0xe2088297, 60);
  let at = header.length;
  for (const [index, offset] of [12, 20, 28, 36, 44, 52].entries()) {
    const length = parts[index]?.length ?? 0;
    header.writeUInt16LE(length, offset);
    header.writeUInt16LE(length, offset + 2);
    header.writeUInt32LE(at, offset + 4);
    at += length;
  }
  return Buffer.concat([header, ...parts]);
}

const KRB5 = Buffer.from("06092a864886f712010202", "hex");

/** A token that begins as Kerberos' own do (RFC 2743 section 3.1). */
export const gssToken = (text: string): Buffer =>
  Buffer.concat([Buffer.from([0x60, KRB5.length + text.length]), KRB5, Buffer.from(text, "latin1")]);

export interface FakeGss extends GssAcceptor {
  closed: number;
}

/** Takes "alice" after so many tokens; "no" is refused. Its answers are numbered. */
export function fakeGss(steps: number): FakeGss {
  let taken = 0;
  return {
    closed: 0,
    principal: "alice@EXAMPLE.COM",
    step(token) {
      if (token.includes("no")) throw new Failure("wrong-credentials", "Kerberos: no");
      taken += 1;
      return { token: Buffer.from(`answer ${taken}`), done: taken === steps };
    },
    wrap: (data) => data,
    unwrap: (data) => data,
    close() {
      this.closed += 1;
    },
  };
}

export interface HouseOptions {
  readonly offered?: readonly Scheme[];
  readonly allowPlaintext?: boolean;
  readonly proofs?: Proofs;
}

export function connectionAuth({ offered = SCHEMES, allowPlaintext = true, proofs = {} }: HouseOptions = {}): ConnectionAuth {
  const context: MechanismContext = bareContext({ hostname: "mail.example.com", service: "HTTP", proofs });
  return new ConnectionAuth({ offered, allowPlaintext, context, realm: "mail" });
}

/** One request of the connection. */
export const request = (auth: ConnectionAuth, scheme?: Scheme, data: string | Buffer = ""): Promise<HttpAuthStep> =>
  auth.next(scheme && parseAuthorization([`${scheme} ${scheme === "Bearer" ? data.toString() : base64(data)}`]));

/** The credentials of a step that has some. */
export function credentialsOf(step: HttpAuthStep): Credentials {
  if (step.kind !== "credentials") throw new Error(`There are no credentials, but ${step.kind}`);
  return step.credentials;
}

/** The values of WWW-Authenticate; none for a login that is kept. */
export const told = (step: HttpAuthStep): readonly string[] =>
  step.kind === "kept" ? [] : (step.headers["WWW-Authenticate"] ?? []);
