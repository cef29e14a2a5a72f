// XCLIENT (Dovecot's): a gateway in front tells a POP3 server where the client really is. Ours is sent to backends that
// greet with [XCLIENT]; a client's is believed about addresses only from trusted peers. TTL counts down at every gateway
// and stops two that point at each other. Failure: syntax, route-loop.

import { Failure, type Session } from "@postern/contracts";
import { reportedAddress, takeTtl, ttlFor } from "@postern/core";

/** Takes what a gateway in front says. */
export function learnFromXclient(args: string, session: Session): void {
  const fields = new Map<string, string>();
  for (const word of args.split(" ").filter((part) => part !== "")) {
    const match = /^([A-Za-z]{1,20})=([\u0021-\u007e]{0,512})$/.exec(word);
    if (match === null) throw new Failure("syntax", "XCLIENT takes NAME=value words");
    fields.set((match[1] ?? "").toUpperCase(), match[2] ?? "");
  }
  takeTtl(session, fields.get("TTL"));
  session.client = reportedAddress(session, fields.get("ADDR"), fields.get("PORT")) ?? session.client;
}

/** The command for the backend. Failure: route-loop. */
export function xclientLine(session: Session): string {
  const address = session.client.host === "" ? "" : ` ADDR=${session.client.host} PORT=${session.client.port}`;
  return `XCLIENT${address} SESSION=${session.id} TTL=${ttlFor(session)}\r\n`;
}
