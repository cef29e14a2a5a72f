import test, { type ExecutionContext } from "ava";
import type { Clock, ValueOf } from "@postern/contracts";
import { parseHeader } from "@postern/message";
import { createFakeClock, type ScriptedPeer } from "@postern/testing";
import { clamav } from "./clamav.ts";
import { parseScannerAddress } from "./scanner-address.ts";
import {
  duringTime,
  scanOf,
  serveScanner,
  show,
  testMail,
  testServices,
  testVisit,
  type ScannerServer,
} from "./test/scanners.ts";

type Values = ValueOf<typeof clamav.settings>;
const MESSAGE = "Subject: x\r\n\r\nbody\r\n";

function addressed(...written: string[]): Values["address"] {
  return written.map((one) => {
    const parsed = parseScannerAddress(one);
    if ("problem" in parsed) throw new Error(parsed.problem);
    return parsed.value;
  });
}

function built(values: Partial<Values> & Pick<Values, "address">, clock?: Clock) {
  const services = testServices(clock);
  const settings: Values = {
    timeout: 5000,
    atOnce: 2,
    maxSize: 1024 * 1024,
    onFailure: "defer",
    onLarge: "accept",
    action: "refuse",
    score: 20,
    ...values,
  };
  return { filter: clamav.build(settings, services), services };
}

/** Reads the command and all chunks; the message. */
async function received(peer: ScriptedPeer): Promise<Buffer> {
  const command = (await peer.bytes(10, "zINSTREAM")).toString("latin1");
  if (command !== "zINSTREAM\0") throw new Error(`not the command: ${command}`);
  const chunks: Buffer[] = [];
  for (let chunk = 0; chunk < 10_000; chunk += 1) {
    const length = (await peer.bytes(4, "a length")).readUInt32BE();
    if (length === 0) return Buffer.concat(chunks);
    chunks.push(await peer.bytes(length, "a chunk"));
  }
  throw new Error("too many chunks");
}

async function server(t: ExecutionContext, answer: string, seen: Buffer[] = []): Promise<ScannerServer> {
  const clamd = await serveScanner(async (peer) => {
    seen.push(await received(peer));
    peer.write(Buffer.from(answer, "latin1"));
    peer.end();
  });
  t.teardown(() => clamd.stop());
  return clamd;
}

test("without an address it is off", (t) => {
  t.is(built({ address: [] }).filter, undefined);
});

test("a clean message passes, and clamd has seen every byte of it", async (t) => {
  const seen: Buffer[] = [];
  const clamd = await server(t, "stream: OK\0", seen);
  const { filter, services } = built({ address: addressed(clamd.address) });
  const mail = testMail();
  const large = Buffer.alloc(500_000, "abc\r\n");
  t.is(await show(scanOf(filter, mail), MESSAGE), undefined);
  t.is(await show(scanOf(filter, mail), large), undefined);
  t.deepEqual(seen[0]?.toString(), MESSAGE);
  t.true(seen[1]?.equals(large));
  t.deepEqual(mail.findings, []);
  t.deepEqual(services.logger.messages("warn"), []);
});

test("a message with a virus is refused; the signature's name is cleaned", async (t) => {
  const clamd = await server(t, "stream: Win.Test \r\n250 ok\u0007 FOUND\0");
  const { filter } = built({ address: addressed(clamd.address) });
  const mail = testMail();
  const scan = scanOf(filter, mail);
  t.false(scan.holds);
  t.deepEqual(await show(scan, MESSAGE), {
    action: "stop",
    reply: { code: 554, status: "5.7.1", lines: ["The message contains malware: Win.Test_250_ok"] },
  });
  t.deepEqual(mail.findings, [{ symbol: "CLAMAV_VIRUS", score: 20, text: "Win.Test_250_ok" }]);
});

test("a virus is tagged, or only counted, where the settings say so", async (t) => {
  const clamd = await server(t, "stream: Eicar FOUND\0");
  const address = addressed(clamd.address);
  const tagged = testMail();
  const scan = scanOf(built({ address, action: "tag" }).filter, tagged);
  t.true(scan.holds);
  t.is(await show(scan, MESSAGE), undefined);
  t.deepEqual(tagged.edits, [{ do: "prepend", name: "X-Virus", value: "Eicar" }]);
  const scored = testMail();
  t.is(await show(scanOf(built({ address, action: "score" }).filter, scored), MESSAGE), undefined);
  t.deepEqual([scored.edits.length, scored.findings[0]?.score], [0, 20]);
});

