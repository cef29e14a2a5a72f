// Applications that a listener lets in: their values, and the door that stands open to everybody.

import test from "ava";
import { fakeParts } from "./fake-parts.ts";
import { loadConfig } from "./load.ts";

const load = (listener: string, application: string) =>
  loadConfig({
    text: `
listeners: [{ protocol: imap, ${listener}, applications: [{ name: crm, backend: mbx1, ${application} }] }]
backends: { mbx1: { imap: imaps://10.0.0.11 } }
routes: [{ source: static, default: mbx1 }]
`,
    parts: fakeParts,
  });

const HERE = 'address: "127.0.0.1:0", tls: none';
const THERE = 'address: "0.0.0.0:587", tls: none, allowPlaintext: true';

test("applications: what a rule does not ask for is not there", (t) => {
  const result = load(HERE, "from: [10.0.5.0/24, '::1']");
  t.deepEqual("config" in result && result.config.listeners[0]?.applications, [
    {
      name: "crm",
      backend: "mbx1",
      from: [
        { address: "10.0.5.0", prefix: 24, family: "ipv4" },
        { address: "::1", prefix: 128, family: "ipv6" },
      ],
      certificate: undefined,
    },
  ]);
});

const warnings = (listener: string, application: string): readonly string[] => {
  const result = load(listener, application);
  return "warnings" in result ? result.warnings : result.problems;
};

test("applications: a rule that lets in everybody is warned of as an open relay, but for this machine's own", (t) => {
  const sentence =
    "from: covers every address: whoever reaches this listener can send mail through it (an open relay); name the real networks";
  for (const from of ["0.0.0.0/0", "[10.0.0.0/8, '::/0']"]) {
    t.true(warnings(THERE, `from: ${from}`)[0]?.endsWith(sentence), from);
    t.deepEqual(warnings(HERE, `from: ${from}`), []);
  }
  t.deepEqual(warnings(THERE, "from: [10.0.0.0/8]"), []);
});

test("applications: from anywhere with a certificate is no open relay", (t) => {
  const told = warnings(`${THERE}, clientCertificate: request`, "from: 0.0.0.0/0, certificate: CN=crm");
  t.is(told.length, 1);
  t.regex(told[0] ?? "", /clientCertificate: needs TLS/);
});
