// The configuration of a Postfix 3.7 for tests, as text: a submission server that asks a Dovecot about passwords, on
// loopback only, with every message for example.com in one maildir. Everything is in one folder; nothing leaves the machine.

import { join } from "node:path";

export interface PostfixLayout {
  readonly folder: string;
  readonly port: number;
  /** undefined: no TLS at all. */
  readonly tlsPort: number | undefined;
  /** Where Dovecot answers about passwords. */
  readonly authPort: number;
  /** Who may say XCLIENT: "127.0.0.0/8". */
  readonly xclientHosts: string;
  readonly xforwardHosts: string;
  readonly messageSizeLimit: number;
  readonly inbound: boolean;
  /** undefined: every address of example.com. */
  readonly recipients: readonly string[] | undefined;
  readonly proxyHeader: boolean;
  /** Whose the mail is. */
  readonly owner: { readonly uid: number; readonly gid: number };
}

/** Where files are, within the folder. */
export const POSTFIX_FILES = {
  config: "config",
  queue: "queue",
  data: "data",
  mail: "mail",
  log: "postfix.log",
  cert: "config/cert.pem",
  key: "config/key.pem",
} as const;

/** What a queue must have before the master starts. */
export const QUEUE_FOLDERS =
  "active bounce corrupt defer deferred flush hold incoming maildrop private public saved trace pid".split(" ");

/** main.cf */
export function mainConfig(layout: PostfixLayout): string {
  const at = (name: string): string => join(layout.folder, name);
  const { uid, gid } = layout.owner;
  const tls =
    layout.tlsPort === undefined
      ? "smtpd_tls_security_level = none"
      : `smtpd_tls_security_level = may
smtpd_tls_cert_file = ${at(POSTFIX_FILES.cert)}
smtpd_tls_key_file = ${at(POSTFIX_FILES.key)}`;
  return `# Written by a test
compatibility_level = 3.6
queue_directory = ${at(POSTFIX_FILES.queue)}
data_directory = ${at(POSTFIX_FILES.data)}
maillog_file = ${at(POSTFIX_FILES.log)}
maillog_file_prefixes = ${layout.folder}
myhostname = mx.example.net
mydestination =
mynetworks = 192.0.2.255/32
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
message_size_limit = ${layout.messageSizeLimit}
mailbox_size_limit = 0
default_transport = error:nothing leaves this machine
relay_transport = error:nothing leaves this machine
virtual_transport = virtual
virtual_mailbox_domains = example.com
virtual_mailbox_base = ${at(POSTFIX_FILES.mail)}
virtual_mailbox_maps = ${mailboxes(layout)}
recipient_delimiter = +
virtual_mailbox_limit = 0
virtual_minimum_uid = 1
virtual_uid_maps = static:${uid}
virtual_gid_maps = static:${gid}
smtpd_banner = $myhostname ESMTP
smtpd_authorized_xclient_hosts = ${layout.xclientHosts}
smtpd_authorized_xforward_hosts = ${layout.xforwardHosts}
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:${layout.authPort}
smtpd_relay_restrictions = permit_sasl_authenticated, ${layout.inbound ? "permit_auth_destination, " : ""}reject
${layout.proxyHeader ? "smtpd_upstream_proxy_protocol = haproxy" : ""}
smtpd_recipient_restrictions =
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
smtpd_client_connection_count_limit = 0
queue_run_delay = 1s
minimal_backoff_time = 1s
transport_retry_time = 1s
smtputf8_enable = yes
${tls}
`;
}

const mailboxes = ({ recipients }: PostfixLayout): string =>
  recipients === undefined ? "static:inbox/" : `inline:{${recipients.map((one) => `{${one} = inbox/}`).join(" ")}}`;

const SERVICES = `pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`;

/** master.cf */
export function masterConfig({ port, tlsPort }: PostfixLayout): string {
  const server = (at: number, more = ""): string => `127.0.0.1:${at} inet n - n - - smtpd${more}\n`;
  const implicit = tlsPort === undefined ? "" : server(tlsPort, "\n  -o smtpd_tls_wrappermode=yes");
  return server(port) + implicit + SERVICES;
}
