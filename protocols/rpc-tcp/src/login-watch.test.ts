import test from "ava";
import { INTERFACES, PDU_TYPES } from "@postern/dcerpc";
import { auth3Of, bindOf, ntlmAuthenticate, ntlmTrailer, NTLM_NEGOTIATE, type Trailer } from "../test/pdus.ts";
import { LoginWatch } from "./login-watch.ts";

interface Scene {
  readonly watch: LoginWatch;
  readonly heard: string[];
}

function scene(trailer: Trailer | undefined): Scene {
  const heard: string[] = [];
  const bind = bindOf([INTERFACES.EMSMDB], trailer === undefined ? {} : { trailer });
  const watch = new LoginWatch(bind, "example.com", {
    claimed: (user) => heard.push(`claimed ${user}`),
    answered: (user, isProven) => heard.push(`${isProven ? "believed" : "answered"} ${user}`),
  });
  return { watch, heard };
}

const CONNECT = 2;
const negotiate = (level = 6): Trailer => ntlmTrailer(NTLM_NEGOTIATE, level);

test("login watch: a name is a claim until the backend answers under the login's protection", (t) => {
  const { watch, heard } = scene(negotiate());
  watch.answered(PDU_TYPES.bindAck, 16);
  watch.see(auth3Of(ntlmAuthenticate("Alice")));
  t.deepEqual(heard, ["claimed alice@example.com"]);
  watch.answered(PDU_TYPES.fault, 16);
  watch.answered(PDU_TYPES.response, 0);
  t.is(heard.length, 1);
  watch.answered(PDU_TYPES.response, 16);
  watch.answered(PDU_TYPES.response, 16);
  t.deepEqual(heard.slice(1), ["believed alice@example.com"]);
});

test("login watch: at level connect nothing is protected, and servers may answer anybody: the name stays a claim", (t) => {
  const { watch, heard } = scene(negotiate(CONNECT));
  watch.see(auth3Of(ntlmAuthenticate("victim")));
  watch.answered(PDU_TYPES.response, 0);
  watch.answered(PDU_TYPES.response, 16);
  t.deepEqual(heard, ["claimed victim@example.com", "answered victim@example.com"]);
});

test("login watch: a protected response may be another login's where there is one: the name stays a claim", (t) => {
  const mine = ntlmTrailer(ntlmAuthenticate("mallory"));
  for (const second of [
    auth3Of(ntlmAuthenticate("mallory")),
    auth3Of(Buffer.from("Kerberos, say"), 2),
    bindOf([INTERFACES.EMSMDB], { type: "alterContext", trailer: { ...mine, context: 2 } }),
  ]) {
    const { watch, heard } = scene(negotiate());
    watch.see(auth3Of(ntlmAuthenticate("victim")));
    watch.see(second);
    watch.answered(PDU_TYPES.response, 16);
    t.deepEqual(heard, ["claimed victim@example.com", "answered victim@example.com"]);
  }
});

test("login watch: nor is a name believed behind a login of nobody", (t) => {
  const { watch, heard } = scene(negotiate());
  watch.see(auth3Of(ntlmAuthenticate("")));
  watch.see(auth3Of(ntlmAuthenticate("victim")));
  watch.answered(PDU_TYPES.response, 16);
  t.is(heard.at(-1), "answered victim@example.com");
});

test("login watch: a response without protection proves nothing for a login that came later", (t) => {
  const { watch, heard } = scene(undefined);
  const token = ntlmTrailer(ntlmAuthenticate("victim"), CONNECT);
  watch.see(bindOf([INTERFACES.EMSMDB], { type: "alterContext", trailer: token }));
  watch.answered(PDU_TYPES.response, 0);
  t.deepEqual(heard, ["claimed victim@example.com"]);
});

test("login watch: the first name counts, a second one on the connection does not", (t) => {
  const { watch, heard } = scene(negotiate());
  watch.see(auth3Of(ntlmAuthenticate("alice")));
  watch.see(auth3Of(ntlmAuthenticate("bob")));
  t.deepEqual(heard, ["claimed alice@example.com"]);
});

test("login watch: a name of mail stays, a DNS domain is its domain, a short one is not", (t) => {
  for (const [user, domain, claimed] of [
    ["Alice@Example.ORG", "EXAMPLE", "alice@example.org"],
    ["alice", "corp.example.net", "alice@corp.example.net"],
    ["alice", "CORP", "alice@example.com"],
    ["alice", "", "alice@example.com"],
  ] as const) {
    const { watch, heard } = scene(negotiate());
    watch.see(auth3Of(ntlmAuthenticate(user, domain)));
    t.deepEqual(heard, [`claimed ${claimed}`]);
  }
});

test("login watch: a name that no log may see is nobody's, and so is an anonymous login", (t) => {
  for (const user of ["", "a\r\nb", "a\0b", "a\u2028b", "x".repeat(600)]) {
    const { watch, heard } = scene(negotiate());
    watch.see(auth3Of(ntlmAuthenticate(user)));
    t.deepEqual(heard, []);
  }
});
