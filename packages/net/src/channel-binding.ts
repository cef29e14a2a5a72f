// What binds an authentication exchange to its TLS channel, so that nobody in between can pass it on: the exporter value
// of TLS 1.3 (RFC 9266) and the hash of our certificate (RFC 5929 section 4). Never throws.

import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { ChannelBindingType } from "@postern/contracts";

const EXPORTER_LABEL = "EXPORTER-Channel-Binding";
const EXPORTER_BYTES = 32;

/** The value for a server's socket; undefined without TLS, and for the exporter below TLS 1.3, where it proves less. */
export function channelBinding(socket: Socket, type: ChannelBindingType): Buffer | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  if (type === "tls-server-end-point") return endPoint(socket);
  return socket.getProtocol() === "TLSv1.3"
    ? socket.exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, Buffer.alloc(0))
    : undefined;
}

/** The certificate's own hash; SHA-256 in place of MD5 and SHA-1. */
function endPoint(socket: TLSSocket): Buffer | undefined {
  const certificate = socket.getX509Certificate();
  if (certificate === undefined) return undefined;
  const strong = /sha-?(384|512)/i.exec(certificate.signatureAlgorithm ?? "")?.[1];
  return createHash(`sha${strong ?? "256"}`)
    .update(certificate.raw)
    .digest();
}
