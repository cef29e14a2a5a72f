// What the rest of the house hears of sessions: metrics, and one log line per session end.

import type { Clock, Logger } from "@postern/contracts";
import type { Observer } from "@postern/core";
import { sessionRecord, writeSession, type Metrics } from "@postern/telemetry";

export function createObserver(metrics: Metrics, logger: Logger, clock: Clock): Observer {
  return {
    opened: ({ listener }) => metrics.cell("open_sessions", listener.protocol).add(1),
    dialled: (leg, ok) => metrics.cell("dials", leg.backend, ok ? "ok" : "failed").add(1),
    loggedIn: ({ listener }, failure) => {
      metrics.cell("logins", listener.protocol, failure === undefined ? "ok" : "failed").add(1);
      if (failure !== undefined) metrics.cell("failures", failure.kind).add(1);
    },
    ended(session, ending, failure, reason) {
      const { protocol } = session.listener;
      metrics.cell("open_sessions", protocol).add(-1);
      metrics.cell("sessions", protocol, ending).add(1);
      metrics.cell("relayed_bytes", protocol, "in").add(session.bytesIn);
      metrics.cell("relayed_bytes", protocol, "out").add(session.bytesOut);
      writeSession(logger, sessionRecord(session, { ending, failure, reason, at: clock.now() }));
    },
  };
}
