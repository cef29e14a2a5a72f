// Shows the gateway running: two small mailbox servers, the gateway in front, and what to type. Ctrl-C, SIGTERM and a
// closed terminal end it and leave nothing behind: no process, no file.

import { once } from "node:events";
import { startTrial } from "./lib/trial.ts";
import { whatToType } from "./lib/trial-files.ts";

async function main(): Promise<void> {
  // Before anything is made that would have to go again; a second Ctrl-C must not cut the clean-up short.
  const told = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => resolve());
  });
  process.stdout.on("error", () => {}); // A closed terminal takes no more words; the clean-up goes on.
  await using cleanup = new AsyncDisposableStack();
  const show = async (): Promise<void> => {
    const { folder, ports, gateway } = await startTrial(cleanup, { print: (line) => console.log(line) });
    console.log(whatToType(folder, ports));
    await once(gateway, "exit");
    throw new Error("The gateway ended by itself; its last words are above");
  };
  await Promise.race([told, show()]);
  console.log("\nEnding …");
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
process.exit(); // A start that was interrupted may still hold something open.
