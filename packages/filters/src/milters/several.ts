// Several scans of one message, as one: all see the bytes; at the end they are asked one after the other, so that what they change
// keeps their order. Never throws.

import type { ContentScan } from "@postern/contracts";

export const severalScans = (scans: readonly ContentScan[]): ContentScan => ({
  holds: scans.some(({ holds }) => holds),
  write(chunk) {
    const waits = scans.map((scan) => scan.write(chunk)).filter((wait) => wait instanceof Promise);
    return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
  },
  async end() {
    for (const [at, scan] of scans.entries()) {
      const answer = await scan.end();
      if (answer === undefined) continue;
      for (const other of scans.slice(at + 1)) other.abort();
      return answer;
    }
    return undefined;
  },
  abort() {
    for (const scan of scans) scan.abort();
  },
});
