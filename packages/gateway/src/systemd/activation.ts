// Socket activation, sd_listen_fds(3): which listening sockets systemd handed to this process, by name. Pure: reads an
// environment, opens and closes nothing. The sockets stay open for good; a child gets one when it is named in `stdio`.

/** File descriptors by name, in systemd's order. Several sockets of one name (IPv4 and IPv6) stand together. */
export type ActivatedSockets = ReadonlyMap<string, readonly number[]>;

const FIRST_FD = 3;
const MAX_FDS = 1024;

/**
 * The sockets of LISTEN_FDS and LISTEN_FDNAMES. Empty when there are none, or when they are meant for another process
 * (LISTEN_PID). A socket without a name is "unknown", as systemd calls it. Throws an Error with the cure when the count
 * and the names do not fit together.
 */
export function activatedSockets(env: NodeJS.ProcessEnv, pid: number): ActivatedSockets {
  const sockets = new Map<string, number[]>();
  if (env["LISTEN_FDS"] === undefined || env["LISTEN_PID"] !== String(pid)) return sockets;
  const count = Number(env["LISTEN_FDS"]);
  if (!Number.isInteger(count) || count < 0 || count > MAX_FDS)
    throw new Error(`Cannot use LISTEN_FDS="${env["LISTEN_FDS"]}": it must be a number from 0 to ${MAX_FDS}`);
  const names = env["LISTEN_FDNAMES"]?.split(":") ?? [];
  if (names.length > 0 && names.length !== count)
    throw new Error(`Cannot use LISTEN_FDNAMES: it names ${names.length} sockets and LISTEN_FDS says ${count}`);
  for (let i = 0; i < count; i++) {
    const name = names[i] || "unknown";
    sockets.set(name, [...(sockets.get(name) ?? []), FIRST_FD + i]);
  }
  return sockets;
}

/** What `address: systemd:NAME` stands for. Throws an Error with the cure when systemd handed over no such socket. */
export function activatedSocket(sockets: ActivatedSockets, name: string): readonly number[] {
  const fds = sockets.get(name);
  if (fds !== undefined) return fds;
  const known = sockets.size === 0 ? "none at all: start the socket unit" : [...sockets.keys()].join(", ");
  throw new Error(`Cannot listen on systemd:${name}: systemd handed over ${known} (FileDescriptorName= in the socket unit)`);
}

/** The environment for children: without what systemd meant for this process alone. */
export function withoutSystemd(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const meant = new Set(["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"]);
  return Object.fromEntries(Object.entries(env).filter(([key]) => !meant.has(key)));
}
