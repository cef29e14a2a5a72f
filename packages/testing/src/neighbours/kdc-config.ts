// The configuration of an MIT Kerberos realm for tests, as text: everything in one folder, the KDC on loopback over TCP,
// no look-ups in DNS.

import { join } from "node:path";

/** Where files are, within the folder. */
export const KDC_FILES = {
  config: "krb5.conf",
  kdcConfig: "kdc.conf",
  log: "kdc.log",
  keytab: "services.keytab",
  replays: "replays",
} as const;

export interface KdcLayout {
  readonly folder: string;
  readonly realm: string;
  readonly port: number;
  readonly clockSkewSeconds: number;
}

/** krb5.conf, for clients, acceptors and the KDC. */
export function krb5Config({ folder, realm, port, clockSkewSeconds }: KdcLayout): string {
  return `# Written by a test
[libdefaults]
  default_realm = ${realm}
  dns_canonicalize_hostname = false
  dns_lookup_kdc = false
  dns_lookup_realm = false
  rdns = false
  udp_preference_limit = 1
  clockskew = ${clockSkewSeconds}
[realms]
  ${realm} = {
    kdc = 127.0.0.1:${port}
  }
[domain_realm]
  localhost = ${realm}
[logging]
  kdc = FILE:${join(folder, KDC_FILES.log)}
`;
}

export function kdcConfig({ folder, realm, port }: KdcLayout): string {
  return `# Written by a test
[kdcdefaults]
  kdc_listen = ""
  kdc_tcp_listen = 127.0.0.1:${port}
[realms]
  ${realm} = {
    database_name = ${join(folder, "principal")}
    key_stash_file = ${join(folder, "stash")}
    acl_file = ${join(folder, "acl")}
    max_life = 1h
    supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
  }
`;
}
