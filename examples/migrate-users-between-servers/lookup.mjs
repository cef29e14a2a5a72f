// A look-up server for the migration: who is named in moved.txt is on the new servers, who is named in holding.txt is being
// moved and has to wait, everybody else of example.com is still on the old one. Both files are read at each question.
// Usage: node lookup.mjs [PORT]

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";

const names = async (file) => (await readFile(join(import.meta.dirname, file), "utf8")).split("\n");

/** Status and body, as docs/routing.md has them. */
async function answer({ user }) {
  if ((await names("holding.txt")).includes(user))
    return [403, { text: "Your mailbox is being moved, try again in ten minutes", wait: 2 }];
  if ((await names("moved.txt")).includes(user)) return [200, { backends: ["new1", "new2"] }];
  return user.endsWith("@example.com") ? [200, { backend: "old" }] : [404, {}];
}

async function bodyOf(request) {
  const chunks = await Array.fromAsync(request);
  return JSON.parse(Buffer.concat(chunks).toString());
}

async function serve(request, response) {
  const [status, body] = await bodyOf(request)
    .then(answer)
    .catch(() => [500, {}]);
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}

const server = createServer((request, response) => void serve(request, response));
server.listen(Number(process.argv[2] ?? 9000), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/route`));
