// The verifier on the real library, with a keytab that was made by hand and no KDC: what cannot be right is told apart.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import type { ExecutionContext } from "ava";
import * as fc from "fast-check";
import { Failure, type GssAcceptor } from "@postern/contracts";
import { createKerberosVerifier } from "./verifier.ts";

const counted = (bytes: Buffer): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
};
const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

/** A keytab with one AES key for each service. */
function keytabOf(...services: readonly string[]): Buffer {
  const entries = services.map((service) => {
    const names = ["EXAMPLE.COM", service, "mail.example.com"].map((name) => counted(Buffer.from(name)));
    const key = Buffer.concat([Buffer.from([0, 18]), counted(Buffer.alloc(32, 7))]);
    const entry = Buffer.concat([Buffer.from([0, 2]), ...names, number(1), number(0), Buffer.from([1]), key]);
    return Buffer.concat([number(entry.length), entry]);
  });
  return Buffer.concat([Buffer.from([5, 2]), ...entries]);
}

async function fileOf(t: ExecutionContext, content: Buffer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "keytab-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, "gateway.keytab");
  await writeFile(path, content);
  return path;
}

const verifier = (keytab: string) => createKerberosVerifier({ keytab, realms: {}, map: {}, channelBinding: "check" });

function open(keytab: string, service = "imap"): GssAcceptor {
  const acceptor = verifier(keytab).gss?.(service, Buffer.alloc(32));
  if (acceptor === undefined) throw new Error("no acceptor");
  return acceptor;
}

test("kerberos: a keytab that is not there, or is none, is told with its key when the verifier is built", async (t) => {
  t.throws(() => verifier("/nonexistent/keytab"), { message: /^keytab: .*does not exist/ });
  const none = await fileOf(t, Buffer.from("-----BEGIN CERTIFICATE-----"));
  t.throws(() => verifier(none), { message: /^keytab: .*not a keytab of version 5\.2/ });
});

test("kerberos: a keytab that goes bad later makes the verifier down", async (t) => {
  const path = await fileOf(t, keytabOf("imap"));
  const built = verifier(path);
  await writeFile(path, "");
  const bad = t.throws(() => built.gss?.("imap", undefined), { instanceOf: Failure });
  t.is(bad?.kind, "verifier-down");
  await rm(path);
  const gone = t.throws(() => built.gss?.("imap", undefined), { instanceOf: Failure });
  t.is(gone?.kind, "verifier-down");
  t.regex(gone?.message ?? "", /does not exist/);
  await writeFile(path, keytabOf("imap"));
  t.notThrows(() => built.gss?.("imap", undefined).close());
});

test("kerberos: a service without a key is a fault of ours, not of the client's", async (t) => {
  const path = await fileOf(t, keytabOf("HTTP", "POP"));
  const failure = t.throws(() => open(path), { instanceOf: Failure });
  t.is(failure?.kind, "verifier-down");
  t.regex(failure?.message ?? "", /no key of imap\/HOST/);
  for (const service of ["HTTP", "pop"]) open(path, service).close();
});

test("kerberos: a context that is closed, or not whole, does nothing", async (t) => {
  const acceptor = open(await fileOf(t, keytabOf("imap")));
  t.throws(() => acceptor.principal, { instanceOf: Failure });
  t.throws(() => acceptor.wrap(Buffer.alloc(4)), { instanceOf: Failure });
  t.throws(() => acceptor.unwrap(Buffer.alloc(4)), { instanceOf: Failure });
  t.throws(() => acceptor.step(Buffer.alloc(0)), { instanceOf: Failure });
  t.throws(() => acceptor.step(Buffer.from("more")), { instanceOf: Failure, message: /closed/ });
  acceptor.close();
  acceptor.close();
});

const SPNEGO = "06062b0601050502";
const KERBEROS = "06092a864886f712010202";
const IAKERB = "06062b0601050205";
const framed = (mechanism: string, body: Uint8Array): Buffer => {
  const value = Buffer.concat([Buffer.from(mechanism, "hex"), body]);
  return Buffer.concat([Buffer.from([0x60, 0x82, value.length >> 8, value.length & 255]), value]);
};

test("kerberos: any token is refused with a reason that a log can show, and the process lives", async (t) => {
  const path = await fileOf(t, keytabOf("imap"));
  const built = verifier(path);
  const body = fc.uint8Array({ maxLength: 300 });
  const request = body.map((bytes) =>
    Buffer.concat([Buffer.from([1, 0, 0x6e, 0x82, bytes.length >> 8, bytes.length & 255]), bytes]),
  );
  const token = fc.oneof(
    body.map((bytes) => Buffer.from(bytes)),
    body.map((bytes) => Buffer.concat([Buffer.from("NTLMSSP\0"), bytes])),
    request,
    fc
      .tuple(fc.constantFrom(SPNEGO, KERBEROS, IAKERB), fc.oneof(body, request))
      .map(([mechanism, bytes]) => framed(mechanism, bytes)),
    body.map((bytes) => framed(SPNEGO, Buffer.concat([Buffer.from([0xa0, 0x82, 0, bytes.length & 127, 0x30]), bytes]))),
  );
  fc.assert(
    fc.property(token, (bytes) => {
      const acceptor = built.gss?.("imap", Buffer.alloc(32));
      const failure = t.throws(() => acceptor?.step(bytes), { instanceOf: Failure }, bytes.toString("hex"));
      acceptor?.close();
      t.true(
        failure?.kind === "exchange-malformed" || failure?.kind === "wrong-credentials",
        `${failure?.kind} ${failure?.message}`,
      );
      t.regex(failure?.message ?? "", /^[\x20-\x7e]{1,400}$/);
    }),
    { numRuns: 5000 },
  );
});

test("kerberos: tokens of IAKERB, which would make us ask a KDC for a stranger, are refused", async (t) => {
  const acceptor = open(await fileOf(t, keytabOf("imap")));
  const failure = t.throws(() => acceptor.step(framed(IAKERB, Buffer.from([5, 1, 0x30, 0]))), { instanceOf: Failure });
  t.not(failure?.kind, "verifier-down");
});
