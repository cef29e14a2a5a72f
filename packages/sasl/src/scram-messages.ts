// The client's messages of SCRAM (RFC 5802 sections 5 and 7), taken apart strictly. Never checks a proof, never asks
// anybody. Reasons never quote a message. Throws Failure exchange-malformed.

import { Failure } from "@postern/contracts";

export interface ClientFirst {
  /** The GS2 header as it came, up to and with its second comma. */
  readonly header: string;
  /** n: no channel binding; y: the client believes that the server has none; p: this binding. */
  readonly flag: "n" | "y" | "p";
  /** The type of the channel binding; "" without `p`. */
  readonly binding: string;
  readonly authzid: string;
  readonly authcid: string;
  /** The client's part of the nonce. */
  readonly nonce: string;
  /** What goes into the signed text. */
  readonly bare: string;
}

export interface ClientFinal {
  /** Base64 of the GS2 header and the binding's data. */
  readonly binding: string;
  /** Both parts. */
  readonly nonce: string;
  readonly proof: Buffer;
  /** What goes into the signed text. */
  readonly withoutProof: string;
}

const FLAG = /^(?:[ny]|p=([A-Za-z0-9.-]{1,64}))$/;
/** Printable ASCII without the comma. */
const NONCE = /^[\x21-\x2b\x2d-\x7e]+$/;
const EXTENSION = /^[A-Za-z]=[^\0]+$/;
/** Attributes that RFC 5802 gives a place of their own: none of them can be an extension. */
const RESERVED = /^[anmrcsipve]=/;

/** Takes the client's first message apart; `name` is the mechanism's, for reasons. */
export function parseClientFirst(message: string, name: string): ClientFirst {
  // No value holds a comma: names write it as =2C.
  const [flag = "", authzid = "", user = "", nonce = "", ...extensions] = message.split(",");
  const known = FLAG.exec(flag);
  if (known === null) throw malformed(name, "the channel binding flag is not n, y or p=TYPE");
  if (user.startsWith("m=")) throw malformed(name, "the client wants an extension (m=) that nobody knows");
  const clientNonce = valueOf("r", nonce, name);
  if (!NONCE.test(clientNonce)) throw malformed(name, "the nonce is not printable ASCII");
  checkExtensions(extensions, name);
  const header = `${flag},${authzid},`;
  return {
    header,
    flag: flag[0] as ClientFirst["flag"],
    binding: known[1] ?? "",
    authzid: authzid === "" ? "" : saslName(valueOf("a", authzid, name), name),
    authcid: saslName(valueOf("n", user, name), name),
    nonce: clientNonce,
    bare: message.slice(header.length),
  };
}

/** Takes the client's final message apart; its proof has `proofBytes` bytes. */
export function parseClientFinal(message: string, proofBytes: number, name: string): ClientFinal {
  const end = message.lastIndexOf(",");
  const withoutProof = message.slice(0, Math.max(end, 0));
  const proof = valueOf("p", message.slice(end + 1), name);
  const [binding = "", nonce = "", ...extensions] = withoutProof.split(",");
  checkExtensions(extensions, name);
  const bytes = Buffer.from(proof, "base64");
  if (bytes.length !== proofBytes || bytes.toString("base64") !== proof)
    throw malformed(name, `the proof is not ${proofBytes} bytes in base64`);
  return { binding: valueOf("c", binding, name), nonce: valueOf("r", nonce, name), proof: bytes, withoutProof };
}

/** The value of an attribute that must stand in this place. */
function valueOf(attribute: string, part: string, name: string): string {
  if (!part.startsWith(`${attribute}=`)) throw malformed(name, `the attribute ${attribute}= is not in its place`);
  return part.slice(2);
}

/** Extensions that the client does not insist on are passed over. */
function checkExtensions(extensions: readonly string[], name: string): void {
  for (const extension of extensions) {
    if (!EXTENSION.test(extension) || RESERVED.test(extension))
      throw malformed(name, "an extension is malformed or out of its place");
  }
}

/** RFC 5802 section 5.1: a comma is =2C, an equals sign =3D, and nothing else may follow an equals sign. */
function saslName(value: string, name: string): string {
  if (value === "" || value.includes("\0") || /=(?!2C|3D)/.test(value)) throw malformed(name, "a name is empty or badly encoded");
  return value.replaceAll("=2C", ",").replaceAll("=3D", "=");
}

const malformed = (name: string, what: string): Failure => new Failure("exchange-malformed", `${name}: ${what}`);
