// Takes a client over behind TLS: HTTP/2 where both agreed upon it there, otherwise HTTP/1.1.

import type { Socket } from "node:net";
import type { Hosted, HostDoors, Session } from "@postern/contracts";
import { Http1Client } from "./http1.ts";
import { Http2Client } from "./http2.ts";
import type { FrontHouse } from "./house.ts";

/** `socket`: paused, behind PROXY header and TLS. */
export function openFront(socket: Socket, session: Session, doors: HostDoors, house: FrontHouse): Hosted {
  const isHttp2 = session.tls?.alpn === "h2" && !socket.destroyed;
  return isHttp2 ? new Http2Client(socket, session, house) : new Http1Client(socket, session, doors, house);
}
