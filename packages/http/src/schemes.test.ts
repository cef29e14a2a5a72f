import { PROOFS, type LoginStrategy, type Proof } from "@postern/contracts";
import test from "ava";
import { SCHEMES, type Scheme } from "./authorization.ts";
import { HTTP_MECHANISMS, offeredSchemes } from "./schemes.ts";

const offered = (proves: readonly Proof[], strategies: readonly LoginStrategy[], believes = false, named?: readonly Scheme[]) =>
  offeredSchemes(
    {
      authenticator: { proves: new Set(proves), believes },
      logins: strategies.map((strategy) => ({ strategy, tokenUrl: undefined })),
      checkedByRoute: false,
      certificates: false,
    },
    named,
  );

test("schemes: each has a mechanism of its name", (t) => {
  for (const scheme of SCHEMES) t.is(HTTP_MECHANISMS[scheme].name, scheme);
});

test("schemes: all are offered, strongest first, where all is proven and the backends believe the gateway", (t) => {
  t.deepEqual(offered(PROOFS, ["master"]), [...SCHEMES]);
  t.deepEqual(offered(PROOFS, ["master"], false, ["Basic", "NTLM"]), ["NTLM", "Basic"]);
});

test("schemes: only what a verifier proves is offered", (t) => {
  t.deepEqual(offered(["password"], ["master"]), ["Basic"]);
  t.deepEqual(offered(["kerberos"], ["master"]), ["Negotiate"]);
  t.deepEqual(offered(["ntlm", "token"], ["master"]), ["NTLM", "Bearer"]);
  t.deepEqual(offered([], ["master"], false, SCHEMES), []);
});

test("schemes: where the backend wants the password, what leaves none is not offered", (t) => {
  t.deepEqual(offered(PROOFS, ["relay"]), ["Bearer", "Basic"]);
});

test("schemes: where only the backend can tell, what can be passed on is offered", (t) => {
  t.deepEqual(offered([], ["relay"], true), ["Bearer", "Basic"]);
});
