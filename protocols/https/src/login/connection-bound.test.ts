import test from "ava";
import { becomesBound, isConnectionBound, needsOwnConnection } from "./connection-bound.ts";

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