const TROUBLE: Readonly<Record<string, (peer: ScriptedPeer) => Promise<void> | void>> = {
  "hangs up at once": (peer) => peer.destroy(),
  "hangs up behind the command": async (peer) => {
    await peer.bytes(10, "the command");
    peer.destroy();
  },
  "hangs up behind the message": async (peer) => {
    await received(peer);
    peer.destroy();
  },
  "hangs up within its answer": async (peer) => {
    await received(peer);
    peer.write(Buffer.from("stream: O"));
    peer.end();
  },
  "answers with an error": async (peer) => {
    await received(peer);
    peer.write(Buffer.from("INSTREAM: Can't write to temporary file. ERROR\0"));
  },
  "talks nonsense without end": async (peer) => {
    await received(peer);
    peer.write(Buffer.alloc(20_000, "x"));
  },
};

for (const [what, script] of Object.entries(TROUBLE)) {
  for (const [kind, size] of [
    ["small", 100],
    ["large", 300_000],
  ] as const) {
    test(`a clamd that ${what} is not silence: a ${kind} message`, async (t) => {
      const clamd = await serveScanner(script);
      t.teardown(() => clamd.stop());
      const address = addressed(clamd.address);
      const message = Buffer.alloc(size, "abc\r\n");
      const deferring = built({ address });
      const mail = testMail();
      const answer = await show(scanOf(deferring.filter, mail), message);
      t.like(answer, { action: "stop", reply: { code: 451, status: "4.7.1" } });
      t.deepEqual(
        mail.findings.map(({ symbol, score }) => [symbol, score]),
        [["CLAMAV_DOWN", 0]],
      );
      t.is(deferring.services.logger.messages("warn").length, 1);
      const accepting = built({ address, onFailure: "accept" });
      t.is(await show(scanOf(accepting.filter, mail), message), undefined);
      t.is(accepting.services.logger.messages("warn").length, 1);
    });
  }
}

test("a clamd that is not there, or says nothing, is down when the time is over", async (t) => {
  let asked = 0;
  const silent = await serveScanner(async (peer) => {
    await received(peer);
    asked += 1;
  });
  t.teardown(() => silent.stop());
  for (const [address, reason] of [
    [silent.address, "did not answer within 5s"],
    ["unix:/nonexistent/clamd", "ENOENT"],
  ] as const) {
    const clock = createFakeClock();
    const { filter, services } = built({ address: addressed(address) }, clock);
    const answer = await duringTime(clock, 1000, show(scanOf(filter, testMail()), MESSAGE), () => asked > 0);
    t.like(answer, { reply: { code: 451 } });
    t.true(services.logger.messages("warn")[0]?.includes(reason), services.logger.text());
  }
});

test("a clamd that takes no bytes stops the sender, and is down when the time is over", async (t) => {
  const clock = createFakeClock();
  const stuck = await serveScanner((_, socket) => void socket.pause());
  t.teardown(() => stuck.stop());
  const { filter, services } = built({ address: addressed(stuck.address), maxSize: 1024 ** 3 }, clock);
  const shown = show(scanOf(filter, testMail()), Buffer.alloc(64 * 1024 ** 2), 1024 ** 2);
  const answer = await duringTime(clock, 1000, shown, () => stuck.connections() > 0);
  t.like(answer, { reply: { code: 451 } });
  t.true(services.logger.messages("warn")[0]?.includes("did not take more bytes within 5s"));
});

test("the next server is asked when one is down, also about a message that has begun", async (t) => {
  const clamd = await server(t, "stream: OK\0");
  const broken = await serveScanner(async (peer) => {
    await received(peer);
    peer.destroy();
  });
  t.teardown(() => broken.stop());
  const { filter, services } = built({ address: addressed("unix:/nonexistent/clamd", broken.address, clamd.address) });
  t.is(await show(scanOf(filter, testMail()), MESSAGE), undefined);
  t.is(await show(scanOf(filter, testMail()), MESSAGE), undefined);
  t.deepEqual([broken.connections(), clamd.connections()], [1, 2]);
  t.deepEqual(services.logger.messages("warn"), []);
});

