import { MESSAGE_KINDS, type MessageKind } from "@postern/contracts";
import test from "ava";
import { parseHeader } from "./header.ts";
import { kindOf, KIND_SIGNS } from "./kinds.ts";

const of = (header: string, ...addresses: string[]): MessageKind =>
  kindOf(
    parseHeader(Buffer.from(header)),
    addresses.map((address) => ({ address })),
  );

const HEADERS: readonly (readonly [string, MessageKind])[] = [
  ["", "ordinary"],
  ["Subject: voice mail", "ordinary"],
  ["Content-Class: voice", "voice"],
  ["content-class : Voice-CA", "voice"],
  ["Content-Class: voice-uc", "voice"],
  ["Content-Class: (new) voice (mail)", "voice"],
  ["Content-Class: voice;x=y", "voice"],
  ["Content-Class: voicemail", "ordinary"],
  ["Content-Class: urn:content-classes:message", "ordinary"],
  ["Content-Class: fax", "fax"],
  ["Content-Class: fax-ca", "fax"],
  ["Content-Class: missedcall", "missed-call"],
  ["Content-Class: ordinary\r\nContent-Class: fax", "fax"],
  ["Message-Context: voice-message", "voice"],
  ["Message-Context:\r\n VOICE-message", "voice"],
  ["Message-Context: fax-message", "fax"],
  ["Message-Context: text-message", "ordinary"],
  ["Message-Context: none", "ordinary"],
  ["Content-Type: multipart/voice-message; version=2.0; boundary=x", "voice"],
  ["Content-Type: Multipart/Voice-Message", "voice"],
  ["Content-Type: multipart/mixed; boundary=multipart/voice-message", "ordinary"],
  ["Content-Type: image/tiff; application=faxbw", "fax"],
  ['Content-Type: image/tiff; name="a;b.tif"; Application = "FaxBW"', "fax"],
  ["Content-Type: image/tiff; application=faxcolor", "fax"],
  ["Content-Type: image/tiff; application=faxbwx", "ordinary"],
  ["Content-Type: image/tiff; application=scan", "ordinary"],
  ["Content-Type: image/tiff", "ordinary"],
  ["Content-Type: image/tiff-fx", "fax"],
  ["Content-Type: application/pdf; application=faxbw", "ordinary"],
  ["X-FaxNumberOfPages: 2", "fax"],
  ["X-VoiceMessageDuration: 7", "voice"],
  ["X-VoiceMessageSenderName: Alice", "voice"],
  ["X-CallingTelephoneNumber: +15551234567", "ordinary"],
  ["X-CallID: 7", "ordinary"],
  ["Content-Class: missedcall\r\nX-VoiceMessageDuration: 7", "missed-call"],
  ["Content-Class: voice\r\nMessage-Context: fax-message", "voice"],
  ['Content-Class: "voice', "ordinary"],
  ["Content-Class: voice (", "ordinary"],
];

for (const [header, kind] of HEADERS) {
  test(`a message with ${JSON.stringify(header)} is ${kind}`, (t) => t.is(of(`${header}\r\n`, "alice@example.com"), kind));
}

const RECIPIENTS: readonly (readonly [readonly string[], MessageKind])[] = [
  [[], "ordinary"],
  [["alice@example.com"], "ordinary"],
  [["FAX=+15551234567@gateway.example"], "fax"],
  [["VOICE=+15551234567@gateway.example"], "voice"],
  [["FAX=+1@gateway.example", "fax=+2@gateway.example"], "fax"],
  [["FAX=+1@gateway.example", "alice@example.com"], "ordinary"],
  [["FAX=+1@gateway.example", "VOICE=+1@gateway.example"], "ordinary"],
];

for (const [addresses, kind] of RECIPIENTS) {
  test(`a message to ${addresses.join(" and ") || "nobody"} is ${kind}`, (t) => t.is(of("Subject: x\r\n", ...addresses), kind));
}

test("the header counts more than the addresses", (t) => {
  t.is(of("Content-Class: voice\r\n", "FAX=+15551234567@gateway.example"), "voice");
});

test("every kind but ordinary has a sign, in small letters, with its source", (t) => {
  t.deepEqual([...new Set(["ordinary", ...KIND_SIGNS.map(({ kind }) => kind)])].toSorted(), MESSAGE_KINDS.toSorted());
  for (const { field, values = [], application = [], source } of KIND_SIGNS) {
    for (const text of [field, ...values, ...application]) t.is(text, text.toLowerCase());
    t.not(source, "");
  }
});
