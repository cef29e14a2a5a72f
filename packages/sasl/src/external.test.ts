import test from "ava";
import * as fc from "fast-check";
import { Failure, type ClientCertificate, type MechanismContext, type Proofs } from "@postern/contracts";
import { bareContext } from "./context.ts";
import { runExchange } from "./exchange.ts";
import { external } from "./external.ts";
import { kindOf } from "./suite.ts";

const certificate: ClientCertificate = {
  verify: "SUCCESS",
  subject: "CN=alice",
  issuer: "CN=ca",
  serial: "01",
  fingerprint: "00",
  pem: "",
};
const proofs: Proofs = { certificate: async ({ subject }) => subject.replace("CN=", "") };
const context = (rest: Partial<MechanismContext> = {}): MechanismContext => bareContext({ proofs, certificate, ...rest });
const b64 = (text: string | Buffer): string => Buffer.from(text).toString("base64");

test("EXTERNAL: the certificate says who it is, the message as whom to act", async (t) => {
  for (const authzid of ["", "bob@example.com", "bøb"]) {
    const credentials = await runExchange(external.create(context()), authzid === "" ? "=" : b64(authzid), () => t.fail());
    if (credentials.kind !== "proven") return t.fail();
    const { mechanism, authcid, user, secret } = credentials;
    t.deepEqual([mechanism, authcid, credentials.authzid, user], ["EXTERNAL", "alice", authzid, "alice"]);
    t.is(secret.reveal().length, 0);
  }
  return undefined;
});

test("EXTERNAL: without an initial response it is asked for with an empty challenge", async (t) => {
  const asked: string[] = [];
  const credentials = await runExchange(external.create(context()), undefined, async (challenge) => {
    asked.push(challenge);
    return "";
  });
  t.deepEqual([asked, credentials.kind, credentials.authzid], [[""], "proven", ""]);
});

test("EXTERNAL: without a valid certificate nobody gets in", async (t) => {
  const credentials = await runExchange(external.create(context({ certificate: undefined })), "=", () => t.fail());
  t.is(credentials.kind === "rejected" && credentials.failure.kind, "wrong-credentials");
});

test("EXTERNAL: what the verifier says of the certificate counts", async (t) => {
  for (const kind of ["wrong-credentials", "verifier-down"] as const) {
    const no: Proofs = { certificate: () => Promise.reject(new Failure(kind, "no")) };
    const credentials = await runExchange(external.create(context({ proofs: no })), "=", () => t.fail());
    t.is(credentials.kind === "rejected" && credentials.failure.kind, kind);
  }
});

test("EXTERNAL: a name with NUL, and one that is not UTF-8, are malformed", async (t) => {
  for (const message of ["bob\0", "\0", Buffer.from([0xff]), Buffer.from([0xc0, 0x80])])
    t.is(
      await kindOf(
        t,
        runExchange(external.create(context()), b64(message), () => t.fail()),
      ),
      "exchange-malformed",
    );
});

test("EXTERNAL: the client may cancel", async (t) => {
  t.is(
    await kindOf(
      t,
      runExchange(external.create(context()), undefined, async () => "*"),
    ),
    "exchange-cancelled",
  );
});

test("EXTERNAL: any message ends in the certificate's user or in a failure of the exchange", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), async (bytes) => {
      try {
        const credentials = await runExchange(external.create(context()), b64(Buffer.from(bytes)), () => t.fail());
        t.is(credentials.authcid, "alice");
      } catch (error) {
        t.true(error instanceof Failure && error.kind === "exchange-malformed", String(error));
      }
    }),
  );
});
