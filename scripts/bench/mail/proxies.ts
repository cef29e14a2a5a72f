// The mail gateways that are measured, each with the configuration of a careful operator, one worker, no rules, no filters,
// and the fake mail server behind. Never listens elsewhere than on loopback.

import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nginxFile, nginxTls } from "../peers.ts";
import { posternLaunch, type Launch } from "../proxies.ts";
import type { Site } from "../site.ts";

export interface MailRow {
  readonly name: string;
  readonly role: "submission" | "inbound";
  /** Programs or files that must be there. */
  readonly needs: readonly string[];
  readonly launch: (site: MailSite, folder: string, port: number) => Launch;
}

/** What is behind: the fake mail server, and the server that nginx asks. */
export interface MailSite extends Site {
  readonly mailPort: number;
  readonly mailAuthPort: number;
  /** The folder in which npm has installed Haraka. */
  readonly haraka: string;
}

const posternSubmission = (site: MailSite, folder: string, port: number): Launch =>
  posternLaunch(
    site,
    folder,
    `listeners: [{ protocol: submission, address: "127.0.0.1:${port}", tls: implicit }]
backends: { mx1: { submission: "smtp://127.0.0.1:${site.mailPort}" } }
routes: [{ source: static, default: mx1 }]
`,
  );

const posternInbound = (site: MailSite, folder: string, port: number): Launch =>
  posternLaunch(
    site,
    folder,
    `listeners: [{ protocol: smtp, address: "127.0.0.1:${port}", tls: starttls }]
mail: { domains: [example.com] }
backends: { mx1: { smtp: "smtp://127.0.0.1:${site.mailPort}" } }
routes: [{ source: static, domains: { example.com: mx1 } }]
`,
  );

function nginxSubmission(site: MailSite, folder: string, port: number): Launch {
  const file = nginxFile(
    folder,
    ["ngx_mail_module"],
    `mail {
  auth_http 127.0.0.1:${site.mailAuthPort}/auth;
  ${nginxTls(site)}
  smtp_capabilities PIPELINING 8BITMIME "SIZE 1000000000" DSN;
  smtp_auth plain login;
  proxy_smtp_auth on;
  xclient off;
  server { listen 127.0.0.1:${port} ssl backlog=4096; protocol smtp; timeout 1h; proxy_timeout 1h; }
}`,
  );
  return { command: ["nginx", "-p", folder, "-c", file, "-e", join(folder, "error.log")] };
}

const QUEUES = "active bounce corrupt defer deferred flush hold incoming maildrop private public saved trace pid".split(" ");

/** Postfix in front as a before-queue proxy: its smtpd hands each message to the next server and queues nothing. */
function postfixInbound(site: MailSite, folder: string, port: number): Launch {
  const [config, queue, data] = ["config", "queue", "data"].map((name) => join(folder, name)) as [string, string, string];
  for (const path of [config, queue, data]) mkdirSync(path);
  for (const name of QUEUES) mkdirSync(join(queue, name));
  writeFileSync(
    join(config, "main.cf"),
    `compatibility_level = 3.6
queue_directory = ${queue}
data_directory = ${data}
mail_owner = postfix
setgid_group = postdrop
myhostname = bench.test
mydestination =
relay_domains = example.com
mynetworks =
smtpd_proxy_filter = 127.0.0.1:${site.mailPort}
smtpd_proxy_options = speed_adjust
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_client_connection_count_limit = 0
message_size_limit = 0
local_transport = error:none
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_database =
maillog_file = ${join(folder, "mail.log")}
maillog_file_prefixes = ${folder}
`,
  );
  writeFileSync(
    join(config, "master.cf"),
    `127.0.0.1:${port} inet n - n - 100 smtpd
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
qmgr unix n - n 300 1 qmgr
pickup unix n - n 60 1 pickup
`,
  );
  const own = QUEUES.filter((name) => !["pid", "public", "maildrop"].includes(name)).map((name) => join(queue, name));
  const prepare = `chmod 755 ${site.folder} ${folder}; chown postfix ${data} ${own.join(" ")}; chown postfix:postdrop ${queue}/public ${queue}/maildrop`;
  return { command: ["sh", "-c", `${prepare}; exec /usr/lib/postfix/sbin/master -c ${config}`] };
}

/** Haraka as its documentation has it for a gateway: one host list, each message proxied to the next server as it comes. */
function haraka(site: MailSite, folder: string, port: number): Launch {
  const config = join(folder, "config");
  cpSync(join(site.haraka, "node_modules/Haraka/config"), config, { recursive: true });
  const files: Record<string, string> = {
    "smtp.ini": `listen=127.0.0.1:${port}\nnodes=0\n`,
    plugins: "rcpt_to.in_host_list\nqueue/smtp_proxy\n",
    host_list: "example.com\n",
    me: "bench.test\n",
    "smtp_proxy.ini": `host=127.0.0.1\nport=${site.mailPort}\nmax_connections=1000\n`,
    loglevel: "ERROR\n",
    "log.ini": "[main]\nlevel=ERROR\n",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(config, name), text);
  return { command: [process.execPath, join(site.haraka, "node_modules/Haraka/bin/haraka"), "-c", folder] };
}

export const MAIL_ROWS: readonly MailRow[] = [
  { name: "postern", role: "submission", needs: [], launch: posternSubmission },
  { name: "nginx-mail", role: "submission", needs: ["/usr/sbin/nginx"], launch: nginxSubmission },
  { name: "postern", role: "inbound", needs: [], launch: posternInbound },
  { name: "postfix-proxy", role: "inbound", needs: ["/usr/sbin/postfix"], launch: postfixInbound },
  { name: "haraka", role: "inbound", needs: ["haraka"], launch: haraka },
];

/** What keeps a row from being measured; undefined: nothing. */
export function missing(row: MailRow, site: MailSite): string | undefined {
  const path = row.needs.map((need) => (need === "haraka" ? join(site.haraka, "node_modules/Haraka/bin/haraka") : need));
  return path.find((one) => !existsSync(one));
}
