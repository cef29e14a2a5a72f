import { Failure } from "@postern/contracts";
import { createFakeClock } from "@postern/testing";
import test from "ava";
import { ntlmAuthenticate } from "../login/test/ntlm.ts";
import { testClient, webSession } from "../../test/exchanges.ts";
import { basic, requestOf, serviceNamed } from "../hints/test/request.ts";
import { createDevices, type Decision, type Device } from "./devices.ts";
import { createRates } from "./rates.ts";

type RuleSettings = Parameters<typeof createDevices>[0][number];

const rule = (action: RuleSettings["action"], rest: Partial<RuleSettings> = {}): RuleSettings => ({
  user: undefined,
  type: undefined,
  id: undefined,
  agent: undefined,
  below: undefined,
  perMinute: 10,
  ...rest,
  action,
});
const PHONE: Device = {
  user: "alice@example.com",
  from: "",
  deviceId: "Appl1",
  deviceType: "iPhone",
  version: "14.1",
  agent: "Apple-iPhone/1",
};
const devicesOf = (rules: readonly RuleSettings[], clock = createFakeClock()) => createDevices(rules, clock, "example.com");
const decided = (rules: readonly RuleSettings[], device: Partial<Device> = {}): Decision["action"] =>
  devicesOf(rules).decide({ ...PHONE, ...device }).action;

const RULES: readonly (readonly [why: string, rule: Partial<RuleSettings>, device: Partial<Device>, fits: boolean])[] = [
  ["no condition fits all", {}, { deviceId: "" }, true],
  ["a type", { type: "iphone" }, {}, true],
  ["a type with a star", { type: "i*ne" }, {}, true],
  ["another type", { type: "Android*" }, {}, false],
  ["a type in the middle", { type: "Phone" }, {}, false],
  ["an id", { id: "APPL*" }, {}, true],
  ["an agent", { agent: "*iphone*" }, {}, true],
  ["characters of regular expressions", { agent: "Apple.iPhone/." }, {}, false],
  ["a user", { user: "Alice@example.com" }, {}, true],
  ["users of a domain", { user: "*@example.com" }, {}, true],
  ["users of a domain, with the domain in the name", { user: "*@example.com" }, { user: "x@example.com@evil.example" }, false],
  ["a star that would reach over the @", { user: "al*@example.com" }, { user: "al@evil.example@example.com" }, true],
  ["a user without a domain in the pattern", { user: "alice*" }, {}, true],
  ["nobody", { user: "alice*" }, { user: "" }, false],
  ["an older version", { below: "16.0" }, {}, true],
  ["the same version", { below: "14.1" }, {}, false],
  ["a version of one digit", { below: "14.0" }, { version: "2.5" }, true],
  ["no version", { below: "14.1" }, { version: "" }, false],
  ["all of several conditions", { type: "iPhone", user: "*@example.com", below: "16.0" }, {}, true],
  ["one of several conditions", { type: "iPhone", user: "bob@example.com" }, {}, false],
];

for (const [why, condition, device, fits] of RULES)
  test(`devices: ${why} ${fits ? "fits" : "does not fit"}`, (t) =>
    t.is(decided([rule("block", condition)], device), fits ? "block" : "allow"));

test("devices: the first rule that fits counts, and without one a phone is let through", (t) => {
  t.is(decided([rule("allow", { user: "alice@*" }), rule("block")]), "allow");
  t.is(decided([rule("allow", { user: "bob@*" }), rule("block")]), "block");
  t.is(decided([]), "allow");
});

test("devices: a phone is slowed down above its requests a minute, and each by itself", async (t) => {
  const clock = createFakeClock();
  const { decide } = devicesOf([rule("slow", { perMinute: 3 })], clock);
  for (let count = 0; count < 3; count += 1) t.is(decide(PHONE).action, "allow");
  t.deepEqual(decide(PHONE), { action: "slow", rule: 1, retryAfter: 20 });
  t.is(decide({ ...PHONE, deviceId: "Appl2" }).action, "allow");
  t.is(decide({ ...PHONE, user: "bob@example.com" }).action, "allow");
  await clock.advance(19_000);
  t.deepEqual(decide(PHONE), { action: "slow", rule: 1, retryAfter: 1 });
  await clock.advance(1000);
  t.is(decide(PHONE).action, "allow");
  t.is(decide(PHONE).action, "slow");
  await clock.advance(3_600_000);
  for (let count = 0; count < 3; count += 1) t.is(decide(PHONE).action, "allow");
  t.is(decide(PHONE).action, "slow", "no more than a minute's worth is saved up");
});

test("devices: a minute has all of its requests, whatever their number", (t) => {
  const rates = createRates(createFakeClock());
  for (const perMinute of [1, 7, 11, 60, 999, 10_000]) {
    const key = String(perMinute);
    for (let count = 0; count < perMinute; count += 1) if (rates.take(key, perMinute) > 0) t.fail(`${count} of ${perMinute}`);
    t.true(rates.take(key, perMinute) > 0, key);
  }
});

