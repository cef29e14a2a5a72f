// What every line protocol must do behind the real path, as cases that a protocol's tests register: leaving at any stage,
// words for every failure, no byte lost at the handover, slow and over-long clients, secrets. The dialogues come from a
// ProtocolCase; assertions are node:assert's, so that this package needs no test runner.

import assert from "node:assert/strict";
import { once } from "node:events";
import { Failure, FAILURES, type Attempt, type ClientDialogue, type FailureKind } from "@postern/contracts";
import { createFakeClock } from "./fake-clock.ts";
import { within } from "./protocol-fixtures.ts";
import type { CoreParts } from "./protocol-harness.ts";
import {
  answer,
  client,
  open,
  over,
  PASSWORD,
  writeAll,
  type Client,
  type ProtocolCase,
  type SceneOptions,
} from "./protocol-scene.ts";
import { refuseSecrets } from "./transcript-gateway.ts";

export interface SuiteCase {
  readonly title: string;
  readonly run: () => Promise<void>;
}

/** The cases; `title` begins with the protocol's name. */
export function protocolSuite<R extends { readonly size: number }>(core: CoreParts<R>, given: ProtocolCase): SuiteCase[] {
  const named = (title: string, run: () => Promise<void>): SuiteCase => ({ title: `${given.protocol.name}: ${title}`, run });
  const stages = STAGES.flatMap((stage) =>
    (["FIN", "reset"] as const).map((how) =>
      named(`a client that leaves by ${how} ${stage.title} leaves nothing behind`, () => leaves(core, given, stage, how)),
    ),
  );
  const words = (Object.keys(FAILURES) as FailureKind[]).map((kind) =>
    named(`${kind} has words that are whole lines, whatever the backend says`, () => hasWords(given, kind)),
  );
  const slow = [
    ["silent", ""],
    ["in the middle of a line", "a"],
    ["in the middle of an exchange", given.halfLogin],
  ] as const;
  return [
    ...stages,
    ...words,
    ...slow.map(([title, said]) =>
      named(`a client that is ${title} is cut at the deadline, in words`, () => isCut(core, given, said)),
    ),
    named("a line that is too long is refused in words, and the connection closed", () => isTooLong(core, given)),
    named("secrets are not in the log, the trace or the session", () => hidesSecrets(core, given)),
    named("a backend that is silent in the login is unavailable, and the client may go on", () => outlastsSilence(core, given)),
  ];
}

/** What a client and a mailbox server exchange behind a login must arrive as it was sent. Throws AssertionError. */
export async function handsOver<R extends { readonly size: number }>(
  core: CoreParts<R>,
  given: ProtocolCase,
  up: readonly Buffer[],
  down: readonly Buffer[],
): Promise<void> {
  const scene = await open(core, given, { greet: true });
  const atBackend: Buffer[] = [];
  scene.onLogin = (socket, yes) => {
    // The first bytes leave together with the backend's yes, as those of the client with its login.
    const [first = Buffer.alloc(0), ...rest] = down;
    socket.write(Buffer.concat([Buffer.from(yes), first]));
    socket.on("data", (chunk: Buffer) => void atBackend.push(chunk));
    void writeAll(socket, rest);
  };
  const [first = Buffer.alloc(0), ...rest] = up;
  const { peer, socket } = await client(scene, given);
  peer.write(Buffer.concat([Buffer.from(given.login("alice", PASSWORD)), first]));
  await answer(given, peer, given.yes);
  const atClient = peer.bytes(Buffer.concat(down).length, "what the backend sent");
  await writeAll(socket, rest);
  const [backend] = scene.sockets;
  if (backend !== undefined && !backend.readableEnded) await within(5000, once(backend, "end"), () => "The backend saw no end");
  assert.deepEqual(Buffer.concat(atBackend), Buffer.concat(up));
  assert.deepEqual(await atClient, Buffer.concat(down));
  await peer.closed();
  await over(scene);
}

interface LeavingStage {
  readonly title: string;
  readonly backend: Omit<SceneOptions<never>, "more">;
  readonly act: (given: ProtocolCase, client: Client) => Promise<void>;
  /** The gateway's stage that is waited for before the client leaves. */
  readonly at: string;
}

const says =
  (text: (given: ProtocolCase) => string): LeavingStage["act"] =>
  (given, { peer }) => {
    peer.write(Buffer.from(text(given)));
    return Promise.resolve();
  };
const logsIn = says((given) => given.login("alice", PASSWORD));

const STAGES: readonly LeavingStage[] = [
  { title: "after the greeting", backend: { greet: true }, act: says(() => ""), at: "converse" },
  { title: "in the middle of a line", backend: { greet: true }, act: says(() => "x LOG"), at: "converse" },
  { title: "in the middle of an exchange", backend: { greet: true }, act: says((given) => given.halfLogin), at: "converse" },
  { title: "while the backend is dialled", backend: { greet: false }, act: logsIn, at: "dial" },
  { title: "while the gateway logs in", backend: { greet: true, mute: true }, act: logsIn, at: "login" },
  {
    title: "after its login",
    backend: { greet: true },
    async act(given, { peer }) {
      peer.write(Buffer.from(given.login("alice", PASSWORD)));
      await answer(given, peer, given.yes);
    },
    at: "relay",
  },
];

