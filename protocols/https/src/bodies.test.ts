import test from "ava";
import { Failure } from "@postern/contracts";
import { BoundedBody, hold as holdIn, Holds, type Held } from "./bodies.ts";
import type { BodySink, RequestBody } from "./exchange.ts";

const hold = (body: RequestBody, max: number): Promise<Held> => holdIn(body, max, new Holds());

/** A body that a test gives piece by piece. */
class Source implements RequestBody {
  readonly length = undefined;
  given = 0;
  isComplete = false;
  resumed = 0;
  sink: BodySink | undefined;

  get isStarted(): boolean {
    return this.sink !== undefined;
  }

  start(sink: BodySink): void {
    this.sink = sink;
  }

  resume(): void {
    this.resumed++;
  }

  give(text: string): boolean {
    this.given += text.length;
    return this.sink?.data(Buffer.from(text)) ?? false;
  }

  end(): void {
    this.isComplete = true;
    this.sink?.end(["X-Last", "1"]);
  }
}

function taker(): BodySink & { readonly heard: string[]; wants: boolean } {
  const heard: string[] = [];
  return {
    heard,
    wants: true,
    data(chunk) {
      heard.push(chunk.toString());
      return this.wants;
    },
    end: (trailers) => heard.push(`end ${trailers.join(":")}`),
    broken: ({ kind }) => heard.push(`broken ${kind}`),
  };
}

test("a body that is held whole is given to each who asks, from its beginning", async (t) => {
  const source = new Source();
  const holding = hold(source, 100);
  source.give("<a/>");
  source.give("<b/>");
  source.end();
  const { bytes, body } = await holding;
  t.is(bytes?.toString(), "<a/><b/>");
  for (const _ of [1, 2]) {
    const to = taker();
    body.start(to);
    t.deepEqual(to.heard, ["<a/><b/>", "end X-Last:1"]);
    t.is(body.given, 8);
  }
});

test("of a body that is larger only the beginning is held, and the rest flows behind it", async (t) => {
  const source = new Source();
  const holding = hold(source, 5);
  t.true(source.give("1234"));
  t.false(source.give("5678"), "nothing more is read until somebody takes it");
  const { bytes, body } = await holding;
  t.is(bytes, undefined);
  const to = taker();
  body.start(to);
  t.is(source.resumed, 1);
  source.give("9");
  source.end();
  t.deepEqual(to.heard, ["12345678", "9", "end X-Last:1"]);
});

test("a taker that has enough is heeded behind what was held", async (t) => {
  const source = new Source();
  const holding = hold(source, 2);
  source.give("123");
  const { body } = await holding;
  const to = taker();
  to.wants = false;
  body.start(to);
  t.is(source.resumed, 0);
  body.resume();
  t.is(source.resumed, 1);
});

test("a client that leaves while its body is held is a failure", async (t) => {
  const source = new Source();
  const holding = hold(source, 100);
  source.give("1");
  source.sink?.broken(new Failure("client-gone", "left"));
  t.is((await t.throwsAsync(holding, { instanceOf: Failure })).kind, "client-gone");
});

test("a body of unknown length is broken where it becomes too large, once", (t) => {
  const source = new Source();
  let told = 0;
  const body = new BoundedBody(source, 5, () => told++);
  const to = taker();
  body.start(to);
  t.true(source.give("12345"));
  t.false(source.give("6"));
  t.false(source.give("7"));
  source.end();
  t.deepEqual(to.heard, ["12345", "broken syntax"]);
  t.is(told, 1);
});

test("what is held has a bound for all together, and what nobody needs any more makes room", async (t) => {
  const holds = new Holds(3000);
  const [first, second, third] = [new Source(), new Source(), new Source()];
  const [one, two] = [holdIn(first, 2000, holds), holdIn(second, 2000, holds)];
  t.true(first.give("a".repeat(1500)));
  t.false(second.give("b".repeat(1600)));
  t.is((await t.throwsAsync(two, { instanceOf: Failure }))?.kind, "too-many-connections");
  first.end();
  const held = await one;
  held.release();
  held.release();
  const last = holdIn(third, 2900, holds);
  t.true(third.give("c".repeat(2800)));
  third.end();
  t.is((await last).bytes?.length, 2800);
});

test("what comes in tiny pieces is held in one", async (t) => {
  const source = new Source();
  const holding = hold(source, 10_000);
  const text = Array.from({ length: 5000 }, (_, index) => String(index % 10)).join("");
  for (const character of text) source.give(character);
  source.end();
  t.is((await holding).bytes?.toString(), text);
});
