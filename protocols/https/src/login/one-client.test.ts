import type { Fields } from "@postern/http";
import test from "ava";
import type { BackConnection } from "../backends.ts";
import { createLogins } from "./logins.ts";
import { kerberos, TICKET } from "./test/kerberos.ts";
import { ntlmNegotiate } from "./test/ntlm.ts";
import { type TestClient, testClient } from "../../test/exchanges.ts";
import { testService } from "../../test/parts.ts";
import { exchange, scene } from "./test/scene.ts";

const NTLM: Fields = ["Authorization", `NTLM ${ntlmNegotiate().toString("base64")}`];
const FIRST: Fields = ["X-Forwarded-For", "192.0.2.1", "Via", "1.1 lb"];
const OTHERS: readonly Fields[] = [
  ["X-Forwarded-For", "192.0.2.2", "Via", "1.1 lb"],
  ["X-Forwarded-For", "192.0.2.1", "X-Forwarded-For", "192.0.2.2", "Via", "1.1 lb"],
  ["Forwarded", "for=192.0.2.1", "Via", "1.1 lb"],
  [],
];

interface Pinned {
  readonly from: TestClient;
  readonly dropped: () => number;
}

function pinnedClient(isShared = false): Pinned {
  let drops = 0;
  const connection = { drop: () => void (drops += 1) } as unknown as BackConnection;
  return { from: testClient({ isShared, pinned: new Map([["mbx1", connection]]) }), dropped: () => drops };
}

for (const other of OTHERS)
  test(`one client: another one of the same proxy has no part in a pinned login: ${other.join(" ")}`, async (t) => {
    const logins = createLogins(scene().parts);
    const { from, dropped } = pinnedClient();
    const ask = async (fields: Fields): Promise<number> => {
      (await logins.admit(exchange(from, "GET /", { fields }), testService()))?.release();
      return from.pinned.size;
    };
    t.is(await ask(["X-Forwarded-For", "192.0.2.9"]), 1, "before anybody logs in");
    for (const fields of [[...NTLM, ...FIRST], FIRST]) t.is(await ask(fields), 1);
    t.is(dropped(), 0);
    t.is(await ask(other), 0);
    t.is(dropped(), 1);
  });

test("one client: nor in a login that the gateway has checked", async (t) => {
  const logins = createLogins(scene({ proofs: kerberos }).parts);
  for (const other of OTHERS) {
    const from = testClient();
    const ask = async (fields: Fields): Promise<string | undefined> => {
      const admission = await logins.admit(exchange(from, "GET /", { fields }), testService({ authentication: "edge" }));
      return admission?.identity?.user;
    };
    const ticket = ["Authorization", `Negotiate ${TICKET.toString("base64")}`];
    for (const fields of [[...ticket, ...FIRST], FIRST, FIRST]) t.is(await ask(fields), "alice@example.com");
    t.is(await ask(other), undefined, other.join(" "));
    t.is(await ask(FIRST), undefined, "and the login is over");
  }
});

test("one client: where users share a connection there is no login to end", async (t) => {
  const logins = createLogins(scene().parts);
  const { from, dropped } = pinnedClient(true);
  for (const fields of [[...NTLM, ...FIRST], [], OTHERS[0] ?? []])
    (await logins.admit(exchange(from, "GET /", { fields }), testService()))?.release();
  t.is(dropped(), 0);
});