test("devices: what is counted is bounded, and the oldest is forgotten first", (t) => {
  const rates = createRates(createFakeClock(), 2);
  t.is(rates.take("a", 1), 0);
  t.is(rates.take("b", 1), 0);
  t.true(rates.take("a", 1) > 0);
  t.is(rates.take("c", 1), 0);
  t.true(rates.take("a", 1) > 0, "it asked after b");
  t.is(rates.take("b", 1), 0, "it was forgotten");
});

const ACTIVESYNC = serviceNamed("activesync");
const QUERY = "Cmd=Sync&User=bob&DeviceId=Appl1&DeviceType=iPhone";
const asking = (target: string, fields: readonly string[] = [], host = "192.0.2.1") => ({
  request: requestOf(target, ...fields),
  client: testClient({ session: webSession({ client: { host, port: 1 } }) }),
});
const request = (...fields: string[]) => asking(`/Microsoft-Server-ActiveSync?${QUERY}`, fields);
const NOBODY = { identity: undefined };

test("devices: the phone of a request is told, with rules and without", (t) => {
  t.is(devicesOf([]).check(request(), ACTIVESYNC, NOBODY), "iPhone Appl1");
  t.is(devicesOf([rule("allow")]).check(request(), ACTIVESYNC, NOBODY), "iPhone Appl1");
  t.is(devicesOf([rule("allow")]).check(asking("/Microsoft-Server-ActiveSync"), ACTIVESYNC, NOBODY), undefined);
});

test("devices: requests of other services are none of a phone's", (t) => {
  t.is(devicesOf([rule("block")]).check(request(), serviceNamed("owa"), NOBODY), undefined);
});

const refusal = (work: () => unknown): string | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof Failure ? error.kind : "no failure";
  }
};

test("devices: a user is who logs in, not who the query names", (t) => {
  const devices = devicesOf([rule("block", { user: "alice@example.com" })]);
  t.is(
    refusal(() => devices.check(request("Authorization", basic("EXAMPLE\\alice")), ACTIVESYNC, NOBODY)),
    "not-authorized",
  );
  t.is(
    refusal(() => devices.check(request(), ACTIVESYNC, { identity: { user: "alice@example.com", proven: true } })),
    "not-authorized",
  );
  t.is(
    refusal(() => devices.check(request("Authorization", basic("bob")), ACTIVESYNC, NOBODY)),
    undefined,
  );
  const named = devicesOf([rule("block", { user: "bob@example.com" })]);
  t.is(
    refusal(() => named.check(request(), ACTIVESYNC, NOBODY)),
    "not-authorized",
    "without a login the query counts",
  );
});

test("devices: who logs in by a token or by NTLM is not who the query names either", (t) => {
  const devices = devicesOf([rule("block", { user: "alice@example.com" })]);
  const token = `e30.${Buffer.from(JSON.stringify({ upn: "alice@example.com" })).toString("base64url")}.x`;
  for (const login of [`Bearer ${token}`, `NTLM ${ntlmAuthenticate("alice").toString("base64")}`])
    t.is(
      refusal(() => devices.check(request("Authorization", login), ACTIVESYNC, NOBODY)),
      "not-authorized",
    );
  const windows = asking("/Microsoft-Server-ActiveSync?Cmd=Sync&User=EXAMPLE%5Calice&DeviceId=a&DeviceType=b");
  t.is(
    refusal(() => devices.check(windows, ACTIVESYNC, NOBODY)),
    "not-authorized",
  );
});

test("devices: a command that says no version is an old one, and what asks for the versions is of none", (t) => {
  const devices = devicesOf([rule("block", { below: "14.0" })]);
  t.is(
    refusal(() => devices.check(request(), ACTIVESYNC, NOBODY)),
    "not-authorized",
  );
  t.is(
    refusal(() => devices.check(request("MS-ASProtocolVersion", "16.1"), ACTIVESYNC, NOBODY)),
    undefined,
  );
  t.is(
    refusal(() => devices.check(asking("/Microsoft-Server-ActiveSync"), ACTIVESYNC, NOBODY)),
    undefined,
  );
});

test("devices: a phone that comes too often is told to come later", (t) => {
  const devices = devicesOf([rule("slow", { perMinute: 1, agent: "*" })]);
  t.is(
    refusal(() => devices.check(request(), ACTIVESYNC, NOBODY)),
    undefined,
  );
  const failure = t.throws(() => devices.check(request(), ACTIVESYNC, NOBODY), { instanceOf: Failure });
  t.is(failure.kind, "too-many-of-user");
  t.is(failure.waitMs, 60_000, "which is what Retry-After says");
});

test("devices: a stranger who names a user's phone uses up nothing of it", (t) => {
  const devices = devicesOf([rule("slow", { perMinute: 1 })]);
  const from = (host: string) => asking(`/Microsoft-Server-ActiveSync?${QUERY}`, ["Authorization", basic("bob")], host);
  const check = (host: string, proven = false): string | undefined =>
    refusal(() => devices.check(from(host), ACTIVESYNC, proven ? { identity: { user: "bob@example.com", proven } } : NOBODY));
  t.deepEqual([check("192.0.2.66"), check("192.0.2.66")], [undefined, "too-many-of-user"]);
  t.is(check("192.0.2.1"), undefined);
  t.deepEqual(
    [check("192.0.2.1", true), check("192.0.2.2", true)],
    [undefined, "too-many-of-user"],
    "who was checked has one count",
  );
});
