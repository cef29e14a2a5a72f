// Where log lines go: stdout, stderr, or a file that can be opened anew. A file is written line by line in append mode, at
// once: lines of several workers do not mix, nothing waits in memory, and a crash loses nothing. A log that cannot be
// written never stops the gateway: the first such error is told on stderr, then again after the next good line.
// Opening a file throws the system's error (ENOENT, EACCES …).

import { closeSync, openSync, writeSync } from "node:fs";
import type { Writable } from "node:stream";

export interface Destination {
  /** One line, without its line end. */
  write(line: string): void;
  /** Opens the file anew, by its name; nothing for a stream. Throws when it cannot; then the old one stays. */
  reopen(): void;
  close(): void;
}

function streamDestination(stream: Writable): Destination {
  // Whoever reads the log may go away (EPIPE): there is nobody left to tell.
  const ignore = (): void => {};
  stream.on("error", ignore);
  return {
    write: (line) => void stream.write(`${line}\n`),
    reopen() {},
    close: () => void stream.off("error", ignore),
  };
}

// Readable by the gateway's user and group alone: lines name users and their addresses.
const open = (path: string): number => openSync(path, "a", 0o640);

function fileDestination(path: string): Destination {
  let file = open(path);
  let isBroken = false;
  return {
    write(line) {
      try {
        writeSync(file, `${line}\n`);
        isBroken = false;
      } catch (error) {
        if (!isBroken) process.stderr.write(`postern: the log ${path} cannot be written: ${String(error)}\n`);
        isBroken = true;
      }
    },
    reopen() {
      const fresh = open(path);
      closeSync(file);
      file = fresh;
    },
    close: () => closeSync(file),
  };
}

/** "stdout", "stderr", or a file by its absolute path. */
export function openDestination(name: string): Destination {
  if (name === "stdout") return streamDestination(process.stdout);
  if (name === "stderr") return streamDestination(process.stderr);
  return fileDestination(name);
}
