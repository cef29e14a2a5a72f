// People at kept connections to a gateway, for tests of mix-ups: each does something at random, knows who it is there, and says
// when an answer names somebody else. The same seed gives the same people.

import { randomInt } from "node:crypto";
import { authenticateMessage, negotiateMessage, PASSWORD, WebWire, type Heard } from "./ntlm-web-client.ts";

/** POSTERN_SEED repeats a run. */
const SEED = Number(process.env["POSTERN_SEED"] ?? randomInt(2 ** 31));
const SEATS = 6;
const AT_ONCE = 3;

const USERS = ["alice", "bob", "erin"];
const OTHERS = ["carol", "dave"];

export interface Rules {
  /** The whole body of an answer to Basic. The others begin with the user's name and a blank. */
  readonly basicOf: (user: string) => string;
  /**
   * pass: the backend knows the login of its connection, and below /public needs none. edge: the gateway knows it and always
   * needs one, any other login ends it, and any other request ends an exchange.
   */
  readonly where: "pass" | "edge";
}

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

/** What happened, so that a test that tests nothing is seen. */
export type Counts = Readonly<Record<string, number>>;

/** One person at one connection; another one, at a new connection, when it has ended. */
class Seat {
  readonly #crowd: Crowd;
  #wire: WebWire | undefined;
  #name = "";
  #opened = 0;
  /** Who is logged in on the connection. */
  #user: string | undefined;
  #exchange: { readonly user: string; readonly challenge: string } | undefined;
  /** The backend has ended the connection behind its answer: the login may be gone, and nothing else may come of it. */
  #isDoubtful = false;
  readonly #seat: number;

  constructor(seat: number, crowd: Crowd) {
    this.#seat = seat;
    this.#crowd = crowd;
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
    this.#crowd.count("connections");
  }

  get #isAtEdge(): boolean {
    return this.#crowd.rules.where === "edge";
  }

  act(): Promise<void> {
    const exchange = this.#exchange;
    if (exchange !== undefined && this.#crowd.random(4) > 0) return this.#finish(exchange);
    const dice = this.#crowd.random(100);
    if (dice < 12) return this.#begin(this.#crowd.pick(USERS));
    if (dice < 55) return this.#plain("/public");
    if (dice < 70) return this.#plain("/private");
    if (dice < 85) return this.#basic(this.#crowd.pick(OTHERS));
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
    if (heard === undefined) return this.#crowd.count("ended");
    const challenge = /^WWW-Authenticate: NTLM (\S+)\r/m.exec(heard.head)?.[1];
    // The gateway takes ten rounds without a login, and one pause.
    if (challenge === undefined && this.#isAtEdge && heard.status === 401) return this.#crowd.count("tired");
    if (challenge === undefined) return this.#unexpected("the begin of a login", heard);
    this.#exchange = { user, challenge };
  }

  async #finish({ user, challenge }: { readonly user: string; readonly challenge: string }): Promise<void> {
    this.#exchange = undefined;
    const heard = await this.#get("/private", `Authorization: NTLM ${authenticateMessage(user, challenge)}`);
    if (heard === undefined) return this.#crowd.count("ended");
    if (heard.status === 401 && this.#isDoubtful) return this.#crowd.count("logins lost");
    if (heard.status !== 200 || !heard.body.startsWith(`${user} `)) return this.#unexpected(`the login of ${user}`, heard);
    this.#user = user;
    this.#isDoubtful = false;
    this.#crowd.count("logins");
  }

  async #plain(target: string, order?: "close" | "late" | "cut"): Promise<void> {
    const user = this.#user;
    if (this.#isAtEdge) this.#exchange = undefined;
    const heard = await this.#get(target, ...(order === undefined ? [] : [`X-Do: ${order}`]));
    if (order !== undefined && !this.#isAtEdge) this.#isDoubtful = true;
    if (heard === undefined) return this.#crowd.count("ended");
    if (order === "cut" && heard.status === 502) return this.#crowd.count("502");
    const nobody = target === "/public" && !this.#isAtEdge ? "anonymous" : undefined;
    const isNobody = nobody === undefined ? heard.status === 401 : heard.body.startsWith(`${nobody} `);
    if (isNobody && (user === undefined || this.#isDoubtful)) {
      this.#user = undefined;
      return this.#crowd.count("as nobody");
    }
    if (user === undefined || heard.status !== 200 || !heard.body.startsWith(`${user} `))
      return this.#unexpected(`${target} ${order ?? ""} as ${user ?? "nobody"}`, heard);
    this.#crowd.count("by connection");
  }

  async #basic(user: string): Promise<void> {
    if (this.#isAtEdge) {
      this.#user = undefined;
      this.#exchange = undefined;
    }
    const login = Buffer.from(`${user}:${PASSWORD}`).toString("base64");
    const heard = await this.#get("/private", `Authorization: Basic ${login}`);
    if (heard === undefined) return this.#crowd.count("ended");
    if (heard.status !== 200 || heard.body !== this.#crowd.rules.basicOf(user))
      return this.#unexpected(`Basic of ${user}`, heard);
    this.#crowd.count("basic");
  }

  async #leave(): Promise<void> {
    this.#wire?.close();
    this.#crowd.count("left");
  }

  #unexpected(what: string, { status, body }: Heard): void {
    this.#crowd.failures.push(`seed ${SEED}, ${this.#name}: ${what} was answered ${status} ${body}`);
  }

  close(): void {
    this.#wire?.close();
  }
}

/** Who does what, in random orders. */
export class Crowd {
  readonly rules: Rules;
  /** Answers that named somebody else. */
  readonly failures: string[] = [];
  readonly random = numbers(SEED);
  readonly #counts: Record<string, number> = {};

  constructor(rules: Rules) {
    this.rules = rules;
  }

  get counts(): Counts {
    return this.#counts;
  }

  get seed(): number {
    return SEED;
  }

  count(what: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.random(list.length)] as T;
  }

  /** In each order some of them act, all at the same time; stops at the first failure. */
  async run(port: number, orders: number): Promise<void> {
    const seats = Array.from({ length: SEATS }, (_, index) => new Seat(index, this));
    for (let order = 0; order < orders && this.failures.length === 0; order += 1) {
      const at = seats.slice();
      const chosen = Array.from({ length: AT_ONCE }, () => at.splice(this.random(at.length), 1)[0]).filter(
        (seat) => seat !== undefined,
      );
      await Promise.all(chosen.map((seat) => seat.sit(port)));
      await Promise.all(chosen.map((seat) => seat.act()));
    }
    for (const seat of seats) seat.close();
  }
}
