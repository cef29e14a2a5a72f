import test from "ava";
import type { HeaderEdit } from "@postern/contracts";
import { testMail } from "../test/scanners.ts";
import { CONTINUE, fakeMilter, milterFilter, reply, talk, u32 } from "./test/fixtures.ts";

const CHANGES: readonly (readonly [what: string, sent: Buffer, edits: readonly HeaderEdit[]])[] = [
  ["add", reply("h", "X-A\0", "1\0"), [{ do: "append", name: "X-A", value: "1" }]],
  ["insert at the top", reply("i", u32(0), "X-A\0", " 1\0"), [{ do: "prepend", name: "X-A", value: "1" }]],
  ["insert below", reply("i", u32(7), "X-A\0", "1\0"), [{ do: "append", name: "X-A", value: "1" }]],
  ["replace", reply("m", u32(2), "Subject\0", "x\0"), [{ do: "replace", name: "Subject", nth: 2, value: "x" }]],
  ["remove", reply("m", u32(3), "X-A\0", "\0"), [{ do: "remove", name: "X-A", nth: 3 }]],
  ["index 0", reply("m", u32(0), "X-A\0", "\0"), [{ do: "remove", name: "X-A", nth: 1 }]],
  ["folded value", reply("h", "X-A\0", "a;\n\tb;\r\n c\0"), [{ do: "append", name: "X-A", value: "a; b; c" }]],
  [
    "injected field",
    reply("h", "X-A\0", "a\r\nX-Evil: 1\r\n\r\nbody\0"),
    [{ do: "append", name: "X-A", value: "a X-Evil: 1 body" }],
  ],
];

for (const [what, sent, edits] of CHANGES) {
  test(`a change of the header is made: ${what}`, async (t) => {
    const milter = await fakeMilter(t, { on: { E: () => Buffer.concat([sent, CONTINUE]) } });
    const mail = testMail();
    t.is((await talk(milterFilter(milter).filter, mail)).answer, undefined);
    t.deepEqual(mail.edits, edits);
  });
}

test("recipients are added once", async (t) => {
  const sent = ["<c@example.com>\0", "c@example.com\0", "<bob@example.com>\0"].map((address) => reply("+", address));
  const milter = await fakeMilter(t, { on: { E: () => Buffer.concat([...sent, CONTINUE]) } });
  const mail = testMail();
  t.is((await talk(milterFilter(milter).filter, mail)).answer, undefined);
  t.deepEqual(mail.added, ["c@example.com"]);
});

test("nothing is changed in mail that a milter refuses", async (t) => {
  const milter = await fakeMilter(t, { on: { E: () => Buffer.concat([reply("h", "X-A\0", "1\0"), reply("r")]) } });
  const mail = testMail();
  t.like((await talk(milterFilter(milter).filter, mail)).answer, { reply: { code: 550 } });
  t.deepEqual(mail.edits, []);
});

const BAD: Readonly<Record<string, Buffer>> = {
  "another body": reply("b", "new body"),
  "another sender": reply("e", "<x@y>\0"),
  "fewer recipients": reply("-", "<bob@example.com>\0"),
  quarantine: reply("q", "why\0"),
  "a field without a name": reply("h", "\0", "1\0"),
  "a field whose name ends the field": reply("h", "X-A: 1\r\nX-B\0", "1\0"),
  "a field without an end": reply("h", "X-A\0", "1"),
  "a field without a number": reply("i", "X"),
  "a recipient that is two": reply("+", "<a@b> <c@d>\0"),
  "a recipient with a line end": reply("+", "a@b\r\nRCPT TO:<x@y>\0"),
  "an empty recipient": reply("+", "<>\0"),
  "too many changes": Buffer.concat(Array.from({ length: 1001 }, () => reply("h", "X-A\0", "1\0"))),
};

for (const [what, sent] of Object.entries(BAD)) {
  test(`a change that is not done here, or cannot be, changes nothing and is not silence: ${what}`, async (t) => {
    const good = reply("h", "X-Good\0", "1\0");
    const milter = await fakeMilter(t, { on: { E: () => Buffer.concat([good, sent, CONTINUE]) } });
    const { filter, services } = milterFilter(milter);
    const mail = testMail();
    t.like((await talk(filter, mail)).answer, { reply: { code: 451 } });
    t.deepEqual([mail.edits, mail.added], [[], []]);
    t.is(services.logger.messages("warn").length, 1);
  });
}

test("changes that were not agreed upon are a failure", async (t) => {
  const milter = await fakeMilter(t, {
    actions: 0x01,
    on: { E: () => Buffer.concat([reply("m", u32(1), "To\0", "\0"), CONTINUE]) },
  });
  const { filter, services } = milterFilter(milter);
  t.like((await talk(filter, testMail())).answer, { reply: { code: 451 } });
  t.regex(services.logger.messages("warn")[0] ?? "", /changeField, which was not agreed upon/);
});

test("who cannot change the message does not hold it", async (t) => {
  for (const [actions, holds] of [
    [0, false],
    [0x100, false],
    [0x01, true],
    [0x04, true],
    [0x10, true],
  ] as const) {
    const { filter } = milterFilter(await fakeMilter(t, { actions }));
    const mail = testMail();
    await filter.sender?.(mail);
    t.is(filter.scan?.(mail)?.holds, holds);
  }
});
