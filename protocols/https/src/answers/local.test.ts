import test from "ava";
import { testExchange } from "../../test/exchanges.ts";
import { markup } from "./markup.ts";
import { say, sayMethods, sayText } from "./local.ts";

test("an answer has its length in bytes, a date, and is stored by nobody", (t) => {
  const exchange = testExchange();
  const { said } = exchange;
  say(exchange, 200, ["Content-Type", "text/plain; charset=utf-8"], "grüezi");
  t.is(said.status, 200);
  t.is(said.reason, "OK");
  t.is(said.body, "grüezi");
  t.is(said.length, 7);
  t.is(said.field("content-length"), "7");
  t.is(said.field("cache-control"), "no-store");
  t.is(said.field("x-content-type-options"), "nosniff");
  t.false(Number.isNaN(Date.parse(said.field("date") ?? "")));
  t.is(said.ends, 1);
});

test("the answer to HEAD says the length of GET's, and has no body", (t) => {
  const exchange = testExchange({ method: "HEAD" });
  const { said } = exchange;
  say(exchange, 200, [], Buffer.from("hello"));
  t.is(said.field("content-length"), "5");
  t.deepEqual([said.body, said.length, said.ends], ["", undefined, 1]);
});

test("204 and 304 have neither a body nor a length", (t) => {
  for (const status of [204, 304]) {
    const exchange = testExchange();
    const { said } = exchange;
    say(exchange, status, [], "nothing");
    t.deepEqual([said.field("content-length"), said.body, said.length], [undefined, "", undefined]);
  }
});

test("an answer without a body says so", (t) => {
  const exchange = testExchange();
  const { said } = exchange;
  say(exchange, 302, ["Location", "https://other.example.com/"]);
  t.deepEqual([said.field("content-length"), said.length, said.body, said.ends], ["0", 0, "", 1]);
});

test("what its fields say of storing stands", (t) => {
  const exchange = testExchange();
  const { said } = exchange;
  say(exchange, 200, ["cache-control", "max-age=60"], "x");
  t.deepEqual(
    said.fields.filter((_, index) => index % 2 === 0).filter((name) => name.toLowerCase() === "cache-control"),
    ["cache-control"],
  );
});

test("an answer that has begun is cut, and nothing is said behind it", (t) => {
  const exchange = testExchange({}, { begun: 200 });
  const { said } = exchange;
  sayText(exchange, 502, "No.");
  t.deepEqual([said.cuts, said.ends, said.body], [1, 0, ""]);
});

test("a method that is not there is told which are", (t) => {
  const exchange = testExchange({ method: "PUT" });
  const { said } = exchange;
  sayMethods(exchange, "GET, HEAD");
  t.deepEqual([said.status, said.field("allow")], [405, "GET, HEAD"]);
});

test("markup escapes its values, and leaves markup as it is", (t) => {
  const evil = `"><script>alert('1')</script>&`;
  t.is(
    markup`<a b="${evil}">${markup`<c>${1}</c>`}${[markup`<d/>`, markup`<e/>`]}${undefined}</a>`.markup,
    `<a b="&#34;&#62;&#60;script&#62;alert(&#39;1&#39;)&#60;/script&#62;&#38;"><c>1</c><d/><e/></a>`,
  );
});
