// Log rotation: opens the log file anew after it was renamed. Never throws: when the file cannot be opened, lines go on to
// the old one, and say so.

import type { ReopeningLogger } from "@postern/telemetry";

export function reopenLog(logger: ReopeningLogger): void {
  try {
    logger.reopen();
  } catch (error) {
    logger.error("log file not reopened, the old one goes on", {
      reason: error instanceof Error ? error.message : String(error),
    });
  }
}
