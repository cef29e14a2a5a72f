// Tells systemd how the service is: sd_notify(3), with the watchdog of sd_watchdog_enabled(3). Sends a datagram by libc;
// where that cannot be done, by the program systemd-notify (the unit then needs NotifyAccess=all, since another process
// speaks). Does nothing when NOTIFY_SOCKET is not set. Never throws: what could not be told goes to `onProblem`.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Clock, Timer } from "@postern/contracts";
import { systemClock } from "@postern/contracts";
import { type DatagramSender, loadDatagramSender } from "./datagram.ts";

export interface Notifier {
  /** The service is up (also after a reload); `text` is what `systemctl status` shows. Starts the watchdog's heartbeat. */
  ready(text: string): Promise<void>;
  /** A reload has begun; ready() ends it. */
  reloading(): Promise<void>;
  /** The service is going down. The heartbeat goes on, so that a drain is not taken for a hang, until close(). */
  stopping(text: string): Promise<void>;
  status(text: string): Promise<void>;
  /** Stops the heartbeat. */
  close(): void;
}

export interface NotifierOptions {
  readonly clock?: Clock;
  /** The process that WATCHDOG_PID must name; this one by default. */
  readonly pid?: number;
  /** Is told why systemd could not be told. */
  readonly onProblem?: (reason: string) => void;
  /** How to send; undefined: by systemd-notify. By default the best that this Node can do. */
  readonly sender?: Promise<DatagramSender | undefined>;
}

type Send = (lines: readonly string[]) => Promise<void>;

/** A notifier for the environment that systemd gave this process; silent when it gave none. Beats twice per watchdog limit. */
export function createNotifier(env: NodeJS.ProcessEnv, options: NotifierOptions = {}): Notifier {
  const send = createSend(env, options);
  const beatMs = watchdogMs(env, options.pid ?? process.pid) / 2;
  const clock = options.clock ?? systemClock;
  let timer: Timer | undefined;

  const beat = (): void => {
    timer = clock.after(beatMs, beat);
    void send(["WATCHDOG=1"]);
  };
  return {
    ready(text) {
      if (beatMs > 0 && timer === undefined) beat();
      return send(["READY=1", statusLine(text)]);
    },
    reloading: () => send(["RELOADING=1", `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`]),
    stopping: (text) => send(["STOPPING=1", statusLine(text)]),
    status: (text) => send([statusLine(text)]),
    close() {
      timer?.cancel();
      timer = undefined;
    },
  };
}

/** The watchdog's limit in milliseconds; 0 when there is none, or when it is another process's. */
export function watchdogMs(env: NodeJS.ProcessEnv, pid: number): number {
  const owner = env["WATCHDOG_PID"];
  if (owner !== undefined && owner !== String(pid)) return 0;
  const usec = env["WATCHDOG_USEC"] ?? "";
  return /^[1-9]\d{0,14}$/.test(usec) ? Number(usec) / 1000 : 0;
}

/** A status is one line: a line end in it would be an assignment of its own. */
function statusLine(text: string): string {
  return `STATUS=${text.replace(/[\r\n\0]+/g, " ")}`;
}

function createSend(env: NodeJS.ProcessEnv, options: NotifierOptions): Send {
  const socket = env["NOTIFY_SOCKET"];
  if (socket === undefined || socket === "") return () => Promise.resolve();
  const sender = options.sender ?? loadDatagramSender();
  const tell = async (lines: readonly string[]): Promise<void> => {
    try {
      await sendOne(await sender, socket, lines);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      options.onProblem?.(`Cannot tell systemd "${lines[0]}": ${why}`);
    }
  };
  // One after the other: READY=1 must not overtake RELOADING=1.
  let last = Promise.resolve();
  return (lines) => (last = last.then(() => tell(lines)));
}

async function sendOne(sender: DatagramSender | undefined, socket: string, lines: readonly string[]): Promise<void> {
  if (sender !== undefined) return sender(socket, lines.join("\n"));
  await promisify(execFile)("systemd-notify", lines, { env: { ...process.env, NOTIFY_SOCKET: socket } });
}
