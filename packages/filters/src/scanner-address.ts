// The address of a scanner's socket, in the spellings that mail administrators know: "unix:/path", "local:/path" (sendmail's),
// "inet:port@host" (sendmail's), "inet:host:port" (Postfix's), or "host:port". Throws nothing: what is wrong is said in `problem`.

import { addressText, setting, type Parsed } from "@postern/contracts";

export interface ScannerAddress {
  /** For logs. */
  readonly label: string;
  readonly socketPath: string | undefined;
  /** Empty for a unix socket. */
  readonly host: string;
  readonly port: number;
}

const UNIX = /^(?:unix|local):(\/.+)$/;
const PORT_FIRST = /^inet6?:(\d+)@(.+)$/;
const HOST_FIRST = /^(?:inet6?:)?(\[[0-9a-f:.]+\]|[^:\s@[\]/]+):(\d+)$/i;
const HOST = /^[0-9a-z._:-]{1,253}$/i;

function inetAddress(written: string, port: number): ScannerAddress | undefined {
  const host = written.replace(/^\[(.+)\]$/, "$1");
  if (!HOST.test(host) || port < 1 || port > 65_535) return undefined;
  return { label: addressText({ host, port }), socketPath: undefined, host, port };
}

export function parseScannerAddress(raw: unknown): Parsed<ScannerAddress> {
  const text = String(raw);
  const problem = `must be unix:/path, host:port or inet:port@host, not "${text}"`;
  if (/[\s\p{Cc}]/u.test(text)) return { problem };
  const socketPath = UNIX.exec(text)?.[1];
  if (socketPath !== undefined) return { value: { label: `unix:${socketPath}`, socketPath, host: "", port: 0 } };
  const [, port, host] = PORT_FIRST.exec(text) ?? [];
  const [, otherHost, otherPort] = HOST_FIRST.exec(text) ?? [];
  const value = inetAddress(host ?? otherHost ?? "", Number(port ?? otherPort));
  return value === undefined ? { problem } : { value };
}

/** A setting that holds one. */
export const scannerAddress = (doc: string) => setting.custom<ScannerAddress>("address", doc, parseScannerAddress);