test("a stranger's X-Virus is taken out where it is ours to write, and only there", (t) => {
  const address = addressed("127.0.0.1:3310");
  for (const [action, name, trusted, edits] of [
    ["tag", "X-Virus", false, [{ do: "remove", name: "X-Virus" }]],
    ["tag", "X-Virus", true, []],
    ["tag", "X-Other", false, []],
    ["refuse", "X-Virus", false, []],
  ] as const) {
    const mail = testMail({ visit: testVisit({ trusted }) }, `${name}: none\r\n`);
    void built({ address, action }).filter?.header?.(mail, parseHeader(Buffer.from(`${name}: none\r\n`)));
    t.deepEqual(mail.edits, [...edits]);
  }
});

test("too large a message is accepted or refused, as the settings say, and the log tells", async (t) => {
  const clamd = await server(t, "stream: OK\0");
  const address = addressed(clamd.address);
  const mail = testMail();
  const accepting = built({ address, maxSize: 100_000 });
  t.is(await show(scanOf(accepting.filter, mail), Buffer.alloc(100_001)), undefined);
  t.deepEqual(
    mail.findings.map(({ symbol }) => symbol),
    ["CLAMAV_TOO_LARGE"],
  );
  t.is(accepting.services.logger.messages("warn").length, 1);
  const refusing = built({ address, maxSize: 100_000, onLarge: "refuse" });
  t.like(await show(scanOf(refusing.filter, mail), Buffer.alloc(100_001)), { reply: { code: 552, status: "5.3.4" } });
});

for (const [when, size] of [
  ["while the message comes", 4 * 1024 ** 2],
  ["behind it", 300],
] as const) {
  test(`clamd's own limit is no failure: ${when}`, async (t) => {
    const clamd = await serveScanner(async (peer) => {
      if (size > 300) await peer.bytes(100_000, "some of it");
      else await received(peer);
      peer.write(Buffer.from("INSTREAM size limit exceeded. ERROR\0"));
      peer.end();
    });
    t.teardown(() => clamd.stop());
    const mail = testMail();
    const { filter } = built({ address: addressed(clamd.address), maxSize: 1024 ** 3 });
    t.is(await show(scanOf(filter, mail), Buffer.alloc(size, 97)), undefined);
    t.deepEqual(
      mail.findings.map(({ symbol, text }) => [symbol, text]),
      [["CLAMAV_TOO_LARGE", "not scanned by clamav: it is larger than clamd's StreamMaxLength"]],
    );
  });
}

test("so many are scanned at once; others wait, and not endlessly", async (t) => {
  const clock = createFakeClock();
  let asked = 0;
  const silent = await serveScanner(async (peer) => {
    await received(peer);
    asked += 1;
  });
  t.teardown(() => silent.stop());
  const { filter, services } = built({ address: addressed(silent.address), atOnce: 2 }, clock);
  const scans = [1, 2, 3].map(() => show(scanOf(filter, testMail()), MESSAGE));
  const answers = await duringTime(clock, 5000, Promise.all(scans), () => asked === 2);
  t.is(answers.filter((answer) => answer?.action === "stop").length, 3);
  t.is(services.logger.messages("warn").filter((line) => line.includes("under its eyes already")).length, 1);
});

test("a place is free again when a scan is aborted", async (t) => {
  const clamd = await serveScanner(async (peer) => {
    // The first one is left in the middle.
    const whole = await received(peer).catch(() => undefined);
    if (whole !== undefined) peer.write(Buffer.from("stream: OK\0"));
  });
  t.teardown(() => clamd.stop());
  const { filter, services } = built({ address: addressed(clamd.address), atOnce: 1 });
  const left = scanOf(filter, testMail());
  await left.write(Buffer.alloc(300_000));
  left.abort();
  t.is(await show(scanOf(filter, testMail()), MESSAGE), undefined);
  t.is(clamd.connections(), 2);
  t.deepEqual(services.logger.messages("warn"), []);
});
