// A calendar program that we did not write (Python's caldav, as Debian has it), through the real program: it finds the user's
// principal, keeps a calendar and reads it back. Behind the gateway are two Radicales, or two Cyruses; they ask for the login, or
// the gateway does. With Radicale the program begins at the well-known address. Cyrus sends it from there to another, and there
// the program asks without its body; and Cyrus leaves out the realm on connections that carried a login, which it cannot read.

import test from "ava";
import { startCyrus, startRadicale, type Cyrus, type Radicale } from "@postern/testing";
import { run, succeed, type Outcome } from "./clients.ts";
import { POSTERN, startGateway, type Gateway, type Json } from "./gateway-process.ts";
import { ALICE, BOB, FILES, PASSWORDS, ROUTES } from "./mailboxes.ts";

type Calendars = Radicale | Cyrus;

interface House {
  /** Where the program begins. */
  readonly path: string;
  readonly gateway: Gateway;
}

/** Argument: the address. Input: user and password, a line each. What it found, as JSON. */
const PROGRAM = `
import datetime, json, os, sys
import caldav
user, password = sys.stdin.read().splitlines()
client = caldav.DAVClient(url=sys.argv[1], username=user, password=password, ssl_verify_cert=os.environ["AUTHORITY"])
try:
    principal = client.principal()
except caldav.lib.error.AuthorizationError as error:
    print(error)
    sys.exit(3)
before = [one.name for one in principal.calendars()]
calendar = principal.make_calendar(name="Tea & plums", cal_id="tea")
start = datetime.datetime(2026, 11, 3, 10, tzinfo=datetime.timezone.utc)
hour = datetime.timedelta(hours=1)
event = calendar.save_event(dtstart=start, dtend=start + hour, summary="Tea with " + user)
event.icalendar_instance.subcomponents[0]["SUMMARY"] = "Zwetschgentörtchen"
event.save()
found = calendar.date_search(start=start - hour, end=start + hour, expand=False)
none = calendar.date_search(start=start + 24 * hour, end=start + 25 * hour, expand=False)
again = caldav.DAVClient(url=sys.argv[1], username=user, password=password, ssl_verify_cert=os.environ["AUTHORITY"])
known = again.principal().calendars()
result = {
    "principal": str(principal.url),
    "before": before,
    "url": str(calendar.url),
    "names": [one.name for one in known],
    "summaries": [str(one.icalendar_instance.subcomponents[0]["SUMMARY"]) for one in found],
    "none": len(none),
    "events": [len(one.events()) for one in known],
}
event.delete()
result["left"] = len(calendar.events())
calendar.delete()
print(json.dumps(result))
`;

/** What the program found. */
interface Found {
  readonly principal: string;
  readonly before: readonly string[];
  readonly url: string;
  readonly names: readonly string[];
  readonly summaries: readonly string[];
  readonly none: number;
  readonly events: readonly number[];
  readonly left: number;
}

const at = ({ gateway }: House): string => `https://localhost:${gateway.port("https")}`;

function program(house: House, user: string, password = PASSWORDS[user] ?? ""): Promise<Outcome> {
  return run("/usr/bin/python3", ["-c", PROGRAM, at(house) + house.path], {
    input: `${user}\n${password}\n`,
    env: { AUTHORITY: `${house.gateway.folder}/ca.pem` },
  });
}

/** All that runs, also when a later one does not start. */
const running: { stop(): Promise<unknown> }[] = [];
async function kept<T extends { stop(): Promise<unknown> }>(starting: Promise<T>): Promise<T> {
  const started = await starting;
  running.push(started);
  return started;
}

async function startHouse(
  path: string,
  servers: readonly Calendars[],
  { login = "relay", files = {}, ...config }: { login?: string; files?: Readonly<Record<string, string>> } & Json = {},
): Promise<House> {
  const leg = (index: number): Json => ({ https: { url: `http://127.0.0.1:${servers[index]?.port ?? 0}`, login } });
  const starting = startGateway({
    listeners: { https: { protocol: "https" } },
    backends: { mbx1: leg(0), mbx2: leg(1) },
    routes: ROUTES,
    files: { ...FILES, ...files },
    config,
  });
  return { path, gateway: await kept(starting) };
}

