// What the tests here share: settings, a question, and a directory server that says what it is told.

import type { ExecutionContext } from "ava";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { systemClock, type Verdict, type Verifier } from "@postern/contracts";
import { BerReader, element, ENUMERATED, headerAt, integer, octets, SEQUENCE } from "../ber.ts";
import { parseLdapUrl } from "../endpoint.ts";
import { createLdapVerifier } from "../index.ts";
import { message } from "../messages.ts";
import type { LdapSettings } from "../settings.ts";
import { password, SESSION } from "../../suite.ts";

type Context = Parameters<typeof createLdapVerifier>[1];

export const TAGS = { bind: 0x60, unbind: 0x42, search: 0x63, compare: 0x6e, extended: 0x77 } as const;

export function settings(urls: readonly string[], more: Partial<LdapSettings> = {}): LdapSettings {
  const url = urls.map((text) => {
    const parsed = parseLdapUrl(text);
    if ("problem" in parsed) throw new Error(parsed.problem);
    return parsed.value;
  });
  return {
    url,
    startTls: false,
    tls: { ca: undefined, verify: true },
    bindDn: undefined,
    bindPasswordFile: undefined,
    base: "dc=example,dc=com",
    scope: "sub",
    filter: "(mail={user})",
    dnTemplate: undefined,
    method: "bind",
    compareAttribute: "userPassword",
    userAttribute: undefined,
    timeout: 5000,
    setAside: 10_000,
    connections: 8,
    ...more,
  };
}

const CONTEXT: Context = { clock: systemClock, defaultDomain: "example.com" };

/** Closed when the test is over. */
export function verifier(t: ExecutionContext, value: LdapSettings, more: Partial<Context> = {}): Verifier {
  const made = createLdapVerifier(value, { ...CONTEXT, ...more });
  t.teardown(() => made.close());
  return made;
}

export async function ask(made: Verifier, user: string, secret: string): Promise<Verdict | undefined> {
  if (made.check === undefined) throw new Error("checks no passwords");
  return made.check(password(user, secret), SESSION);
}

export interface Asked {
  readonly id: number;
  readonly tag: number;
  readonly contents: Buffer;
  /** How many connections were accepted before this one. */
  readonly connection: number;
}

export interface FakeDirectory {
  readonly url: string;
  readonly asked: readonly Asked[];
  /** Connections accepted so far. */
  connections(): number;
  /** Ends all connections. */
  drop(): void;
}

/** A server on loopback; `answer` gives bytes for a request, or undefined for none. Ends with the test. */
export async function directory(
  t: ExecutionContext,
  answer: (asked: Asked, socket: Socket) => Buffer | undefined,
): Promise<FakeDirectory> {
  const sockets = new Set<Socket>();
  const asked: Asked[] = [];
  let accepted = 0;
  const server = createServer((socket) => {
    const connection = accepted;
    accepted += 1;
    sockets.add(socket);
    let bytes = Buffer.alloc(0);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (let next = whole(bytes); next !== undefined; next = whole(bytes)) {
        bytes = bytes.subarray(next.length);
        const reader = new BerReader(next).inside(SEQUENCE);
        const one = { id: reader.takeInteger(), ...reader.next(), connection };
        asked.push(one);
        const said = answer(one, socket);
        if (said !== undefined) socket.write(said);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });
  const drop = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return { url: `ldap://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, connections: () => accepted, drop };
}

/** The first message, when it is whole; a TLS handshake is none. */
function whole(bytes: Buffer): Buffer | undefined {
  if (bytes[0] !== SEQUENCE) return undefined;
  const header = headerAt(bytes, 0);
  const length = header === undefined ? Infinity : header.size + header.length;
  return bytes.length < length ? undefined : bytes.subarray(0, length);
}

/** The response to a request, with a result. */
export function result({ id, tag }: Pick<Asked, "id" | "tag">, code: number, text = ""): Buffer {
  const response = tag === TAGS.search ? 0x65 : tag + 1;
  return message(id, element(response, integer(code, ENUMERATED), octets(""), octets(text)));
}

export function entry(
  { id }: Pick<Asked, "id">,
  dn: string,
  attributes: Readonly<Record<string, readonly string[]>> = {},
): Buffer {
  const list = Object.entries(attributes).map(([name, values]) =>
    element(SEQUENCE, octets(name), element(0x31, ...values.map((value) => octets(value)))),
  );
  return message(id, element(0x64, octets(dn), element(SEQUENCE, ...list)));
}

/** Name and password of a simple bind. */
export function bindOf({ contents }: Asked): { readonly dn: string; readonly password: string } {
  const reader = new BerReader(contents);
  reader.takeInteger();
  return { dn: reader.take(0x04).toString(), password: reader.take(0x80).toString("latin1") };
}

export const ALICE = "uid=alice,ou=people,dc=example,dc=com";

/** Finds Alice for every search, and takes "right" as her password. */
export function honest(asked: Asked): Buffer | undefined {
  if (asked.tag === TAGS.search) return Buffer.concat([entry(asked, ALICE), result(asked, 0)]);
  if (asked.tag !== TAGS.bind) return undefined;
  const { dn, password: given } = bindOf(asked);
  return result(asked, dn === ALICE && given === "right" ? 0 : 49);
}
