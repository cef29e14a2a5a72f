// The neighbours that most tests share: two Dovecots, alice and others on the first, bob on the second; an authority and
// certificates of its own; the secrets that must never be in a log.

import { createAuthority, issue } from "@postern/certs";
import { startDovecot } from "@postern/testing";
import type { Dovecot, DovecotOptions } from "@postern/testing";
import type { Json } from "./gateway-process.ts";
import { stopAll, together } from "./together.ts";

export const authority = createAuthority("Postern tests");
const server = issue(authority, { names: ["mail.example.com", "localhost", "127.0.0.1"] });
export const backendCertificate = issue(authority, { names: ["mbx.example.net", "127.0.0.1"] });

/** For the folder of a gateway. */
export const FILES = { "server.pem": server.cert, "server.key": server.key, "ca.pem": authority.cert };

export const ALICE = "alice@example.com";
export const BOB = "bob@example.com";
export const CAROL = "carol@example.com";

export const PASSWORDS: Readonly<Record<string, string>> = {
  [ALICE]: "Alice-geheim-1",
  [BOB]: 'Bob geheim "2"',
  [CAROL]: "Carol-geheim-3",
};
export const WRONG = "Wrong-geheim-4";

/** The initial response of PLAIN, base64. */
export const plain = (user: string, password = PASSWORDS[user] ?? ""): string =>
  Buffer.from(`\0${user}\0${password}`).toString("base64");

/** A secret that stands in a text, in clear, as JSON writes it or as SASL sends it. */
export function secretIn(text: string): string | undefined {
  const clear = [...Object.values(PASSWORDS), WRONG];
  const coded = Object.keys(PASSWORDS).flatMap((user) => [plain(user), plain(user, WRONG)]);
  const forms = [...clear, ...clear.map((secret) => JSON.stringify(secret).slice(1, -1)), ...coded];
  forms.push(...clear.map((secret) => Buffer.from(secret).toString("base64").replace(/=+$/, "")));
  return forms.find((secret) => text.includes(secret));
}

export interface Mailboxes {
  readonly mbx1: Dovecot;
  readonly mbx2: Dovecot;
  /** Plain legs to both, for a configuration. */
  readonly backends: Json;
  stop(): Promise<void>;
}

/** alice and carol have their mail on the first, bob on the second; each knows nobody else. */
export async function startMailboxes(options: Partial<DovecotOptions> = {}): Promise<Mailboxes> {
  const only = (...users: string[]): DovecotOptions => ({
    trustedNetworks: "127.0.0.0/8",
    ...options,
    users: Object.fromEntries(users.map((user) => [user, PASSWORDS[user] ?? ""])),
  });
  const [mbx1, mbx2] = await together(startDovecot(only(ALICE, CAROL)), startDovecot(only(BOB)));
  return { mbx1, mbx2, backends: { mbx1: legs(mbx1), mbx2: legs(mbx2) }, stop: () => stopAll([mbx1, mbx2]) };
}

const legs = (dovecot: Dovecot): Json => ({
  imap: `imap://127.0.0.1:${dovecot.imapPort}`,
  pop3: `pop3://127.0.0.1:${dovecot.pop3Port}`,
});

/** Routes for the two: by user. */
export const ROUTES: readonly Json[] = [{ source: "static", users: { [ALICE]: "mbx1", [CAROL]: "mbx1", [BOB]: "mbx2" } }];

/** One listener of each kind. */
export const LISTENERS: Readonly<Record<string, Json>> = {
  imap: { protocol: "imap", tls: "starttls" },
  imaps: { protocol: "imap", tls: "implicit" },
  pop3: { protocol: "pop3", tls: "starttls" },
  pop3s: { protocol: "pop3", tls: "implicit" },
};
