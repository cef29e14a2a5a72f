// smtp-server's server, which never listens: the gateway's own listeners bring the clients. Its logger, its look-ups, its TLS
// and its table of commands are not used.

import type { Socket } from "node:net";
import type { HostDoors, Session } from "@postern/contracts";
import { SMTPServer } from "smtp-server";
import { ClientConnection } from "./connection.ts";
import type { WireHouse } from "./talker.ts";

export class FrontServer extends SMTPServer {
  constructor(hostname: string) {
    super({ name: hostname, logger: false, hideSTARTTLS: true, disableReverseLookup: true, authOptional: true });
  }

  /** Takes a client over. Nothing is said or read before ClientConnection.start. */
  take(socket: Socket, session: Session, doors: HostDoors, house: WireHouse): ClientConnection {
    const connection = new ClientConnection(this, socket, session, doors, house);
    this.connections.add(connection);
    return connection;
  }
}
