// What every line protocol must bear before login, as cases that a protocol's tests register: whatever a client or a mailbox
// server says, nothing crashes, hangs or is left. The words come from a FuzzCase, the choices from the caller's fast-check,
// so that a failure is shrunk and can be repeated; assertions are node:assert's. Each case throws what fast-check found.

import assert from "node:assert/strict";
import type { FailureKind, LineProtocol } from "@postern/contracts";
import { fuzzBack, fuzzFront, mistakesIn, pieces, script, someCredentials, type Slip } from "./fuzz.ts";
import type { CoreParts } from "./protocol-harness.ts";
import type { SuiteCase } from "./protocol-suite.ts";

export interface FuzzCase {
  readonly protocol: LineProtocol;
  /** Lines that a client may say, in any order. */
  readonly client: readonly string[];
  /** All that a client may be told before TLS. */
  readonly told: RegExp;
  /** Lines that a mailbox server may say, in any order. */
  readonly server: readonly string[];
  /** What mailbox servers say in logins that would succeed, or fail in order. */
  readonly logins: readonly (readonly string[])[];
  /** Mailbox servers without end: each begins like this, and goes on with its text 2000 times. */
  readonly floodBegins: string;
  readonly floods: readonly { readonly title: string; readonly text: string; readonly kinds: readonly FailureKind[] }[];
}

interface Values<T> {
  map<U>(change: (value: T) => U): Values<U>;
}

/** What is used of fast-check, in this package's words: it is a tool of the tests, not of this package. */
export interface FastCheck {
  nat(range?: { max?: number }): Values<number>;
  boolean(): Values<boolean>;
  uint8Array(size: { minLength: number; maxLength: number }): Values<Uint8Array>;
  array<T>(of: Values<T>, size: { maxLength: number }): Values<T[]>;
  record<T>(of: { [K in keyof T]: Values<T[K]> }): Values<T>;
  constantFrom<T>(...values: T[]): Values<T>;
  asyncProperty<T>(values: Values<T>, holds: (value: T) => Promise<void>): object;
  assert(property: object, runs: { numRuns: number }): Promise<void> | void;
}

/** The cases; titles begin with the protocol's name. */
export function fuzzSuite<R extends { readonly size: number }>(fc: FastCheck, core: CoreParts<R>, given: FuzzCase): SuiteCase[] {
  const { protocol } = given;
  const slip = fc.record<Slip>({
    line: fc.nat(),
    slip: fc.nat({ max: 12 }),
    at: fc.nat(),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }),
  });
  const slips = fc.array(slip, { maxLength: 14 });
  const cuts = fc.array(fc.nat(), { maxLength: 6 });
  const noise = fc.array(
    fc.uint8Array({ minLength: 1, maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
    { maxLength: 4 },
  );
  const token = fc.boolean();
  const always = async <T>(numRuns: number, values: Values<T>, holds: (value: T) => Promise<void>): Promise<void> =>
    fc.assert(fc.asyncProperty(values, holds), { numRuns });

  const cases: SuiteCase[] = [
    {
      title: "a client that says almost the right things gets whole lines and an end",
      run: () =>
        always(400, fc.record({ slips, cuts }), async (one) => {
          const told = await fuzzFront(core, protocol, pieces(script(given.client, one.slips), one.cuts));
          // Inside TLS there are no lines to be read.
          if (!told.includes("Begin TLS")) assert.match(told, given.told);
        }),
    },
    {
      title: "a client that says anything at all gets whole lines and an end",
      run: () => always(150, noise, async (parts) => assert.match(await fuzzFront(core, protocol, parts), given.told)),
    },
    {
      title: "a mailbox server that slips in a login ends it in a welcome or a failure",
      async run() {
        const outcomes = new Set<string>();
        const login = fc.constantFrom(...given.logins);
        await always(500, fc.record({ login, slips: fc.array(slip, { maxLength: 3 }), cuts, token }), async (one) => {
          const parts = pieces(mistakesIn(one.login, one.slips), one.cuts);
          outcomes.add((await fuzzBack(protocol, parts, "none", someCredentials(one.token))) ?? "in");
        });
        // The fuzzer reaches the end of logins, not only their beginning.
        const missing = ["in", "wrong-credentials", "backend-garbled", "backend-lost"].filter((end) => !outcomes.has(end));
        assert.deepEqual(missing, []);
      },
    },
    ...(["none", "starttls"] as const).map((tls) => ({
      title: `a mailbox server (${tls}) that says almost the right things ends in a welcome or a failure`,
      run: () =>
        always(300, fc.record({ slips, cuts, token }), async (one) => {
          await fuzzBack(protocol, pieces(script(given.server, one.slips), one.cuts), tls, someCredentials(one.token));
        }),
    })),
    {
      title: "a mailbox server that says anything at all ends in a failure",
      run: () =>
        always(150, noise, async (parts) =>
          assert.notEqual(await fuzzBack(protocol, parts, "none", someCredentials(false)), undefined),
        ),
    },
    ...given.floods.map(({ title, text, kinds }) => ({
      title: `a mailbox server that sends ${title} is given up`,
      async run() {
        const parts = [Buffer.from(given.floodBegins), Buffer.from(text.repeat(2000))];
        const kind = await fuzzBack(protocol, parts, "none", someCredentials(false));
        assert.ok(kind !== undefined && kinds.includes(kind), kind ?? "let in");
      },
    })),
  ];
  return cases.map(({ title, run }) => ({ title: `${protocol.name} fuzz: ${title}`, run }));
}
