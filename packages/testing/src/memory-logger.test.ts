import test from "ava";
import { Secret } from "@postern/contracts";
import { createMemoryLogger } from "./index.ts";

test("memory logger: keeps level, message and fields in order", (t) => {
  const logger = createMemoryLogger();
  logger.info("one", { user: "alice" });
  logger.warn("two");
  t.deepEqual(logger.messages("info"), ["one"]);
  t.deepEqual(
    logger.records.map(({ level, fields }) => [level, fields]),
    [
      ["info", { user: "alice" }],
      ["warn", {}],
    ],
  );
});

test("memory logger: its text shows what errors hold, and no Secret", (t) => {
  const logger = createMemoryLogger({ debug: false });
  logger.error("failed", { error: new Error("outer", { cause: new Error("inner words") }), secret: new Secret("hunter2") });
  t.regex(logger.text(), /inner words/);
  t.notRegex(logger.text(), /hunter2/);
  t.false(logger.isDebug());
});
