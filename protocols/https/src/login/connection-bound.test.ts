import test from "ava";
import { becomesBound, isConnectionBound, needsOwnConnection } from "./connection-bound.ts";
import { createLogins } from "./logins.ts";
import { ntlmNegotiate } from "./test/ntlm.ts";
import { client, exchange, scene, webService } from "./test/scene.ts";

const asks = (...values: string[]) => ({ fields: values.flatMap((value) => ["WWW-Authenticate", value]) });

test("a request by NTLM or Negotiate, or by a scheme that nobody knows, is bound to its connection", (t) => {
  for (const value of [
    "NTLM TlRM",
    "ntlm TlRM",
    "Negotiate YII",
    "Nego2 x",
    "Kerberos x",
    "Secret x",
    "",
    "Basic, NTLM x",
    "\tBasic x",
  ])
    t.true(isConnectionBound(["Host", "a", "authorization", value]), JSON.stringify(value));
});

test("a request that brings its own login, or none, is not", (t) => {
  for (const value of ["Basic YTpi", "BASIC YTpi", "basic\tYTpi", "Bearer x", 'Digest username="a"'])
    t.false(isConnectionBound(["Authorization", value]), value);
  t.false(isConnectionBound(["Cookie", "NTLM", "Proxy-Authorization", "NTLM x"]));
});

test("a second Authorization behind a harmless one binds all the same", (t) => {
  t.true(isConnectionBound(["Authorization", "Basic YTpi", "Authorization", "NTLM x"]));
});

test("an answer that asks for such a login, or is part of one, binds, in whatever place it says so", (t) => {
  t.true(becomesBound(asks("NTLM")));
  t.true(becomesBound(asks("Basic realm=x", "Negotiate")));
  t.true(becomesBound(asks('Basic realm="x",NTLM')));
  t.true(becomesBound(asks('Basic realm="x", negotiate oYG2')));
  t.true(becomesBound({ fields: ["WWW-AUTHENTICATE", "NTLM TlRM"] }));
  t.true(becomesBound({ fields: ["Persistent-Auth", "True"] }));
  t.true(becomesBound({ fields: ["Proxy-Support", "Session-Based-Authentication"] }));
});

test("other answers do not", (t) => {
  t.false(becomesBound(asks('Basic realm="ntlmish"', 'Bearer error="x"', 'Digest realm="a", nonce="b"')));
  t.false(becomesBound({ fields: ["Persistent-Auth", "false", "X-Other", "NTLM"] }));
});

test("where users share a connection such a login needs one of its own", (t) => {
  const ntlm = ["Authorization", "NTLM x"];
  t.true(needsOwnConnection(true, ntlm));
  t.true(needsOwnConnection(true, [], asks("NTLM")));
  t.false(needsOwnConnection(true, [], asks("Basic realm=x")));
  t.false(needsOwnConnection(false, ntlm, asks("NTLM")));
});

for (const authentication of ["pass", "edge"] as const)
  test(`${authentication}: on a connection with a login, requests of another client of a proxy are sent away`, async (t) => {
    let closes = 0;
    const logins = createLogins(scene().parts);
    const from = client({ closeSoon: () => void (closes += 1) });
    const service = webService({ authentication });
    const told = async (fields: readonly string[]): Promise<number | undefined> => {
      const one = exchange(from, "GET /", { fields });
      (await logins.admit(one, service))?.release();
      return one.told.status;
    };
    const ntlm = ["Authorization", `NTLM ${ntlmNegotiate().toString("base64")}`];
    t.not(await told(["X-Forwarded-For", "192.0.2.9"]), 421, "before there is a login, all are served");
    for (const fields of [ntlm, []]) t.not(await told([...fields, "X-Forwarded-For", "192.0.2.1", "Via", "1.1 lb"]), 421);
    t.is(closes, 0);
    for (const said of ["192.0.2.2", "192.0.2.1, 192.0.2.2", ""])
      t.is(await told(["X-Forwarded-For", said, "Via", "1.1 lb"]), 421, said);
    t.is(await told([]), 421);
    t.is(await told(["Via", "1.1 lb", "Forwarded", "for=192.0.2.1"]), 421);
    t.is(closes, 5);
  });
