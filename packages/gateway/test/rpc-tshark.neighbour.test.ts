// Every RTS PDU that we write, judged by a reader that we did not write: tshark knows it by its name, and finds nothing amiss.

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import { RTS_PDUS, rtsPdu, type RtsName } from "@postern/rpc-http";

const run = promisify(execFile);
const NAMES = Object.keys(RTS_PDUS) as RtsName[];
const FIELDS = ["dcerpc.pkt_type", "dcerpc.cn_frag_len", "dcerpc.cn_rts_flags", "dcerpc.cn_rts_commands_nb", "_ws.col.Info"];

/** [MS-RPCH] section 2.2.4.43 has NegativeANCE; tshark's table has no PDU of it. */
const UNNAMED: ReadonlySet<string> = new Set<RtsName>(["OUT_R2/B2"]);

const [VC, OWN, OLD, NEXT, GROUP] = ["1", "2", "3", "4", "5"].map((digit) => digit.repeat(32));
const VALUES = {
  connection: VC,
  channel: OWN,
  predecessor: OLD,
  successor: NEXT,
  group: GROUP,
  window: 65_536,
  timeout: 900_000,
  lifetime: 2 ** 30,
  keepAlive: 300_000,
  received: 32_768,
  available: 65_536,
  octets: 1031,
  destination: "out-proxy",
};

interface Judged {
  readonly type: number;
  readonly length: number;
  readonly flags: number;
  readonly commands: number;
  readonly info: string;
}

/** A packet each, from 127.0.0.1:6001. */
async function judge(pdus: readonly Buffer[]): Promise<readonly Judged[]> {
  const folder = await mkdtemp(join(tmpdir(), "postern-tshark-"));
  try {
    const [text, packets] = [join(folder, "pdus.txt"), join(folder, "pdus.pcap")];
    await writeFile(
      text,
      pdus.map((pdu) => `000000 ${[...pdu].map((octet) => octet.toString(16).padStart(2, "0")).join(" ")}\n\n`).join(""),
    );
    await run("text2pcap", ["-q", "-T", "6001,50000", text, packets]);
    const fields = FIELDS.flatMap((field) => ["-e", field]);
    const { stdout } = await run("tshark", ["-r", packets, "-d", "tcp.port==6001,dcerpc", "-T", "fields", ...fields]);
    return stdout
      .trimEnd()
      .split("\n")
      .map((line) => {
        const [type, length, flags, commands, info = ""] = line.split("\t");
        return { type: Number(type), length: Number(length), flags: Number(flags), commands: Number(commands), info };
      });
  } finally {
    await rm(folder, { recursive: true });
  }
}

function pdusFor(client: string): readonly Buffer[] {
  // All values that any PDU asks for.
  return NAMES.map((name) => rtsPdu(name, { ...VALUES, client } as never));
}

for (const client of ["192.0.2.7", "2001:db8::7"])
  test(`tshark knows every RTS PDU by its name: a client at ${client}`, async (t) => {
    const pdus = pdusFor(client);
    const judged = await judge(pdus);
    t.is(judged.length, NAMES.length);
    for (const [index, name] of NAMES.entries()) {
      const { type, length, flags, commands, info = "" } = judged[index] ?? {};
      const row = RTS_PDUS[name];
      t.deepEqual(
        { type, length, flags, commands },
        { type: 20, length: pdus[index]?.length, flags: row.flags, commands: row.commands.length },
        name,
      );
      // Of a PDU without commands tshark 4.0 reads all there is, and then looks for the first command.
      if (row.commands.length === 0) continue;
      t.notRegex(info, /Malformed/i, name);
      const names = info.split(",").map((one) => one.trim());
      if (!UNNAMED.has(name)) t.true(names.includes(name), `${name}: ${info}`);
    }
  });
