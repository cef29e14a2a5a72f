import test from "ava";
import { Failure, type BackendDialogue, type Leg } from "@postern/contracts";
import { testLeg } from "@postern/testing";
import { features } from "./features.ts";

/** Asks a backend that answers with this line; what it was asked, and how that ended. */
async function probe(line: string, rest: Partial<Leg> = {}): Promise<{ readonly asked: string; readonly end: string }> {
  let asked = "";
  const backend: Pick<BackendDialogue, "write" | "readLine"> = {
    write: (data) => void (asked += data.toString()),
    readLine: () => Promise.resolve(line),
  };
  try {
    const found = await features(backend as BackendDialogue, testLeg(443, rest), "gate.example.com");
    return { asked, end: found.join() };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { asked, end: error.kind };
  }
}

for (const [line, end] of [
  ["HTTP/1.1 200 OK", ""],
  ["HTTP/1.1 204", ""],
  ["HTTP/1.0 401 Unauthorized", ""],
  ["HTTP/1.1 404 Not Found", ""],
  ["HTTP/1.1 500 Internal Server Error", ""],
  ["HTTP/1.1 502 Bad Gateway", "backend-unavailable"],
  ["HTTP/1.1 503 Service Unavailable", "backend-unavailable"],
  ["HTTP/1.1 504 Gateway Timeout", "backend-unavailable"],
  ["HTTP/1.1 5033", "backend-garbled"],
  ["HTTP/2 200", "backend-garbled"],
  ["220 mail.example.com ESMTP", "backend-garbled"],
  ["", "backend-garbled"],
] as const) {
  test(`probe: a backend that answers "${line}" is ${end === "" ? "well" : end}`, async (t) => {
    t.is((await probe(line)).end, end);
  });
}

test("probe: it is one HEAD request on a connection of its own, to the name in the certificate or the host", async (t) => {
  const words = (host: string): string =>
    `HEAD / HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: Postern gate.example.com\r\nConnection: close\r\n\r\n`;
  t.is((await probe("HTTP/1.1 200 OK")).asked, words("127.0.0.1"));
  t.is((await probe("HTTP/1.1 200 OK", { serverName: "mbx.example.com" })).asked, words("mbx.example.com"));
  t.is((await probe("HTTP/1.1 200 OK", { host: "::1" })).asked, words("[::1]"));
});
