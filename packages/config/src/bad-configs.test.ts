// Every folder of bad-configs holds a wrong postern.yaml and the exact lines that the loader must give for it.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { fakeMailParts, fakeParts, fakeWebParts } from "./fake-parts.ts";
import { loadConfig } from "./load.ts";

const folder = join(import.meta.dirname, "../bad-configs");
const cases = readdirSync(folder).filter((name) => /^\d\d-/.test(name));

test("bad configs: there are at least thirty", (t) => {
  t.true(cases.length >= 30);
});

for (const name of cases) {
  test(`bad configs: ${name} is refused with the expected lines`, (t) => {
    const parts = name.includes("-mail-") ? fakeMailParts : name.includes("-web-") ? fakeWebParts : fakeParts;
    const result = loadConfig({ file: join(folder, name, "postern.yaml"), parts });
    const lines = "problems" in result ? result.problems : ["nothing was found"];
    const told = lines.map((line) => line.replaceAll(`${join(folder, name)}/`, "").replaceAll(`${folder}/`, ""));
    t.is(`${told.join("\n")}\n`, readFileSync(join(folder, name, "expected"), "utf8"));
  });
}
