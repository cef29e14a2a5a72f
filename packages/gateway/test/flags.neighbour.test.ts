// The README's one line: flags alone make a working gateway.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createMailboxServer, freePorts } from "@postern/testing";
import test from "ava";
import { ImapFlow } from "imapflow";
import { POSTERN } from "./gateway-process.ts";

test("flags: serve --self-signed --imaps --backend --route is a working gateway", async (t) => {
  const mailboxes = createMailboxServer({ name: "mbx1", users: { alice: { password: "wonderland", messages: [] } } });
  const { imap } = await mailboxes.listen();
  const [port = 0] = await freePorts(1);
  const args = [
    "serve",
    "--self-signed",
    "--imaps",
    `127.0.0.1:${port}`,
    "--backend",
    `mbx1=imap://127.0.0.1:${imap}`,
    "--route",
    "*=mbx1",
  ];
  const gateway = spawn(POSTERN, args, { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(gateway, "exit");
  try {
    const [line] = (await once(gateway.stdout, "data")) as [Buffer];
    t.is(line.toString(), `imap 127.0.0.1:${port} (TLS)\n`);
    const client = new ImapFlow({
      host: "127.0.0.1",
      port,
      secure: true,
      auth: { user: "alice", pass: "wonderland" },
      tls: { rejectUnauthorized: false },
      logger: false,
    });
    await client.connect();
    await client.logout();
  } finally {
    gateway.kill("SIGTERM");
    const [code] = (await ended) as [number | null];
    t.is(code, 0);
    await mailboxes.close();
  }
});
