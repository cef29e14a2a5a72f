import test from "ava";
import * as fc from "fast-check";
import { applyEdits } from "./edits.ts";
import { parseHeader } from "./header.ts";
import { countHops, receivedField, withOf, type ReceivedFacts } from "./received.ts";

const FACTS: ReceivedFacts = {
  helo: "client.example",
  clientName: "host.example",
  clientHost: "192.0.2.1",
  by: "mx.example.com",
  protocol: "ESMTPS",
  id: "abc123",
  tls: { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" },
  recipient: "alice@example.com",
  date: Date.UTC(2030, 0, 2, 3, 4, 5),
};

const value = (facts: Partial<ReceivedFacts>): string => receivedField({ ...FACTS, ...facts }).value;

test("a Received field says who sent what how, to whom and when", (t) => {
  t.deepEqual(receivedField(FACTS), {
    name: "Received",
    value:
      "from client.example (host.example [192.0.2.1]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384) " +
      "by mx.example.com with ESMTPS id abc123 for <alice@example.com>; Wed, 02 Jan 2030 03:04:05 +0000",
  });
});

test("a Received field leaves out what is not known", (t) => {
  t.is(
    value({ helo: undefined, clientName: undefined, tls: undefined, recipient: undefined, protocol: "SMTP" }),
    "from unknown (unknown [192.0.2.1]) by mx.example.com with SMTP id abc123; Wed, 02 Jan 2030 03:04:05 +0000",
  );
  t.regex(value({ helo: "", clientName: "" }), /^from unknown \(unknown \[/);
});

test("a Received field names an IPv6 client as an address literal, and a unix socket in words", (t) => {
  t.regex(
    value({ helo: "[IPv6:2001:db8::1]", clientHost: "2001:db8::1" }),
    /^from \[IPv6:2001:db8::1\] \(host\.example \[IPv6:2001:db8::1\]\) /,
  );
  t.regex(value({ clientHost: "" }), /^from client\.example \(unix socket\) /);
});

test("a Received field names no recipient whose address could be read as more, or that the message may not hold", (t) => {
  for (const recipient of [
    '"a>; b"@x.example',
    "a b@x.example",
    "a(b)@x.example",
    "a@x>.example",
    "a\r\n@x.example",
    "",
    "a".repeat(300),
  ]) {
    t.notRegex(value({ recipient }), / for /, recipient);
  }
  t.notRegex(value({ recipient: "zoë@example.com" }), / for /);
  t.regex(value({ recipient: "zoë@example.com", protocol: "UTF8SMTPS" }), / for <zoë@example\.com>;/);
});

test("a Received field keeps its shape whatever a client says of itself", (t) => {
  const foreign = fc
    .array(fc.oneof(fc.constantFrom(")", "(", ";", "\r\n", " by x", "\\", '"', "<", "[", "\0"), fc.string()))
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(foreign, foreign, foreign, (helo, clientName, recipient) => {
      const field = receivedField({ ...FACTS, helo, clientName, recipient });
      t.regex(
        field.value,
        /^from [^ ();<>"\\]+ \([^ ();<>"\\]+ \[192\.0\.2\.1\]\) \(using TLSv1\.3 with cipher TLS_AES_256_GCM_SHA384\) by mx\.example\.com with ESMTPS id abc123(?: for <[^ ();<>"\\]+>)?; Wed, 02 Jan 2030 03:04:05 \+0000$/,
      );
      const written = applyEdits(parseHeader(Buffer.alloc(0)), [{ do: "prepend", ...field }]);
      t.is(parseHeader(written).first("received"), field.value);
    }),
  );
});

test("the word behind with says how the message came", (t) => {
  t.is(withOf({ extended: false, tls: false, utf8: false }), "SMTP");
  t.is(withOf({ extended: false, tls: true, utf8: false }), "SMTP");
  t.is(withOf({ extended: true, tls: false, utf8: false }), "ESMTP");
  t.is(withOf({ extended: true, tls: true, utf8: false }), "ESMTPS");
  t.is(withOf({ extended: true, tls: false, utf8: true }), "UTF8SMTP");
  t.is(withOf({ extended: true, tls: true, utf8: true }), "UTF8SMTPS");
});

test("hops are Received fields, however they are written", (t) => {
  t.is(countHops(parseHeader(Buffer.from("Received: a\r\nRECEIVED :b\r\nX-Received: c\r\nreceived:\r\n d\r\n"))), 3);
  t.is(countHops(parseHeader(Buffer.alloc(0))), 0);
});
