// Bearer tokens over SASL: XOAUTH2 (Google's and Microsoft's format) and OAUTHBEARER (RFC 7628). Both halves. The token is
// not looked into here. Throws Failure exchange-malformed.

import { Failure, Secret, type MechanismFactory, type TokenCredentials } from "@postern/contracts";
import { utf8 } from "./utf8.ts";

const SEPARATOR = "\x01";
/** RFC 6750: what a bearer token may consist of. */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

export const xoauth2 = tokenMechanism("XOAUTH2", parseXoauth2);
export const oauthbearer = tokenMechanism("OAUTHBEARER", parseOauthbearer);

function tokenMechanism(
  name: "XOAUTH2" | "OAUTHBEARER",
  parse: (message: string) => { user: string; token: string },
): MechanismFactory {
  return {
    name,
    plaintext: true,
    bound: false,
    onRequest: false,
    needs: "token",
    relays: true,
    create: () => ({
      name,
      claimed: "",
      next(response) {
        if (response === undefined) return { kind: "challenge", data: Buffer.alloc(0) };
        const { user, token } = parse(utf8(response, name));
        if (user === "" || user.includes("\0")) throw new Failure("exchange-malformed", `${name}: no user name`);
        if (!TOKEN.test(token)) throw new Failure("exchange-malformed", `${name}: no bearer token`);
        const credentials: TokenCredentials = {
          kind: "token",
          mechanism: name,
          authcid: user,
          authzid: "",
          secret: new Secret(token),
        };
        return { kind: "done", credentials };
      },
    }),
  };
}

function pairs(parts: readonly string[]): Map<string, string> {
  return new Map(
    parts
      .filter((part) => part.includes("="))
      .map((part) => [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)]),
  );
}

const bearer = (value: string | undefined): string => /^bearer +(.*)$/i.exec(value ?? "")?.[1] ?? "";

function parseXoauth2(message: string): { user: string; token: string } {
  const fields = pairs(message.split(SEPARATOR));
  return { user: fields.get("user") ?? "", token: bearer(fields.get("auth")) };
}

function parseOauthbearer(message: string): { user: string; token: string } {
  const [header = "", ...rest] = message.split(SEPARATOR);
  const gs2 = /^[ny],(?:a=([^,]*))?,$/.exec(header);
  if (gs2 === null) throw new Failure("exchange-malformed", "OAUTHBEARER: malformed GS2 header");
  const user = (gs2[1] ?? "").replaceAll("=2C", ",").replaceAll("=3D", "=");
  if (user === "") throw new Failure("exchange-malformed", "OAUTHBEARER: the message names no user (a=)");
  return { user, token: bearer(pairs(rest).get("auth")) };
}

/** The client's one message of XOAUTH2. */
export function xoauth2Response(credentials: { authcid: string; secret: Secret }): Buffer {
  const { authcid, secret } = credentials;
  return Buffer.concat([
    Buffer.from(`user=${authcid}${SEPARATOR}auth=Bearer `),
    secret.reveal(),
    Buffer.from(SEPARATOR + SEPARATOR),
  ]);
}

/** The client's one message of OAUTHBEARER. */
export function oauthbearerResponse(credentials: { authcid: string; secret: Secret }, host: string, port: number): Buffer {
  const user = credentials.authcid.replaceAll("=", "=3D").replaceAll(",", "=2C");
  const head = `n,a=${user},${SEPARATOR}host=${host}${SEPARATOR}port=${port}${SEPARATOR}auth=Bearer `;
  return Buffer.concat([Buffer.from(head), credentials.secret.reveal(), Buffer.from(SEPARATOR + SEPARATOR)]);
}
