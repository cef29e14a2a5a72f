// The fake web server behind the proxies: small answers, large ones, uploads that are counted, and polls that are held for ever.
// usage: backend.ts PORT

import { createServer } from "node:http";

const SMALL = Buffer.alloc(1024, "x");
const LARGE = Buffer.alloc(256 * 1024, "x");

const server = createServer((request, response) => {
  const url = request.url ?? "/";
  if (url.startsWith("/hold")) return;
  if (url.startsWith("/large")) {
    let left = Number(url.split("?")[1] ?? 0);
    response.writeHead(200, { "Content-Type": "application/octet-stream", "Content-Length": left });
    const more = (): void => {
      while (left > 0) {
        const piece = LARGE.subarray(0, Math.min(left, LARGE.length));
        left -= piece.length;
        if (!response.write(piece)) return void response.once("drain", more);
      }
      response.end();
    };
    more();
    return;
  }
  let taken = 0;
  request.on("data", (chunk: Buffer) => (taken += chunk.length));
  request.on("end", () => {
    if (request.method !== "PUT") response.end(SMALL);
    else response.end(String(taken));
  });
});
server.keepAliveTimeout = 3_600_000;
server.requestTimeout = 0;
server.listen(Number(process.argv[2]), "127.0.0.1", 4096);
