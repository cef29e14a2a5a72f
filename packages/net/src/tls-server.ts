// TLS towards clients: certificates by SNI, ALPN, session tickets that all workers read, optional client certificates.
// A TlsServer is made from certificates and replaced as a whole when they change; running sessions keep what they have.
// Throws Failure tls-handshake or tls-client-certificate. RFC 8446, 6066 (SNI), 7301 (ALPN), 5077 (tickets).

import type { Socket } from "node:net";
import { createSecureContext, TLSSocket, type SecureContext, type SecureVersion } from "node:tls";
import { Failure, type ClientCertificate, type TlsFacts } from "@postern/contracts";

/** Modern suites: forward secret, authenticated; ECDSA and RSA. TLS 1.3's own three come first. */
export const CIPHERS = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

export interface ServerCertificate {
  /** PEM, leaf first. */
  readonly cert: string;
  readonly key: string;
  /** Lower-case DNS names and IPs; "*.example.com" matches one label. */
  readonly names: readonly string[];
}

export interface TlsServerOptions {
  /** The first is the default. */
  readonly certificates: readonly ServerCertificate[];
  readonly minVersion: SecureVersion;
  readonly ciphers: string | undefined;
  /** PEM of the authorities for client certificates. */
  readonly clientCa: string | undefined;
  /** 48 bytes, the same on all workers and nodes. */
  readonly ticketKeys: Buffer;
}

export type ClientCertificatePolicy = "none" | "request" | "require";

export class TlsServer {
  readonly #byName = new Map<string, SecureContext>();
  readonly #fallback: SecureContext;

  constructor(options: TlsServerOptions) {
    const contexts = options.certificates.map((certificate) => contextOf(certificate, options));
    const [first] = contexts;
    if (first === undefined) throw new Error("A TLS server needs a certificate");
    this.#fallback = first;
    if (contexts.length === 1) return;
    options.certificates.forEach(({ names }, index) => {
      for (const name of names) if (!this.#byName.has(name)) this.#byName.set(name, contexts[index] ?? first);
    });
  }

  /** The context for an SNI name: the exact name, then a wildcard of one label, then the first certificate. */
  contextFor(serverName: string): SecureContext {
    const name = serverName.toLowerCase().replace(/\.$/, "");
    return this.#byName.get(name) ?? this.#byName.get(`*${name.slice(name.indexOf("."))}`) ?? this.#fallback;
  }

  /**
   * Does the handshake as the server and resolves with the secured socket, still paused.
   * A client whose ALPN offer has none of `alpn` is refused by an alert.
   */
  secure(raw: Socket, alpn: readonly string[], policy: ClientCertificatePolicy): Promise<TLSSocket> {
    const secured = new TLSSocket(raw, {
      isServer: true,
      secureContext: this.#fallback,
      // One certificate needs no choice, and the callback costs time and memory in every handshake.
      ...(this.#byName.size > 0 && { SNICallback: this.#sni }),
      ALPNProtocols: [...alpn],
      requestCert: policy !== "none",
      rejectUnauthorized: false,
    });
    return handshake(secured, raw).then(() => {
      if (policy === "require" && verifyResult(secured) !== "SUCCESS") {
        secured.destroy();
        throw new Failure("tls-client-certificate", `Client certificate: ${verifyResult(secured)}`);
      }
      return secured;
    });
  }

  readonly #sni = (serverName: string, done: (error: Error | null, context?: SecureContext) => void): void => {
    done(null, this.contextFor(serverName));
  };
}

function contextOf(certificate: ServerCertificate, options: TlsServerOptions): SecureContext {
  return createSecureContext({
    cert: certificate.cert,
    key: certificate.key,
    minVersion: options.minVersion,
    ciphers: options.ciphers ?? CIPHERS,
    honorCipherOrder: true,
    ecdhCurve: "X25519MLKEM768:X25519:P-256:P-384",
    sessionIdContext: "postern",
    ticketKeys: options.ticketKeys,
    ...(options.clientCa !== undefined && { ca: options.clientCa }),
  });
}

/** Resolves when the handshake is over; the socket is then paused. Failure: tls-handshake. */
function handshake(secured: TLSSocket, raw: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      secured.off("secure", onSecure);
      secured.off("error", onError);
      secured.off("end", onClose);
      secured.off("close", onClose);
    };
    const onSecure = (): void => {
      settle();
      resolve();
    };
    const onError = (error: Error): void => {
      settle();
      secured.on("error", () => {});
      secured.destroy();
      raw.destroy();
      reject(new Failure("tls-handshake", `TLS handshake: ${handshakeReason(error)}`, { cause: error }));
    };
    const onClose = (): void => onError(new Error("the client closed the connection"));
    secured.on("secure", onSecure);
    secured.on("error", onError);
    // The sockets are half-open: a FIN alone does not close them.
    secured.on("end", onClose);
    secured.on("close", onClose);
  });
}

/** OpenSSL's reason without its file names and numbers. */
function handshakeReason(error: Error & { reason?: string }): string {
  return error.reason ?? error.message;
}

interface VerifyHandle {
  readonly _handle?: { verifyError?: () => { code?: string; message: string } | null };
}

/**
 * "SUCCESS", "NONE" (no certificate) or "FAILED:reason". tls.Server sets `authorized` from this same call; for a
 * TLSSocket made by hand it has to be asked for. When it cannot be asked, nobody is let in.
 */
function verifyResult(secured: TLSSocket): string {
  const certificate = secured.getPeerX509Certificate();
  if (certificate === undefined) return "NONE";
  const handle = (secured as unknown as VerifyHandle)._handle;
  if (handle?.verifyError === undefined) return "FAILED:unknown";
  const error = handle.verifyError();
  return error ? `FAILED:${error.code ?? error.message}` : "SUCCESS";
}

/** What is known of a finished handshake. */
export function tlsFacts(secured: TLSSocket, policy: ClientCertificatePolicy): TlsFacts {
  return {
    version: secured.getProtocol() ?? "unknown",
    cipher: secured.getCipher().standardName,
    serverName: (secured as unknown as { servername?: string | false }).servername || undefined,
    alpn: secured.alpnProtocol || undefined,
    resumed: secured.isSessionReused(),
    clientCertificate: policy === "none" ? undefined : clientCertificate(secured),
  };
}

function clientCertificate(secured: TLSSocket): ClientCertificate | undefined {
  const certificate = secured.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  return {
    verify: verifyResult(secured),
    subject: distinguishedName(certificate.subject),
    issuer: distinguishedName(certificate.issuer),
    serial: certificate.serialNumber,
    fingerprint: certificate.fingerprint.replaceAll(":", "").toLowerCase(),
    pem: certificate.toString(),
  };
}

/** Node's "C=DE\nO=Example\nCN=x", whose values are escaped already, as RFC 2253 writes it: last first, commas. */
const distinguishedName = (lines: string | undefined): string => (lines ?? "").split("\n").toReversed().join(",");
