// The configuration of a Dovecot 2.3 for tests, as text: everything in one folder, loopback only, maildir, users in a
// file. Written for root (logins unprivileged, mail owned by user mail) and for an ordinary user (all as that user).

import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";

export const PORT_NAMES = ["imap", "imaps", "pop3", "pop3s", "imapHaproxy", "pop3Haproxy", "lmtp"] as const;
export type PortName = (typeof PORT_NAMES)[number];

export interface DovecotLayout {
  readonly folder: string;
  readonly ports: Readonly<Record<PortName, number>>;
  readonly tls: boolean;
  readonly haproxy: boolean;
  readonly lmtp: boolean;
  readonly trustedNetworks: string;
  readonly masterUsers: boolean;
  readonly passdb: string | undefined;
  readonly mechanisms: string;
  readonly failureDelaySeconds: number;
  readonly stillHereSeconds: number;
}

// Sessions at once that must fit. IMAP processes serve many each: one inotify instance a process, and less memory.
const SESSIONS = 5000;
const SESSIONS_PER_PROCESS = 100;

/** Where files are, within the folder. */
export const FILES = { config: "dovecot.conf", log: "dovecot.log", users: "users", masters: "masters", mail: "mail" } as const;

interface Owners {
  readonly internal: string;
  readonly login: string;
  readonly mail: string;
  readonly group: string;
}

// Dovecot wants groups by name.
function groupName(gid: number): string {
  const line = readFileSync("/etc/group", "utf8")
    .split("\n")
    .find((entry) => entry.split(":")[2] === String(gid));
  return line?.split(":")[0] ?? String(gid);
}

function owners(): Owners {
  const { username, gid, uid } = userInfo();
  return uid === 0
    ? { internal: "dovecot", login: "dovenull", mail: "mail", group: "dovecot" }
    : { internal: username, login: username, mail: username, group: groupName(gid) };
}

function listener(name: string, port: number, extra: "" | "ssl = yes" | "haproxy = yes", wanted: boolean): string {
  return `  inet_listener ${name} {\n    port = ${wanted ? port : 0}\n    ${extra}\n  }\n`;
}

function loginService(protocol: "imap" | "pop3", layout: DovecotLayout, chroot: string): string {
  const { ports, tls, haproxy } = layout;
  return (
    `service ${protocol}-login {\n  service_count = 0\n  process_min_avail = 1\n  client_limit = ${SESSIONS}\n${chroot}` +
    listener(protocol, ports[protocol], "", true) +
    listener(`${protocol}s`, ports[`${protocol}s`], "ssl = yes", tls) +
    listener(`${protocol}-haproxy`, ports[`${protocol}Haproxy`], "haproxy = yes", haproxy) +
    "}\n"
  );
}

function lmtpService({ ports, lmtp }: DovecotLayout): string {
  if (!lmtp) return "";
  return `service lmtp {
${listener("lmtp", ports.lmtp, "", true)}}
protocol lmtp {
  postmaster_address = postmaster@example.com
}
`;
}

const usersPassdb = (folder: string): string => `passdb {\n  driver = passwd-file\n  args = ${join(folder, FILES.users)}\n}`;

/** The file's text. */
export function dovecotConfig(layout: DovecotLayout): string {
  const { folder } = layout;
  const who = owners();
  const root = userInfo().uid === 0;
  // Only root can change its root; an ordinary user's processes stay where they are.
  const chroot = root ? "" : "  chroot =\n";
  const services = ["imap", "pop3"].map(
    (name) =>
      `service ${name} {\n  service_count = 0\n  client_limit = ${SESSIONS_PER_PROCESS}\n  process_limit = ${SESSIONS / SESSIONS_PER_PROCESS}\n}\n`,
  );
  const masters = `auth_master_user_separator = *
passdb {
  driver = passwd-file
  master = yes
  args = ${join(folder, FILES.masters)}
}
`;
  return `# Written by a test
protocols = imap pop3${layout.lmtp ? " lmtp" : ""}
listen = 127.0.0.1
base_dir = ${join(folder, "run")}
state_dir = ${join(folder, "state")}
log_path = ${join(folder, FILES.log)}
default_internal_user = ${who.internal}
default_internal_group = ${who.group}
default_login_user = ${who.login}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir
mail_max_userip_connections = 0
disable_plaintext_auth = no
login_trusted_networks = ${layout.trustedNetworks}
haproxy_trusted_networks = 127.0.0.0/8
login_log_format_elements = user=<%u> method=%m rip=%r rport=%b lip=%l lport=%a %c session=<%{session}>
auth_mechanisms = ${layout.mechanisms}
auth_verbose = yes
auth_failure_delay = ${layout.failureDelaySeconds} secs
imap_idle_notify_interval = ${layout.stillHereSeconds} secs
ssl = ${layout.tls ? "yes" : "no"}
${layout.tls ? `ssl_cert = <${join(folder, "cert.pem")}\nssl_key = <${join(folder, "key.pem")}\n` : ""}
namespace inbox {
  inbox = yes
  separator = /
}
${layout.masterUsers ? masters : ""}${layout.passdb ?? usersPassdb(folder)}
userdb {
  driver = static
  args = uid=${who.mail} gid=${root ? "mail" : who.group} home=${join(folder, FILES.mail)}/%u
}
${loginService("imap", layout, chroot)}${loginService("pop3", layout, chroot)}${services.join("")}${lmtpService(layout)}service auth {
  client_limit = ${SESSIONS * 2}
}
service anvil {
  client_limit = ${SESSIONS * 2}
${chroot}  # Many wrong passwords from one address are what tests do.
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
`;
}
