import test from "ava";
import { Failure } from "@postern/contracts";
import { BoundedBody, hold } from "./bodies.ts";
import type { BodySink, RequestBody } from "./parts.ts";

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
    t.deepEqual(to.heard, ["<a/>", "<b/>", "end X-Last:1"]);
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
  t.deepEqual(to.heard, ["1234", "5678", "9", "end X-Last:1"]);
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
