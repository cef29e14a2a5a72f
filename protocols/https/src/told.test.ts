import test from "ava";
import { firstOf } from "@postern/http";
import { listenerInfo, testSession } from "@postern/testing";
import { testClient, testExchange, webSession } from "../test/exchanges.ts";
import { toldFields, toldLines } from "./told.ts";
import type { HttpRequest } from "./exchange.ts";

const request = (rest: Partial<HttpRequest> = {}): HttpRequest => testExchange(rest).request;
const session = testSession({ listener: listenerInfo("https"), local: { host: "192.0.2.1", port: 443 } });

test("the backend is told of the true peer", (t) => {
  const pairs = [
    ["X-Forwarded-For", "192.0.2.7"],
    ["X-Forwarded-Proto", "http"],
    ["X-Forwarded-Host", "mail.example.com"],
    ["X-Forwarded-Port", "443"],
    ["Forwarded", 'for=192.0.2.7;proto=http;host="mail.example.com"'],
    ["X-Real-IP", "192.0.2.7"],
  ];
  t.deepEqual(toldFields(request({ fields: ["X-Forwarded-For", "6.6.6.6"] }), session, false), pairs.flat());
});

test("an IPv6 client is told in brackets where the standard asks for them", (t) => {
  const of6 = testSession({ client: { host: "2001:db8::7", port: 1 } });
  t.regex(firstOf(toldFields(request(), of6, false), "forwarded") ?? "", /^for="\[2001:db8::7\]";/);
});

test("what a gateway of ours said before is kept, but for what is no address", (t) => {
  const from = request({ fields: ["X-Forwarded-For", "198.51.100.9, <script>, 2001:db8::1"] });
  t.is(firstOf(toldFields(from, session, true), "x-forwarded-for"), "198.51.100.9, 2001:db8::1, 192.0.2.7");
});

test("what is told is written once for each connection and host", (t) => {
  const client = testClient();
  const lines = toldLines(client, request(), "X-Remote-User");
  t.regex(lines.text, /^X-Forwarded-For: 192\.0\.2\.7\r\n.*\r\nX-Real-IP: 192\.0\.2\.7\r\n$/s);
  t.is(toldLines(client, request(), "X-Remote-User"), lines);
  t.regex(toldLines(client, request({ authority: "other.example.com" }), "X-Remote-User").text, /X-Forwarded-Host: other\./);
  const another = testClient({ session: webSession({ client: { host: "198.51.100.1", port: 2 } }) });
  t.regex(toldLines(another, request(), "X-Remote-User").text, /X-Real-IP: 198\.51\.100\.1\r\n$/);
});

test("behind a gateway of ours each request is told by itself: it may be another client's", (t) => {
  const trusted = { ...listenerInfo("https"), trusts: () => true };
  const client = testClient({ session: webSession({ listener: trusted }) });
  const of = (host: string): string => toldLines(client, request({ fields: ["X-Forwarded-For", host] }), "X-Remote-User").text;
  t.regex(of("198.51.100.9"), /^X-Forwarded-For: 198\.51\.100\.9, 192/);
  t.regex(of("198.51.100.8"), /^X-Forwarded-For: 198\.51\.100\.8, 192/);
});

test("nothing of it stands in the place of the user's name", (t) => {
  t.notRegex(toldLines(testClient(), request(), "X-REAL-IP").text, /real-ip/i);
});
