import test from "ava";
import { framingOf, readAnswer } from "../test/messages.ts";

/** Of an answer: its head, the method that was asked with, and how long its body is. */
const ANSWERS: readonly (readonly [head: string, method: string, expected: string | number])[] = [
  ["HTTP/1.1 200 OK\r\n", "GET", "close"],
  ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", "GET", "length 5"],
  ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", "GET", "chunked"],
  ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", "HEAD", "none"],
  ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", "HEAD", "none"],
  ["HTTP/1.1 100 Continue\r\n", "POST", "none"],
  ["HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n", "GET", "none"],
  ["HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n", "GET", "none"],
  ["HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n", "GET", "none"],
  ["HTTP/1.1 200\r\n", "GET", "close"],
  ["HTTP/1.1 200 \r\n", "GET", "close"],
  ["HTTP/1.0 404 Nicht da \xe4\t!\r\n", "GET", "close"],
  ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n", "GET", 400],
  ["HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n", "GET", 400],
  ["HTTP/1.1 200 OK\r\nContent-Length: -1\r\n", "HEAD", 400],
  ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", "GET", 400],
  ["HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n", "GET", 400],
  ["HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n", "GET", 501],
  ["HTTP/1.1 200 OK\r\nX: a\r\n b\r\n", "GET", 400],
  ["HTTP/1.1 200 OK\r\nX : a\r\n", "GET", 400],
  ["HTTP/1.1 200 OK\nX: a\r\n", "GET", 400],
  ["HTTP/1.1 200 O\0K\r\n", "GET", 400],
  ["HTTP/1.1 099 Early\r\n", "GET", 400],
  ["HTTP/1.1 600 Late\r\n", "GET", 400],
  ["HTTP/1.1 2000 OK\r\n", "GET", 400],
  ["HTTP/1.1 20 OK\r\n", "GET", 400],
  ["HTTP/1.1  200 OK\r\n", "GET", 400],
  ["HTTP/1.1\t200 OK\r\n", "GET", 400],
  ["HTTP/1.1 200\tOK\r\n", "GET", 400],
  ["HTTP/1.1 200OK\r\n", "GET", 400],
  ["HTTP/1.1 +20 OK\r\n", "GET", 400],
  ["HTTP/1.1200 OK\r\n", "GET", 400],
  ["HTTP/2.0 200 OK\r\n", "GET", 505],
  ["ICY 200 OK\r\n", "GET", 400],
  ["<html>\r\n", "GET", 400],
];

for (const [head, method, expected] of ANSWERS) {
  test(`an answer ${JSON.stringify(head)} to ${method}: ${expected}`, (t) => {
    t.is(framingOf(readAnswer(`${head}\r\n`, method)), expected);
  });
}

test("an answer: status, reason and fields are as they came", (t) => {
  const read = readAnswer("HTTP/1.0 404 Nicht da \xe4\r\nX-Case:  y \r\n\r\n");
  t.deepEqual(typeof read === "object" && read.head, {
    status: 404,
    reason: "Nicht da \xe4",
    minor: 0,
    fields: ["X-Case", "y"],
  });
});
