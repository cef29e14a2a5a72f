import test from "ava";
import { logContradictions, logSettings } from "./settings.ts";

test("log settings: a destination is a stream or an absolute path", (t) => {
  const { parse } = logSettings.fields.destination;
  for (const good of ["stdout", "stderr", "/var/log/postern.log"]) t.deepEqual(parse(good), { value: good });
  for (const bad of ["log", "./log", "", "/a\nb", 5]) t.true("problem" in parse(bad), String(bad));
});

test("log settings: traced users need a directory", (t) => {
  const log = { level: "info", format: "text", destination: "stderr", timestamps: true } as const;
  const trace = { users: ["alice"], directory: undefined, maxSize: 1, maxSessions: 1 };
  t.deepEqual(logContradictions({ ...log, trace: { ...trace, users: [] } }), []);
  t.deepEqual(logContradictions({ ...log, trace: { ...trace, directory: "/t" } }), []);
  t.is(logContradictions({ ...log, trace })[0]?.key, "trace.directory");
});
