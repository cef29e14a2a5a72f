import test from "ava";
import { Failure, Secret, type Leg, type RouteAnswer, type RouteQuery, type RouteSource } from "@postern/contracts";
import { testLeg } from "@postern/testing";
import { createRouter, type AdHocLeg } from "./router.ts";

const QUERY: RouteQuery = { user: "alice@example.com", protocol: "imap", credentials: undefined, session: undefined };

const source = (name: string, find: RouteSource["find"]): RouteSource => ({ name, cacheable: true, find, close: () => {} });
const says = (name: string, ...candidates: RouteAnswer["candidates"]): RouteSource =>
  source(name, () => Promise.resolve({ candidates, why: `because of ${name}` }));
const unknown = (name: string): RouteSource => source(name, () => Promise.resolve(undefined));
const fails = (name: string, kind: "source-down" | "wrong-credentials"): RouteSource =>
  source(name, () => Promise.reject(new Failure(kind, `${name} fails`)));
const never = source("never asked", () => {
  throw new Error("The walk went too far");
});

const legs = (backend: string, port: number): ReadonlyMap<string, Leg> =>
  new Map([["imap", testLeg(port, { backend, host: "10.0.0.1" })]]);
const BACKENDS = new Map([
  ["mbx1", legs("mbx1", 1)],
  ["mbx2", legs("mbx2", 2)],
  ["web", new Map<string, Leg>()],
]);
const adHoc: AdHocLeg = (_, { host, port }) => testLeg(port, { backend: `${host}:${port}`, host });
const router = (...sources: readonly RouteSource[]) => createRouter(sources, BACKENDS, adHoc);
const names = (found: readonly Leg[]): string[] => found.map(({ backend }) => backend);

test("router: the first source that knows the user decides, in its order of candidates", async (t) => {
  const route = await router(unknown("one"), says("two", { backend: "mbx2" }, { backend: "mbx1" }), never).find(QUERY);
  t.deepEqual(names(route.legs), ["mbx2", "mbx1"]);
  t.deepEqual([route.source, route.why], ["two", "because of two"]);
});

test("router: a source that is down stops the walk: the next might send the user elsewhere", async (t) => {
  const error = await t.throwsAsync(router(fails("one", "source-down"), never).find(QUERY), { instanceOf: Failure });
  t.is(error?.kind, "source-down");
});

test("router: a refusal is final", async (t) => {
  const error = await t.throwsAsync(router(fails("one", "wrong-credentials"), never).find(QUERY), { instanceOf: Failure });
  t.is(error?.kind, "wrong-credentials");
});

test("router: a user that no source knows is unknown", async (t) => {
  const error = await t.throwsAsync(router(unknown("one"), unknown("two")).find(QUERY), { instanceOf: Failure });
  t.is(error?.kind, "unknown-user");
});

test("router: candidates without a leg for the protocol are left out; with none left there is no candidate", async (t) => {
  const route = await router(says("one", { backend: "web" }, { backend: "mbx1" })).find(QUERY);
  t.deepEqual(names(route.legs), ["mbx1"]);
  const error = await t.throwsAsync(router(says("one", { backend: "web" }, { backend: "gone" }), never).find(QUERY), {
    instanceOf: Failure,
  });
  t.is(error?.kind, "no-candidate");
  t.regex(error?.message ?? "", /one.*imap.*web, gone/);
});

test("router: an address of a configured backend is that backend, another is made up", async (t) => {
  const route = await router(says("one", { host: "10.0.0.1", port: 2 }, { host: "10.0.0.1", port: 3 })).find(QUERY);
  t.deepEqual(names(route.legs), ["mbx2", "10.0.0.1:3"]);
});

test("router: another user and password go on with the route", async (t) => {
  const login = { user: "bob" };
  const found = source("one", () => Promise.resolve({ candidates: [{ backend: "mbx1" }], why: "x", login }));
  t.is((await router(found).find(QUERY)).login, login);
});

test("router: explains every step, and never throws", async (t) => {
  const good = await router(unknown("one"), says("two", { backend: "mbx1" })).explain(QUERY);
  t.deepEqual(
    good.steps.map(({ source: name, outcome }) => [name, outcome]),
    [
      ["one", "unknown"],
      ["two", "answered"],
    ],
  );
  t.deepEqual(names(good.route?.legs ?? []), ["mbx1"]);
  t.is(good.problem, undefined);
  for (const [kind, outcome] of [
    ["source-down", "down"],
    ["wrong-credentials", "refused"],
  ] as const) {
    const bad = await router(fails("one", kind)).explain(QUERY);
    t.deepEqual(bad.steps, [{ source: "one", outcome, detail: "one fails" }]);
    t.is(bad.problem, "one fails");
    t.is(bad.route, undefined);
  }
  t.regex((await router().explain(QUERY)).problem ?? "", /alice@example\.com/);
});

test("router: an application has the backend of its rule, and no source is asked", async (t) => {
  const secret = new Secret("");
  const named = (backend: string): RouteQuery => {
    const credentials = {
      kind: "admitted",
      mechanism: "",
      authcid: "crm",
      authzid: "",
      secret,
      backend,
      why: "",
      opening: "",
    } as const;
    return { ...QUERY, user: "crm", credentials };
  };
  const route = await router(never).find(named("mbx2"));
  t.deepEqual(names(route.legs), ["mbx2"]);
  t.is(route.why, "application crm");
  for (const backend of ["web", "mbx9"]) {
    const error = await t.throwsAsync(router(never).find(named(backend)), { instanceOf: Failure });
    t.is(error?.kind, "no-candidate");
  }
});
