import test from "ava";
import type { Application, ClientCertificate, Session, TlsFacts } from "@postern/contracts";
import { testTls } from "@postern/testing";
import { fakeSession, type FrontOptions } from "../test/front.ts";
import { admissionOf } from "./applications.ts";

const HOST = "192.0.2.7";
const CERTIFICATE: ClientCertificate = {
  verify: "SUCCESS",
  subject: "CN=crm",
  issuer: "CN=ca",
  serial: "01",
  fingerprint: "00",
  pem: "",
};

const rule = (rest: Partial<Application> = {}): Application => ({
  name: "crm",
  backend: "relay1",
  from: undefined,
  certificate: undefined,
  ...rest,
});
const from = (host: string) => (asked: string) => asked === host;
const named = (subject: string) => (certificate: ClientCertificate) => certificate.subject === subject;
const tls = (rest: Partial<ClientCertificate> = {}): TlsFacts => testTls({ clientCertificate: { ...CERTIFICATE, ...rest } });
const why = (application: Application, session: Partial<Session> = {}, rest: FrontOptions = {}): string | undefined =>
  admissionOf(fakeSession({ ...rest, session, applications: [application] }))?.why;

test("applications: a rule by address lets in its addresses, without TLS too", (t) => {
  t.is(why(rule({ from: from(HOST) })), `address ${HOST}`);
  t.is(why(rule({ from: from("192.0.2.8") })), undefined);
  t.is(why(rule({ from: from("10.0.0.1") }), { client: { host: "10.0.0.1", port: 1 } }), "address 10.0.0.1");
});

test("applications: a rule by certificate lets in who has it, when it is verified, and nobody without TLS", (t) => {
  const crm = rule({ certificate: named("CN=crm") });
  t.is(why(crm, { tls: tls() }), "certificate CN=crm");
  t.is(why(crm, { tls: tls({ subject: "CN=other" }) }), undefined);
  t.is(why(crm, { tls: tls({ verify: "FAILED:CERT_HAS_EXPIRED" }) }), undefined);
  t.is(why(crm, { tls: testTls() }), undefined);
  t.is(why(crm), undefined);
});

test("applications: where a rule has both, both must hold", (t) => {
  const both = rule({ from: from(HOST), certificate: named("CN=crm") });
  t.is(why(both, { tls: tls() }), `address ${HOST}, certificate CN=crm`);
  t.is(why(both), undefined);
  t.is(why(rule({ from: from("192.0.2.8"), certificate: named("CN=crm") }), { tls: tls() }), undefined);
});

test("applications: a rule that asks for nothing lets nobody in", (t) => {
  t.is(why(rule(), { tls: tls() }), undefined);
});

test("applications: the address of a gateway in front says nothing of its client", (t) => {
  const gate = { host: HOST, port: 4711 };
  t.is(why(rule({ from: from(HOST) }), {}, { trusted: true }), undefined);
  t.is(why(rule({ from: from(HOST) }), { peer: gate, client: { ...gate } }, { trusted: true }), `address ${HOST}`);
});

test("applications: the first rule that fits counts", (t) => {
  const applications = [
    rule({ name: "no", from: from("x") }),
    rule({ name: "one", from: from(HOST) }),
    rule({ name: "two", from: from(HOST) }),
  ];
  t.is(admissionOf(fakeSession({ applications }))?.application.name, "one");
  t.is(admissionOf(fakeSession()), undefined);
});