const USERS = [ALICE, BOB] as const;
const only = (user: string): { users: Record<string, string> } => ({ users: { [user]: PASSWORDS[user] ?? "" } });
const KNOWN = "/.well-known/caldav";
/** All of the host is Radicale's. */
const whole = (authentication: string): Json => ({
  services: { calendars: { paths: "/", hosts: "localhost", authentication }, dav: { authentication } },
});

const HOUSES: Readonly<Record<string, () => Promise<House>>> = {
  "Radicale, which asks for the login": async () =>
    startHouse(KNOWN, await Promise.all(USERS.map((user) => kept(startRadicale(only(user))))), { https: whole("pass") }),
  "Radicale, behind a gateway that asks for the login": async () =>
    startHouse(KNOWN, await Promise.all([kept(startRadicale()), kept(startRadicale())]), {
      login: "xclient",
      https: whole("edge"),
      authentication: { verifiers: [{ verifier: "file", path: "users.passwd" }] },
      files: { "users.passwd": await passwordFile() },
    }),
  "Cyrus, behind a gateway that asks for the login": async () => {
    const servers = await Promise.all(USERS.map((user) => kept(startCyrus(only(user)))));
    for (const [index, user] of USERS.entries()) {
      const mail = ["--server", `127.0.0.1:${servers[index]?.lmtpPort ?? 0}`, "--from", "dora@example.net", "--to", user];
      await succeed("swaks", ["--protocol", "LMTP", ...mail]);
    }
    return startHouse("/dav/principals/", servers, { https: { services: { dav: { authentication: "edge" } } } });
  },
};

async function passwordFile(): Promise<string> {
  const line = (user: string): Promise<Buffer> =>
    succeed(POSTERN, ["passwd", "--scheme", "sha512-crypt", user], { input: `${PASSWORDS[user]}\n` });
  return Buffer.concat(await Promise.all(USERS.map(line))).toString();
}

const houses = new Map<string, House>();
test.before(async () => {
  for (const [name, start] of Object.entries(HOUSES)) houses.set(name, await start());
});

test.after.always(async () => {
  for (const one of running.toReversed()) await one.stop();
});

function houseOf(name: string): House {
  const house = houses.get(name);
  if (house === undefined) throw new Error(`${name} was not started`);
  return house;
}

for (const name of Object.keys(HOUSES)) {
  for (const user of USERS)
    test.serial(`CalDAV: ${user} keeps a calendar in ${name}`, async (t) => {
      const house = houseOf(name);
      const { code, stdout, stderr } = await program(house, user);
      t.is(code, 0, stderr);
      const found = JSON.parse(stdout.toString()) as Found;
      t.true(found.principal.startsWith(at(house)), found.principal);
      t.true(decodeURIComponent(found.principal).includes(user), found.principal);
      t.true(found.url.startsWith(at(house)), found.url);
      t.deepEqual(new Set(found.names), new Set([...found.before, "Tea & plums"]));
      t.deepEqual(found.summaries, ["Zwetschgentörtchen"]);
      t.is(
        found.events.reduce((sum, count) => sum + count, 0),
        1,
      );
      t.is(found.none, 0);
      t.is(found.left, 0);
      const backend = user === ALICE ? "mbx1" : "mbx2";
      const requests = house.gateway.log().filter((line) => line["message"] === "request" && line["user"] === user);
      t.deepEqual([...new Set(requests.map((line) => line["backend"]))], [backend], "and nowhere else");
      t.true(requests.some((line) => line["method"] === "MKCALENDAR" && line["status"] === 201));
      t.true(requests.some((line) => line["method"] === "REPORT" && line["status"] === 207));
    });

  test.serial(`CalDAV: who has another's password is not let into ${name}`, async (t) => {
    const { code, stdout } = await program(houseOf(name), ALICE, PASSWORDS[BOB]);
    t.is(code, 3, stdout.toString());
  });
}
