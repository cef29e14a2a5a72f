import { Failure, type Identity } from "@postern/contracts";
import { createFakeClock, testSession } from "@postern/testing";
import test from "ava";
import { createLookUps } from "./look-ups.ts";

const from = (host: string): Parameters<ReturnType<typeof createLookUps>["count"]>[0] =>
  testSession({ client: { host, port: 40_000 } });
const unknown = (): Promise<never> => Promise.reject(new Failure("unknown-user", "nobody"));
const found = (): Promise<string> => Promise.resolve("found");
const PROVEN: Identity = { user: "alice@example.com", proven: true };

test("look-ups: an address that has asked for too many unknown names is not looked up for until its time is over", async (t) => {
  const clock = createFakeClock();
  const lookUps = createLookUps(clock, 3);
  const asked = async (host: string, identity?: Identity): Promise<string> => {
    try {
      return await lookUps.count(from(host), identity, unknown);
    } catch (error) {
      return error instanceof Failure ? error.kind : "";
    }
  };
  for (let count = 0; count < 3; count++) t.is(await asked("192.0.2.1"), "unknown-user");
  t.is(await asked("192.0.2.1"), "too-many-from-address");
  t.is(await asked("192.0.2.2"), "unknown-user", "others have their own count");
  t.is(await asked("192.0.2.1", PROVEN), "unknown-user", "and whoever was checked has none");
  const failure = await t.throwsAsync(lookUps.count(from("192.0.2.1"), undefined, found), { instanceOf: Failure });
  t.is(failure?.waitMs, 20_000);
  await clock.advance(20_000);
  t.is(await lookUps.count(from("192.0.2.1"), undefined, found), "found");
});

test("look-ups: names that are known cost nothing, and an IPv6 network is one address", async (t) => {
  const lookUps = createLookUps(createFakeClock(), 1);
  for (let count = 0; count < 100; count++) t.is(await lookUps.count(from("2001:db8::1"), undefined, found), "found");
  await t.throwsAsync(lookUps.count(from("2001:db8::1"), undefined, unknown), { message: "nobody" });
  await t.throwsAsync(lookUps.count(from("2001:db8::2"), undefined, found), { message: /too many names/ });
});
