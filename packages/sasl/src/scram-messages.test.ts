import test from "ava";
import * as fc from "fast-check";
import { Failure, type ServerMechanism } from "@postern/contracts";
import { bareContext } from "./context.ts";
import { ALL, bindings, client, header, proofs, say } from "../test/scram-client.ts";
import { kindOf } from "./suite.ts";

for (const [mechanism, hash] of ALL) {
  const { name } = mechanism;
  const create = (): ServerMechanism => mechanism.create(bareContext({ proofs, bindings }));
  const opening = client({ hash, header: header(mechanism) }).first;

  const g = header(mechanism);
  for (const first of [
    "",
    ",",
    "n",
    "n,",
    "alice",
    `${g}n=alice`,
    `${g}n=alice,r=`,
    `${g}n=,r=client`,
    `${g}r=client,n=alice`,
    `${g}n=alice,r=a b`,
    `${g}n=alice,r=clié`,
    `${g}n=al\0ice,r=client`,
    `${g}n=al=ice,r=client`,
    `${g}n=al=2c,r=client`,
    `${g}n=al=3,r=client`,
    `${g}m=x,n=alice,r=client`,
    `${g}n=alice,r=client,m=x`,
    `${g}n=alice,r=client,r=client`,
    `${g}n=alice,r=client,s=salt`,
    `${g}n=alice,r=client,xy`,
    `${g}n=alice,r=client,x=`,
    `${g}n=alice,r=client,`,
    `${g}N=alice,r=client`,
    `${g.replace(",,", ",a=,")}n=alice,r=client`,
    `${g.replace(",,", ",bob,")}n=alice,r=client`,
    `${g.replace(",,", ",a=b=b,")}n=alice,r=client`,
    "x,,n=alice,r=client",
    ",,n=alice,r=client",
    "N,,n=alice,r=client",
    "p,,n=alice,r=client",
    "p=,,n=alice,r=client",
    "p=tls_exporter,,n=alice,r=client",
    "p=tls-unique,,n=alice,r=client",
    mechanism.bound ? "n,,n=alice,r=client" : "p=tls-exporter,,n=alice,r=client",
    ...(mechanism.bound ? ["y,,n=alice,r=client"] : []),
  ]) {
    test(`${name}: the first message ${JSON.stringify(first)} is malformed`, async (t) => {
      t.is(await kindOf(t, say(create(), first)), "exchange-malformed");
    });
  }

  test(`${name}: names that are not UTF-8 are refused`, async (t) => {
    const message = Buffer.from(`${g}n=al\xffce,r=client`, "latin1");
    t.is(
      await kindOf(
        t,
        Promise.try(() => create().next(message)),
      ),
      "exchange-malformed",
    );
  });

  const C = "c=biws";
  const P = `p=${Buffer.alloc(hash === "sha1" ? 20 : 32).toString("base64")}`;
  for (const [what, final] of [
    ["is empty", () => ""],
    ["is a proof alone", () => P],
    ["has no proof", (nonce: string) => `${C},${nonce}`],
    ["has no nonce", () => `${C},${P}`],
    ["has no c=", (nonce: string) => `${nonce},${P}`],
    ["is in another order", (nonce: string) => `${nonce},${C},${P}`],
    ["has the proof twice", (nonce: string) => `${C},${nonce},${P},${P}`],
    ["goes on behind the proof", (nonce: string) => `${C},${nonce},${P},x=y`],
    ["has a reserved attribute", (nonce: string) => `${C},${nonce},m=x,${P}`],
    ["has a bare word", (nonce: string) => `${C},${nonce},x,${P}`],
    ["has a proof that is too short", (nonce: string) => `${C},${nonce},p=AAAA`],
    ["has a proof that is too long", (nonce: string) => `${C},${nonce},p=AAAA${P.slice(2)}`],
    ["has a proof that is no base64", (nonce: string) => `${C},${nonce},p=!!!!`],
    ["has a proof with a stray bit", (nonce: string) => `${C},${nonce},${P.replace("A=", "B=")}`],
  ] as const) {
    test(`${name}: a final message that ${what} is malformed`, async (t) => {
      const one = create();
      const [nonce = ""] = (await say(one, opening)).split(",");
      t.is(
        await kindOf(
          t,
          Promise.try(() => say(one, final(nonce))),
        ),
        "exchange-malformed",
      );
    });
  }
}

test("scram: whatever a client says ends in a challenge or in a failure, and never in credentials", async (t) => {
  const attribute = fc
    .tuple(fc.stringMatching(/^[anmrcsipvex]$/), fc.string({ unit: "binary", maxLength: 12 }))
    .map(([k, v]) => `${k}=${v}`);
  const part = fc.oneof(
    attribute,
    fc.constantFrom("n", "y", "p=tls-exporter", "", "n=alice", "r=client", "c=biws"),
    fc.string({ maxLength: 8 }),
  );
  const message = fc.oneof(
    fc.array(part, { maxLength: 8 }).map((parts) => Buffer.from(parts.join(","))),
    fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...ALL), fc.boolean(), message, message, async ([mechanism, hash], live, first, final) => {
      const opened = mechanism.create(bareContext({ proofs, bindings }));
      await opened.next(Buffer.from(client({ hash, header: header(mechanism) }).first));
      const fresh = mechanism.create(bareContext({ proofs }), live && mechanism.relays);
      for (const [one, said] of [
        [fresh, first],
        [opened, final],
      ] as const) {
        try {
          const step = await one.next(said);
          t.true(step.kind === "challenge" || (step.kind === "live" && step.authcid !== "" && one === fresh));
        } catch (error) {
          t.true(error instanceof Failure && /^(exchange-malformed|wrong-credentials)$/.test(error.kind), String(error));
        }
      }
    }),
    { numRuns: 1500 },
  );
});
