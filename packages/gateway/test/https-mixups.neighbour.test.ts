// Users whose login belongs to their connection (NTLM, checked by Samba), users of Basic and nobody at all, interleaved through
// the real program on kept connections, in 10,000 random orders: each answer names the user of its own connection.
// POSTERN_SEED repeats a run.

import { randomInt } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { startNtlmServer, type NtlmServer } from "@postern/testing";
import { startGateway, type Gateway } from "./gateway-process.ts";
import { FILES } from "./mailboxes.ts";
import { authenticateMessage, negotiateMessage, PASSWORD, WebWire, type Heard } from "./ntlm-web-client.ts";

const ORDERS = 10_000;
const SEATS = 6;
const AT_ONCE = 3;
const SEED = Number(process.env["POSTERN_SEED"] ?? randomInt(2 ** 31));

const USERS = ["alice", "bob", "erin"];
/** Users of Basic, and their backends. */
const OTHERS: Readonly<Record<string, string>> = { carol: "first", dave: "second" };

let servers: readonly NtlmServer[];
let gateway: Gateway;

test.before(async () => {
  servers = await Promise.all(["first", "second"].map((name) => startNtlmServer({ name, password: PASSWORD })));
  const [first, second] = servers.map(({ port }) => ({ https: `http://127.0.0.1:${port}` }));
  gateway = await startGateway({
    listeners: { https: { protocol: "https", tls: "implicit" } },
    backends: { first, second },
    routes: [{ source: "static", users: { "carol@example.com": "first", "dave@example.com": "second" } }],
    files: FILES,
    config: {
      // One process: all of them meet in one pool.
      workers: 1,
      https: { accessLog: "none", requestsPerUser: 0 },
      limits: { connections: { perAddress: 0, perUser: 0 } },
      log: { level: "warn" },
    },
  });
});

test.after.always(async () => {
  await gateway?.stop();
  await Promise.all((servers ?? []).map((server) => server.stop()));
});

/** mulberry32: the same numbers for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const random = numbers(SEED);
const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;

/** What happened, so that a test that tests nothing is seen. */
const counts: Record<string, number> = {};
const count = (what: string): void => void (counts[what] = (counts[what] ?? 0) + 1);

/** One person at one connection; another one, at a new connection, when it has ended. */
class Seat {
  readonly #fail: (words: string) => void;
  #wire: WebWire | undefined;
  #name = "";
  #opened = 0;
  /** Who is logged in on the connection. */
  #user: string | undefined;
  #exchange: { readonly user: string; readonly challenge: string } | undefined;
  /** The backend has ended the connection behind its answer: the login may be gone, and nothing else may come of it. */
  #isDoubtful = false;
  readonly #seat: number;

  constructor(seat: number, fail: (words: string) => void) {
    this.#seat = seat;
    this.#fail = fail;
  }

  /** Ready for one more act. */
  async sit(port: number): Promise<void> {
    if (this.#wire !== undefined && !this.#wire.isOver) return;
    this.#user = undefined;
    this.#exchange = undefined;
    this.#isDoubtful = false;
    this.#opened += 1;
    this.#name = `${this.#seat}.${this.#opened}`;
    this.#wire = await WebWire.open(port);
    count("connections");
  }

  act(): Promise<void> {
    const exchange = this.#exchange;
    if (exchange !== undefined && random(4) > 0) return this.#finish(exchange);
    const dice = random(100);
    if (dice < 12) return this.#begin(pick(USERS));
    if (dice < 55) return this.#plain("/public");
    if (dice < 70) return this.#plain("/private");
    if (dice < 85) return this.#basic(pick(Object.keys(OTHERS)));
    if (dice < 88) return this.#leave();
    if (dice < 92) return this.#plain("/public", "close");
    if (dice < 96) return this.#plain("/public", "late");
    return this.#plain("/public", "cut");
  }

  #get(target: string, ...fields: readonly string[]): Promise<Heard | undefined> {
    return this.#wire?.get(target, [`X-Who: ${this.#name}`, ...fields]) ?? Promise.resolve(undefined);
  }

