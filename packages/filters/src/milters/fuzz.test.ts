import test from "ava";
import * as fc from "fast-check";
import { applyEdits, parseHeader } from "@postern/message";
import { createFakeClock } from "@postern/testing";
import { duringTime, HEADER, testMail } from "../test/scanners.ts";
import { CONTINUE, fakeMilter, milterFilter, reply, talk, u32 } from "./test/fixtures.ts";

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const text = fc.oneof(
  fc.string().map((words) => Buffer.from(`${words}\0`)),
  bytes,
);
const letter = fc.constantFrom(..."+-24Oabcdefhilmpqrstyx".split(""));
const packet = fc.oneof(
  fc.tuple(letter, fc.array(text, { maxLength: 3 })).map(([name, parts]) => reply(name, ...parts)),
  fc.tuple(fc.constantFrom("i", "m"), fc.nat(), text, text).map(([name, index, ...parts]) => reply(name, u32(index), ...parts)),
  bytes,
);

test("whatever a milter says at any step, there is an answer, and what it changes can be written", async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("O", "C", "H", "M", "R", "T", "L", "N", "B", "E"),
      fc.array(packet, { minLength: 1, maxLength: 5 }),
      async (step, packets) => {
        const clock = createFakeClock();
        const said = Buffer.concat([...packets, CONTINUE]);
        const milter = await fakeMilter(t, step === "O" ? { negotiate: said } : { on: { [step]: () => said } });
        const { filter } = milterFilter(milter, {}, clock);
        const mail = testMail();
        const { answer } = await duringTime(clock, 3000, talk(filter, mail));
        applyEdits(parseHeader(Buffer.from(HEADER)), mail.edits);
        const lines = answer?.action === "stop" ? answer.reply.lines : [];
        // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
        const clean = [...lines, ...mail.added].every((line) => !/[\x00-\x1f\x7f]/.test(line));
        filter.left?.(mail.visit);
        await milter.stop();
        return clean && (answer?.action !== "stop" || /^[45]\d\d$/.test(String(answer.reply.code)));
      },
    ),
    { numRuns: 150 },
  );
  t.pass();
});
