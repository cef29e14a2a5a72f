import test from "ava";
import { activatedSocket, activatedSockets, withoutSystemd } from "./activation.ts";

const env = (fds: string, names?: string) => ({
  LISTEN_PID: "7",
  LISTEN_FDS: fds,
  ...(names !== undefined && { LISTEN_FDNAMES: names }),
});

test("activation: maps names to file descriptors, two of a name together", (t) => {
  const sockets = activatedSockets(env("3", "imaps:pop3s:imaps"), 7);
  t.deepEqual(
    [...sockets],
    [
      ["imaps", [3, 5]],
      ["pop3s", [4]],
    ],
  );
});

test("activation: a socket without a name is unknown", (t) => {
  t.deepEqual([...activatedSockets(env("2"), 7)], [["unknown", [3, 4]]]);
  t.deepEqual(
    [...activatedSockets(env("2", ":imap"), 7)],
    [
      ["unknown", [3]],
      ["imap", [4]],
    ],
  );
});

test("activation: takes nothing that is meant for another process", (t) => {
  t.is(activatedSockets({}, 7).size, 0);
  t.is(activatedSockets(env("1", "imaps"), 8).size, 0);
  t.is(activatedSockets({ LISTEN_FDS: "1" }, 7).size, 0);
});

test("activation: refuses a count that is none, and names that do not fit it", (t) => {
  for (const fds of ["x", "-1", "1.5", "9999999999"])
    t.throws(() => activatedSockets(env(fds), 7), { message: /LISTEN_FDS/ }, fds);
  t.throws(() => activatedSockets(env("2", "imaps"), 7), { message: /names 1 sockets and LISTEN_FDS says 2/ });
});

test("activation: a missing name is told with those that are there", (t) => {
  const sockets = activatedSockets(env("1", "imaps"), 7);
  t.deepEqual(activatedSocket(sockets, "imaps"), [3]);
  t.throws(() => activatedSocket(sockets, "imap"), { message: /systemd:imap: systemd handed over imaps/ });
  t.throws(() => activatedSocket(new Map(), "imap"), { message: /none at all: start the socket unit/ });
});

test("activation: children do not inherit what is meant for this process", (t) => {
  const cleaned = withoutSystemd({ ...env("1", "imaps"), NOTIFY_SOCKET: "/n", WATCHDOG_USEC: "1", PATH: "/bin" });
  t.deepEqual(cleaned, { PATH: "/bin" });
});
