import test from "ava";
import { answerText, ReadyLines, requestText } from "./head-text.ts";

test("head text: a request and an answer, as they go out", (t) => {
  t.is(requestText("GET", "/a?b", ["hOst", "a", "X", ""]), "GET /a?b HTTP/1.1\r\nhOst: a\r\nX: \r\n\r\n");
  t.is(answerText(200, "OK", ["A", "\xe4\tb"]), "HTTP/1.1 200 OK\r\nA: \xe4\tb\r\n\r\n");
  t.is(answerText(200, "", []), "HTTP/1.1 200 \r\n\r\n");
  t.is(requestText("OPTIONS", "*", []), "OPTIONS * HTTP/1.1\r\n\r\n");
});

test("head text: lines that were written once come behind the fields", (t) => {
  const lines = new ReadyLines(["X-Real-IP", "192.0.2.7", "Y", "\xe4"]);
  t.is(requestText("GET", "/", ["A", "b"], lines), "GET / HTTP/1.1\r\nA: b\r\nX-Real-IP: 192.0.2.7\r\nY: \xe4\r\n\r\n");
});

/** The last three become CR, LF and NUL when they are written as latin1. */
const ENDS = ["\r", "\n", "\0", "\r\n", "\x0b", "\x7f", "\u010d", "\u010a", "\u0100"];

for (const end of ENDS) {
  test(`head text: ${JSON.stringify(end)} is written nowhere`, (t) => {
    const bad = `s3cret${end}X: y`;
    for (const write of [
      () => requestText(bad, "/", []),
      () => requestText("GET", `/${bad}`, []),
      () => requestText("GET", "/", ["A", bad]),
      () => requestText("GET", "/", [bad, "a"]),
      () => new ReadyLines(["A", bad]),
      () => new ReadyLines([bad, "a"]),
      () => answerText(200, bad, []),
      () => answerText(200, "OK", ["A", "b", "C", bad]),
      () => answerText(200, "OK", [bad, "a"]),
    ]) {
      const error = t.throws(write, { instanceOf: Error });
      t.notRegex(error?.message ?? "", /s3cret/);
    }
  });
}

test("head text: what would be read as something else is not written", (t) => {
  for (const name of ["", "A:", "A ", " A", "A\tb", "\xc4"]) t.throws(() => answerText(200, "OK", [name, "a"]), undefined, name);
  for (const method of ["", "GET /", "G:T"]) t.throws(() => requestText(method, "/", []), undefined, method);
  for (const target of ["", "/a b", "/ HTTP/1.1", "/\t", "/\xe4"])
    t.throws(() => requestText("GET", target, []), undefined, target);
  for (const status of [99, 1000, 200.5, Number.NaN, -200]) t.throws(() => answerText(status, "", []), undefined, String(status));
  t.throws(() => answerText(200, "OK", ["A"]), { message: /A: a value/ });
});
