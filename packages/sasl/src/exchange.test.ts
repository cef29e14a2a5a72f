import test from "ava";
import { Secret, type ServerMechanism } from "@postern/contracts";
import { runExchange } from "./exchange.ts";
import { kindOf } from "./suite.ts";

const endless: ServerMechanism = { name: "ENDLESS", claimed: "", next: () => ({ kind: "challenge", data: Buffer.from("more") }) };

test("exchange: a mechanism that never ends is ended", async (t) => {
  let asked = 0;
  const ask = (): Promise<string> => {
    asked++;
    return Promise.resolve("YQ==");
  };
  t.is(await kindOf(t, runExchange(endless, undefined, ask)), "exchange-malformed");
  t.true(asked <= 10);
});

test("exchange: challenges go out in base64, responses come in decoded", async (t) => {
  const seen: (Buffer | undefined)[] = [];
  const twice: ServerMechanism = {
    name: "TWICE",
    claimed: "",
    next(response) {
      seen.push(response);
      if (seen.length < 3) return { kind: "challenge", data: Buffer.from([seen.length, 255]) };
      const secret = new Secret("s");
      return { kind: "done", credentials: { kind: "password", mechanism: "TWICE", authcid: "a", authzid: "", secret } };
    },
  };
  const asked: string[] = [];
  await runExchange(twice, "=", (challenge) => {
    asked.push(challenge);
    return Promise.resolve(asked.length === 1 ? "" : "AP8=");
  });
  t.deepEqual(asked, ["Af8=", "Av8="]);
  t.deepEqual(seen, [Buffer.alloc(0), Buffer.alloc(0), Buffer.from([0, 255])]);
});

test("exchange: what the client's line rejects with ends it", async (t) => {
  await t.throwsAsync(
    runExchange(endless, undefined, () => Promise.reject(new Error("gone"))),
    { message: "gone" },
  );
});
