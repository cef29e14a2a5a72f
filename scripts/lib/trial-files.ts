// What a trial (trial.ts) writes: certificates, a configuration, a welcome message, and the words that tell what to type.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createAuthority, issue } from "@postern/certs";

/** The listeners of the trial: what is spoken there, and the port that is taken when it is free. */
export const DOORS = [
  { name: "imaps", protocol: "imap", tls: "implicit", port: 9993 },
  { name: "imap", protocol: "imap", tls: "starttls", port: 9143 },
  { name: "pop3s", protocol: "pop3", tls: "implicit", port: 9995 },
  { name: "pop3", protocol: "pop3", tls: "starttls", port: 9110 },
  { name: "https", protocol: "https", tls: "implicit", port: 9443 },
] as const;

export type Ports = Readonly<Record<(typeof DOORS)[number]["name"], number>>;

/** Who may log in, and where the mailbox is. The passwords are printed: they open nothing else. */
export const PEOPLE = {
  alice: { password: "wonderland", backend: "mbx1" },
  bob: { password: "builder", backend: "mbx2" },
} as const;

/** Where a mailbox server listens: ports on 127.0.0.1. */
export interface MailboxPorts {
  readonly imap: number;
  readonly pop3: number;
  readonly web: number;
}

/** A development authority (ca.pem) and a certificate for localhost (mail.pem, mail.key). */
export async function writeCertificates(folder: string): Promise<void> {
  const authority = createAuthority("Postern trial");
  const { cert, key } = issue(authority, { names: ["localhost", "127.0.0.1"] });
  await writeFile(join(folder, "ca.pem"), authority.cert);
  await writeFile(join(folder, "mail.pem"), cert);
  await writeFile(join(folder, "mail.key"), key, { mode: 0o600 });
}

export function configuration(ports: Ports, backends: Readonly<Record<string, MailboxPorts>>, workers: number): string {
  const doors = DOORS.map(
    ({ name, protocol, tls }) => `  - { protocol: ${protocol}, address: "127.0.0.1:${ports[name]}", tls: ${tls} }`,
  );
  const servers = Object.entries(backends).map(
    ([name, at]) =>
      `  ${name}: { imap: "imap://127.0.0.1:${at.imap}", pop3: "pop3://127.0.0.1:${at.pop3}", https: "http://127.0.0.1:${at.web}" }`,
  );
  const users = Object.entries(PEOPLE).map(([user, { backend }]) => `      ${user}@example.com: ${backend}`);
  return `# Made for a trial; gone when it ends.
hostname: localhost
defaultDomain: example.com
workers: ${workers}
tls:
  certificates: [{ cert: mail.pem, key: mail.key }]
listeners:
${doors.join("\n")}
backends:
${servers.join("\n")}
routes:
  - source: static
    users:
${users.join("\n")}
shutdown: { drain: 1s }
`;
}

export function welcome(user: string, backend: string): string {
  return [
    "From: Postern <postern@example.com>",
    `To: ${user}@example.com`,
    `Subject: Welcome to ${backend}, ${user}`,
    `Message-ID: <welcome-${user}@example.com>`,
    `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
    "",
    `You reached the mailbox server ${backend} through Postern.`,
    "",
  ].join("\r\n");
}

export function whatToType(folder: string, ports: Ports): string {
  const ca = join(folder, "ca.pem");
  const { alice, bob } = PEOPLE;
  return `
Postern is running, with two mailbox servers behind it. In another terminal, try:

  Read mail (alice lives on ${alice.backend}, bob on ${bob.backend}):
    curl --cacert ${ca} 'imaps://localhost:${ports.imaps}/INBOX;MAILINDEX=1' -u alice@example.com:${alice.password}
    curl --cacert ${ca} pop3s://localhost:${ports.pop3s}/1 -u bob@example.com:${bob.password}

  Go to the web side of your own mailbox server:
    curl --cacert ${ca} https://localhost:${ports.https}/webmail/ -u bob@example.com:${bob.password}

  Talk to it yourself (then: a login alice@example.com ${alice.password}):
    openssl s_client -quiet -crlf -CAfile ${ca} -connect localhost:${ports.imaps}
    openssl s_client -quiet -crlf -CAfile ${ca} -connect localhost:${ports.imap} -starttls imap

  Where does this user go, and why?
    bin/postern route alice@example.com --config ${join(folder, "postern.yaml")}

  Thunderbird: account alice@example.com, password ${alice.password}; manual configuration; server localhost;
    IMAP port ${ports.imaps} with SSL/TLS, or POP3 port ${ports.pop3s} with SSL/TLS; normal password; accept the certificate.

Ctrl-C ends it and leaves nothing behind. The gateway's log:
`;
}
