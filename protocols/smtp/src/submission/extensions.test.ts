import test from "ava";
import type { BackendDialogue, ProtocolContext } from "@postern/contracts";
import type { Front } from "@postern/core";
import { testLeg, testSession } from "@postern/testing";
import { features } from "../backend-hello.ts";
import { ehloReply } from "./ehlo.ts";
import { inCommon } from "../extensions.ts";

test("extensions: only what all backends have is offered, with the smallest size", (t) => {
  t.deepEqual(inCommon([]), []);
  t.deepEqual(inCommon([["PIPELINING", "SIZE 100"]]), ["PIPELINING", "SIZE 100"]);
  t.deepEqual(
    inCommon([
      ["PIPELINING", "SIZE 100", "DSN"],
      ["SIZE 50", "DSN"],
      ["DSN", "SIZE 70", "PIPELINING"],
    ]),
    ["SIZE 50", "DSN"],
  );
  t.deepEqual(inCommon([["SIZE"], ["SIZE 0"]]), ["SIZE"]);
  t.deepEqual(inCommon([["SIZE 0"], ["SIZE 7"]]), ["SIZE 7"]);
  t.deepEqual(inCommon([["DELIVERBY 5"], ["DELIVERBY 7"]]), []);
  t.deepEqual(inCommon([["DSN"], []]), []);
});

async function heard(lines: readonly string[]) {
  const left = [...lines];
  const said: string[] = [];
  const backend = {
    readLine: () => Promise.resolve(left.shift() ?? ""),
    write: (data: string) => void said.push(data),
    startTls: () => Promise.resolve(void said.push("<tls>")),
    trace: () => {},
  } as unknown as BackendDialogue;
  const tls = lines.includes("250 STARTTLS") ? "starttls" : "none";
  return { said, features: await features(backend, testLeg(587, { tls }), "gate.example.com").catch(({ kind }) => String(kind)) };
}

test("extensions: a probe asks behind TLS, takes nothing that the front answers itself, and says goodbye", async (t) => {
  const list = [
    "250-mx",
    "250-size  1000",
    "250-AUTH PLAIN",
    "250-X-EVIL",
    "250-ENHANCEDSTATUSCODES",
    "250-BURL imap://x",
    "250 Pipelining",
  ];
  const plain = await heard(["220 hi", ...list]);
  t.deepEqual(plain.features, ["PIPELINING", "SIZE 1000"]);
  t.deepEqual(plain.said, ["EHLO gate.example.com\r\n", "QUIT\r\n"]);
  const secured = await heard(["220 hi", "250-mx", "250 STARTTLS", "220 go", ...list]);
  t.deepEqual(secured.features, ["PIPELINING", "SIZE 1000"]);
  t.deepEqual(secured.said, ["EHLO gate.example.com\r\n", "STARTTLS\r\n", "<tls>", "EHLO gate.example.com\r\n", "QUIT\r\n"]);
});

test("extensions: a backend that refuses to talk is told by its failure", async (t) => {
  t.is((await heard(["421 busy"])).features, "backend-lost");
  t.is((await heard(["220 hi", "550 no"])).features, "backend-unavailable");
  t.is((await heard(["220 hi", "250-mx", "250 DSN\x01x"])).features.length, 0);
});

const reply = (backendFeatures?: () => readonly (readonly string[])[] | undefined): string[] => {
  const context = { hostname: "mail", mechanisms: [], canStartTls: false, ...(backendFeatures && { backendFeatures }) };
  const front = { client: { secure: true }, session: testSession(), context: context as unknown as ProtocolContext };
  return ehloReply(front as unknown as Front).split("\r\n");
};

test("ehlo: lists what the backends have in common, and little before all were heard", (t) => {
  const little = ["250-mail", "250-ENHANCEDSTATUSCODES", "250 XCLIENT TTL", ""];
  t.deepEqual(reply(), little);
  t.deepEqual(
    reply(() => undefined),
    little,
  );
  t.deepEqual(
    reply(() => [["PIPELINING", "SIZE 9"], ["SIZE 8"]]),
    ["250-mail", "250-SIZE 8", ...little.slice(1)],
  );
});
