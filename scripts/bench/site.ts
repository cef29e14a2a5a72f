// What all proxies share in one run: a temporary folder, one ECDSA P-256 certificate, the fake backend and the auth_http server
// that nginx asks. Everything is stopped by its process id and the folder is removed.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { authServer } from "./peers.ts";
import { LOAD_CORE, portOpen, startPinned, stop, stopAll } from "./processes.ts";
import type { Program } from "./processes.ts";

export interface Site {
  readonly folder: string;
  /** PEM files: certificate, key, and both in one. */
  readonly cert: string;
  readonly key: string;
  readonly both: string;
  readonly ca: Buffer;
  readonly plainPort: number;
  readonly tlsPort: number;
  readonly authPort: number;
  freePort(): Promise<number>;
  close(): Promise<void>;
}

/** A port of 127.0.0.1 that nobody listens on. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function makeCertificate(folder: string): { cert: string; key: string; both: string } {
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem"), both: join(folder, "both.pem") };
  const subject = ["-subj", "/CN=bench.test", "-addext", "subjectAltName=DNS:bench.test,IP:127.0.0.1"];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  execFileSync("openssl", ["req", "-x509", ...curve, ...subject, "-keyout", files.key, "-out", files.cert], { stdio: "ignore" });
  writeFileSync(files.both, readFileSync(files.cert, "utf8") + readFileSync(files.key, "utf8"), { mode: 0o600 });
  return files;
}

/** Starts what all proxies need. */
export async function openSite(): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), "postern-bench-"));
  const programs: Program[] = [];
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      stopAll();
      rmSync(folder, { recursive: true, force: true });
      process.exit(1);
    });
  }
  const close = async (): Promise<void> => {
    for (const program of programs) await stop(program);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const files = makeCertificate(folder);
    const [plainPort, tlsPort, authPort] = [await freePort(), await freePort(), await freePort()];
    const start = async (command: readonly string[], name: string, port: number): Promise<void> => {
      const program = startPinned(LOAD_CORE, command, join(folder, `${name}.log`));
      programs.push(program);
      await portOpen(program, port);
    };
    const backend = join(import.meta.dirname, "backend.ts");
    await start([process.execPath, backend, String(plainPort), String(tlsPort), files.cert, files.key], "backend", tlsPort);
    const authFolder = join(folder, "auth");
    mkdirSync(authFolder);
    await start(authServer(authFolder, authPort, plainPort).command, "auth", authPort);
    return { folder, ...files, ca: readFileSync(files.cert), plainPort, tlsPort, authPort, freePort, close };
  } catch (error) {
    await close();
    throw error;
  }
}
