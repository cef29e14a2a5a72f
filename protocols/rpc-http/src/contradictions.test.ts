import test from "ava";
import { rpcHttpContradictions, type Sections } from "./contradictions.ts";

const OPEN: Sections = {
  listeners: [{ protocol: "https" }],
  backends: { mbx1: { https: {} }, mbx2: { "rpc-http": {} } },
  https: { defaultAuthentication: "edge" },
};

interface Own {
  readonly ports?: readonly number[];
  readonly join?: { readonly address?: string; readonly nodes: readonly (string | undefined)[] };
}

const problems = (own: Own, sections: Sections = {}): readonly string[] =>
  rpcHttpContradictions({ ports: [6001], join: { nodes: [] }, ...own }, sections).map(({ key, problem }) => `${key}: ${problem}`);

test("settings: a backend that clients can reach, and whose users are checked, is fine", (t) => {
  t.deepEqual(problems({}, OPEN), []);
  t.deepEqual(
    problems({}, { ...OPEN, https: { defaultAuthentication: "pass", services: { rpc: { authentication: "edge" } } } }),
    [],
  );
  t.deepEqual(problems({}, { backends: { mbx1: { https: {} } }, listeners: [], https: { defaultAuthentication: "pass" } }), []);
  t.deepEqual(problems({ join: { address: "a:1", nodes: ["a:1", "b:1"] } }, OPEN), []);
});

test("settings: what is broken elsewhere is not told again", (t) => {
  t.deepEqual(problems({}, { backends: { mbx1: undefined, mbx2: { "rpc-http": {} } }, listeners: [undefined] }), []);
  t.deepEqual(problems({ join: { address: "a:1", nodes: ["b:1", undefined] } }), []);
});

test("settings: a backend that no client can reach is told", (t) => {
  t.deepEqual(problems({}, { ...OPEN, listeners: [{ protocol: "imap" }] }), [
    ": backends.mbx2 can be reached by rpc-http, but no listener speaks https, by which its clients come; add one",
  ]);
});

test("settings: a backend whose users nobody checks is told", (t) => {
  const told = [
    ": backends.mbx2 cannot ask for a login by rpc-http, so the gateway must; set https.services.rpc.authentication: edge",
  ];
  t.deepEqual(problems({}, { ...OPEN, https: { defaultAuthentication: "pass" } }), told);
  const services = { rpc: { authentication: "pass" } };
  t.deepEqual(problems({}, { ...OPEN, https: { defaultAuthentication: "edge", services } }), told);
  t.deepEqual(problems({}, { ...OPEN, authentication: { verifiers: [{}] } }), []);
  t.deepEqual(problems({}, { ...OPEN, authentication: { verifiers: [] } }), [
    ": backends.mbx2 cannot check a login by rpc-http, and the gateway cannot either; add a verifier under authentication.verifiers",
  ]);
});

test("settings: no port at all is told", (t) => {
  t.deepEqual(problems({ ports: [] }), ["ports: is empty, so no client can ask for anything; name a port, or take it out"]);
});

test("settings: nodes that cannot find each other are told", (t) => {
  t.deepEqual(problems({ join: { address: "a:1", nodes: [] } }), [
    "join.address: is of no use without the other nodes; add them as join.nodes, or take it out",
  ]);
  t.deepEqual(problems({ join: { nodes: ["a:1", "b:1"] } }), ["join.address: is missing; say which of join.nodes this one is"]);
  t.deepEqual(problems({ join: { address: "c:1", nodes: ["a:1", "b:1"] } }), [
    "join.address: c:1 is not one of join.nodes, which must be the same on all nodes",
  ]);
  t.deepEqual(problems({ join: { address: "a:1", nodes: ["a:1", "a:1"] } }), [
    "join.nodes: names fewer than two nodes; name all of them, or take join out",
  ]);
});