async function leaves<R>(core: CoreParts<R>, given: ProtocolCase, stage: LeavingStage, how: "FIN" | "reset"): Promise<void> {
  const clock = createFakeClock();
  const scene = await open<R>(core, given, { ...stage.backend, more: { house: { clock } } });
  const seen: { stage: string }[] = [];
  const { observer } = scene.harness.house;
  observer.opened = (session) => void seen.push(session);
  const leaving = await client(scene, given);
  await stage.act(given, leaving);
  while (seen[0]?.stage !== stage.at) await new Promise((resolve) => setImmediate(resolve));
  if (how === "FIN") leaving.peer.end();
  else leaving.socket.resetAndDestroy();
  await new Promise((resolve) => setTimeout(resolve, 10));
  // The longest that a backend may keep the gateway waiting.
  for (let second = 0; second < 12; second++) await clock.advance(1000);
  await scene.harness.settled();
  assert.equal(scene.harness.ended.length, 1);
  await over(scene);
}

const ODD_TEXTS = ["a\rb", "a\nb", "a\r\nb OK c", "\0\x1b[2J", "\xe9\xff", "", " ", "[", "] [x", "x".repeat(300)];

function hasWords({ protocol, line }: ProtocolCase, kind: FailureKind): Promise<void> {
  const attempt = { credentials: {}, tag: "a1" } as Attempt;
  for (const text of ODD_TEXTS) {
    for (const code of [undefined, "LIMIT", "SYS/TEMP"]) {
      const failure = new Failure(kind, "why", { said: { text, ...(code !== undefined && { code }) } });
      const told = [attempt, undefined].map((one) => {
        const written: string[] = [];
        const dialogue = { write: (data: string) => void written.push(data) } as unknown as ClientDialogue;
        protocol.refuse(dialogue, failure, one);
        return written.join("");
      });
      for (const words of [...told, protocol.farewell(failure)]) {
        assert.ok(words === "" || words.endsWith("\r\n"), JSON.stringify(words));
        for (const one of words.split("\r\n").slice(0, -1)) assert.match(one, line);
      }
    }
  }
  return Promise.resolve();
}

async function isCut<R>(core: CoreParts<R>, given: ProtocolCase, said: string): Promise<void> {
  const clock = createFakeClock();
  const scene = await open<R>(core, given, { greet: true, more: { house: { clock } } });
  const { peer } = await client(scene, given);
  peer.write(Buffer.from(said));
  const told = said === given.halfLogin ? (given.beforeChallenge ?? 0) + 1 : 0;
  for (let line = 0; line < told; line++) assert.match(String(await peer.line("a challenge")), given.line);
  await clock.advance(59_000);
  assert.equal(peer.unread.length, 0);
  await clock.advance(1000);
  assert.match(String(await peer.line("words")), given.farewell);
  await peer.closed();
  await over(scene);
}

async function isTooLong<R>(core: CoreParts<R>, given: ProtocolCase): Promise<void> {
  const scene = await open<R>(core, given, { greet: true, more: { login: { maxLine: 1000 } } });
  const { peer } = await client(scene, given);
  peer.write(Buffer.alloc(5000, "a"));
  assert.match(String(await peer.line("words")), given.farewell);
  await peer.closed();
  await over(scene);
}

async function hidesSecrets<R>(core: CoreParts<R>, given: ProtocolCase): Promise<void> {
  const scene = await open<R>(core, given, { greet: true });
  const { peer } = await client(scene, given);
  peer.write(Buffer.from(given.login("alice", "s3cret-wrong")));
  await answer(given, peer, given.no);
  peer.write(Buffer.from(given.login("alice", PASSWORD)));
  await answer(given, peer, given.yes);
  peer.end();
  await scene.harness.settled();
  assert.ok(
    scene.harness.trace.some((line) => line.includes("alice")),
    "the trace is empty",
  );
  assert.ok(scene.harness.logger.records.length > 0, "the log is empty");
  refuseSecrets(scene.harness, ["s3cret"]);
  await over(scene);
}

async function outlastsSilence<R>(core: CoreParts<R>, given: ProtocolCase): Promise<void> {
  const clock = createFakeClock();
  const scene = await open<R>(core, given, { greet: true, mute: true, more: { house: { clock } } });
  const { peer } = await client(scene, given);
  peer.write(Buffer.from(given.login("alice", PASSWORD)));
  const seen = (): string | undefined => scene.harness.trace.find((line) => line.startsWith("B: "));
  while (seen() === undefined) await clock.advance(0);
  await clock.advance(5000);
  await answer(given, peer, given.no);
  peer.end();
  await over(scene);
}
