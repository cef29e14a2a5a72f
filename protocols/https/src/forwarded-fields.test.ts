import test from "ava";
import { allOf, firstOf, type Fields } from "@postern/http";
import { answerFields, requestFields, strippedFields, switchFields, type Receiver } from "./forwarded-fields.ts";
import type { HttpRequest } from "./exchange.ts";

const kept = { isStripped: strippedFields(["X-Remote-User", "X-Shop-*"]), ourCookies: ["postern", "__Host-postern-login"] };

function request(fields: Fields, rest: Partial<HttpRequest> = {}): HttpRequest {
  return {
    id: "s-1",
    method: "GET",
    target: "/ews/exchange.asmx",
    host: "mail.example.com",
    authority: "mail.example.com",
    version: "1.1",
    fields,
    body: undefined,
    upgrade: undefined,
    ...rest,
  };
}

const silent: Receiver = { backend: "mbx1.example.com", isTold: false };
const told: Receiver = { backend: "mbx1.example.com", isTold: true };

test("order and case of fields stay; those of one hop go, and what Connection names", (t) => {
  const fields = [
    "Host",
    "mail.example.com",
    "X-AnchorMailbox",
    "a@b.c",
    "Connection",
    "keep-alive, Hop",
    "Hop",
    "1",
    "TE",
    "gzip",
    "aCCept",
    "*/*",
  ];
  t.deepEqual(requestFields(request(fields), silent, kept), [
    "Host",
    "mail.example.com",
    "X-AnchorMailbox",
    "a@b.c",
    "aCCept",
    "*/*",
  ]);
});

const FORGED = (
  "X_Remote_User X.Remote.User x-REMOTE_user X_Forwarded_For Content_Length Transfer_Encoding X_Shop_Secret X_Request_ID " +
  "Proxy Client-IP X-WebObjects-Server-URL Ssl-Client-Verify " +
  "X-Forwarded-For x-forwarded-host X-FORWARDED-PROTO X-Forwarded-Anything Forwarded X-Real-IP True-Client-IP " +
  "X-CommonAccessToken X-IsFromCafe X-SourceCafeServer msExchProxyUri X-MSExchangeActivityCtx X-Backend-Diag-1 " +
  "X-Remote-User X-WebObjects-Remote-User X-Rewrite-Url X-Shop-Secret Expect Proxy-Authorization Upgrade"
).split(" ");
for (const name of FORGED)
  test(`${name} of a client reaches no backend`, (t) => {
    t.is(firstOf(requestFields(request([name, "forged", "Host", "h"]), silent, kept), name.toLowerCase()), undefined);
  });

test("our own cookies stay here, and others go on", (t) => {
  const cookie = (value: string): string | undefined =>
    firstOf(requestFields(request(["Cookie", value]), silent, kept), "cookie");
  t.is(cookie("a=1; postern=sealed; b=postern"), "a=1; b=postern");
  t.is(cookie("__Host-postern-login=x"), undefined);
  t.is(cookie("a=1;b=2"), "a=1;b=2");
});

test("the host that was asked for is the one that the backend hears, once", (t) => {
  const fields = requestFields(request(["Host", "a", "host", "b"], { authority: "mail.example.com:8443" }), silent, kept);
  t.deepEqual(fields, ["Host", "mail.example.com:8443"]);
  t.deepEqual(requestFields(request([]), silent, kept), ["Host", "mail.example.com"], "HTTP/2 has no Host");
});

test("an upgrade is asked for anew", (t) => {
  const fields = ["Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Key", "k"];
  t.deepEqual(requestFields(request(fields, { upgrade: "websocket" }), silent, kept), [
    "Host",
    "mail.example.com",
    "Sec-WebSocket-Key",
    "k",
    "Connection",
    "Upgrade",
    "Upgrade",
    "websocket",
  ]);
});

test("a WebSocket of HTTP/2, which has no key, gets one", (t) => {
  const upgraded = requestFields(request([], { version: "2", upgrade: "websocket" }), silent, kept);
  t.regex(firstOf(upgraded, "sec-websocket-key") ?? "", /^[A-Za-z0-9+/]{22}==$/);
});

test("a client of HTTP/1.0 that names no host asks for the backend", (t) => {
  t.deepEqual(requestFields(request([], { authority: "" }), silent, kept), ["Host", "mbx1.example.com"]);
});

test("names of one's own with other characters go on, and so does X-Request-ID where the gateway says none", (t) => {
  const fields = ["Host", "mail.example.com", "X_Own", "1", "Content_Type_Of_Mine", "2", "X-Request-ID", "3"];
  t.deepEqual(requestFields(request(fields), silent, kept), fields);
  t.deepEqual(allOf(requestFields(request(fields), told, kept), "x-request-id"), ["s-1"]);
});

test("of an answer the fields of one hop and other ways to the backend go, and ours come behind the rest", (t) => {
  const fields = [
    "Server",
    "x",
    "Keep-Alive",
    "timeout=5",
    "Alt-Svc",
    'h2c=":8080"',
    "Set-Cookie",
    "a=1",
    "Set-Cookie",
    "b=2",
    "Transfer-Encoding",
    "chunked",
  ];
  t.deepEqual(answerFields(fields, ["X-Ours", "1"], request([]), true), [
    "Server",
    "x",
    "Set-Cookie",
    "a=1",
    "Set-Cookie",
    "b=2",
    "X-Ours",
    "1",
  ]);
});

test("a redirect that leads back here without TLS leads back with TLS", (t) => {
  const location = (value: string, isSecure: boolean): string | undefined =>
    firstOf(answerFields(["Location", value], [], request([]), isSecure), "location");
  t.is(location("http://mail.example.com/owa/", true), "https://mail.example.com/owa/");
  t.is(location("http://mail.example.com/owa/", false), "http://mail.example.com/owa/");
  t.is(location("http://mail.example.com.evil.example/", true), "http://mail.example.com.evil.example/");
});

test("the answer to a WebSocket's key goes to a client that has sent one, and to no other", (t) => {
  const fields = ["Sec-WebSocket-Accept", "a", "Sec-WebSocket-Protocol", "chat"];
  t.deepEqual(switchFields(fields, [], request(["Sec-WebSocket-Key", "k"]), true), fields);
  t.deepEqual(switchFields(fields, [], request([], { version: "2" }), true), ["Sec-WebSocket-Protocol", "chat"]);
});
