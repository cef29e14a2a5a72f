import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { checkUnits } from "./check-units.ts";

async function problems(t: ExecutionContext, name: string, text: string): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "postern-bad-units-"));
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, name), text);
  return checkUnits(folder);
}

test("units: finds a service that is wide open", async (t) => {
  const found = await problems(t, "open.service", "[Service]\nExecStart=/opt/postern/bin/postern serve\n");
  t.is(found.length, 1);
  t.regex(found[0]!, /^systemd-analyze security: .*Overall exposure level for open\.service: 9/s);
});

test("units: finds a key that systemd does not know", async (t) => {
  const found = await problems(t, "odd.socket", "[Socket]\nListenStream=993\nService=postern.service\nListenAlso=995\n");
  t.regex(found.join("\n"), /Unknown key 'ListenAlso'/);
});

test("units: a folder without units is no success", async (t) => {
  const found = await problems(t, "readme.txt", "");
  t.regex(found.join("\n"), /has no units/);
});