  async #begin(user: string): Promise<void> {
    // The server forgets who was there.
    this.#user = undefined;
    this.#exchange = undefined;
    const heard = await this.#get("/private", `Authorization: NTLM ${negotiateMessage()}`);
    if (heard === undefined) return count("ended");
    const challenge = /^WWW-Authenticate: NTLM (\S+)\r/m.exec(heard.head)?.[1];
    if (challenge === undefined) return this.#unexpected("the begin of a login", heard);
    this.#exchange = { user, challenge };
  }

  async #finish({ user, challenge }: { readonly user: string; readonly challenge: string }): Promise<void> {
    this.#exchange = undefined;
    const heard = await this.#get("/private", `Authorization: NTLM ${authenticateMessage(user, challenge)}`);
    if (heard === undefined) return count("ended");
    if (heard.status === 401 && this.#isDoubtful) return count("logins lost");
    if (heard.status !== 200 || !heard.body.startsWith(`${user} `)) return this.#unexpected(`the login of ${user}`, heard);
    this.#user = user;
    this.#isDoubtful = false;
    count("logins");
  }

  async #plain(target: string, order?: "close" | "late" | "cut"): Promise<void> {
    const user = this.#user;
    const heard = await this.#get(target, ...(order === undefined ? [] : [`X-Do: ${order}`]));
    if (order !== undefined) this.#isDoubtful = true;
    if (heard === undefined) return count("ended");
    if (order === "cut" && heard.status === 502) return count("502");
    const nobody = target === "/public" ? "anonymous" : undefined;
    const isNobody = nobody === undefined ? heard.status === 401 : heard.body.startsWith(`${nobody} `);
    if (isNobody && (user === undefined || this.#isDoubtful)) {
      this.#user = undefined;
      return count("as nobody");
    }
    if (user === undefined || heard.status !== 200 || !heard.body.startsWith(`${user} `))
      return this.#unexpected(`${target} ${order ?? ""} as ${user ?? "nobody"}`, heard);
    count("by connection");
  }

  async #basic(user: string): Promise<void> {
    const login = Buffer.from(`${user}:${PASSWORD}`).toString("base64");
    const heard = await this.#get("/private", `Authorization: Basic ${login}`);
    if (heard === undefined) return count("ended");
    if (heard.status !== 200 || heard.body !== `${user} ${OTHERS[user] ?? ""}`)
      return this.#unexpected(`Basic of ${user}`, heard);
    count("basic");
  }

  async #leave(): Promise<void> {
    this.#wire?.close();
    count("left");
  }

  #unexpected(what: string, { status, body }: Heard): void {
    this.#fail(`seed ${SEED}, ${this.#name}: ${what} was answered ${status} ${body}`);
  }

  close(): void {
    this.#wire?.close();
  }
}

function checkConnections(t: ExecutionContext): void {
  const all = servers.flatMap(({ connections }) => connections);
  const withLogin = all.filter(({ logins }) => logins > 0);
  const shared = all.filter(({ owner, askers }) => owner === undefined && askers.size > 1);
  t.log(`seed ${SEED}`, counts, `${withLogin.length} backend connections with a login, ${shared.length} of several clients`);
  // A connection may have served others before; from the first word of a login on it serves one client.
  t.deepEqual(
    servers.flatMap(({ mixUps }) => mixUps),
    [],
  );
  t.true(withLogin.length > 200, "many connections were logged in on");
  t.true(shared.length > 20, "without a login they are shared");
}

test(`mix-ups: in ${ORDERS} random orders, every answer names the user of its own connection`, async (t) => {
  t.timeout(300_000);
  const failures: string[] = [];
  const seats = Array.from({ length: SEATS }, (_, index) => new Seat(index, (words) => failures.push(words)));
  for (let order = 0; order < ORDERS && failures.length === 0; order += 1) {
    const at = seats.slice();
    const chosen = Array.from({ length: AT_ONCE }, () => at.splice(random(at.length), 1)[0]).filter((seat) => seat !== undefined);
    await Promise.all(chosen.map((seat) => seat.sit(gateway.port("https"))));
    await Promise.all(chosen.map((seat) => seat.act()));
  }
  for (const seat of seats) seat.close();
  t.deepEqual(failures, []);
  for (const what of ["logins", "by connection", "as nobody", "basic", "left"]) t.true((counts[what] ?? 0) > 500, what);
  checkConnections(t);
});
