import test from "ava";
import { listenerInfo, testSession } from "@postern/testing";
import type { Answer, Exchange } from "../exchange.ts";
import { plainHandler } from "./plain.ts";

interface Case {
  readonly method?: string;
  readonly target?: string;
  readonly authority?: string;
  readonly client?: string;
  readonly allowPlaintext?: boolean;
  readonly hasTls?: boolean;
  readonly redirectPort?: number;
}

/** "served", or the status and where to. */
async function told(each: Case): Promise<string> {
  const { method = "GET", target = "/owa/?a=b", authority = "mail.example.com" } = each;
  const { client = "192.0.2.7", allowPlaintext = false, hasTls = true, redirectPort = 443 } = each;
  let said = "";
  const answer = {
    begin: ({ status, fields }: Parameters<Answer["begin"]>[0]) =>
      (said = `${status} ${fields[fields.indexOf("Location") + 1] ?? ""}`),
    write: () => true,
    end: () => {},
  };
  const session = testSession({ client: { host: client, port: 1 }, listener: listenerInfo("http", { allowPlaintext }) });
  const exchange = { request: { method, target, authority }, answer, client: { session } } as unknown as Exchange;
  const handler = plainHandler(() => Promise.resolve(void (said = "served")), { hasTls, redirectPort });
  await handler(exchange);
  return said.replace(/ Content-Type$/, "");
}

const CASES: readonly (readonly [string, Case, string])[] = [
  ["a browser is sent to https", {}, "308 https://mail.example.com/owa/?a=b"],
  ["HEAD too", { method: "HEAD" }, "308 https://mail.example.com/owa/?a=b"],
  [
    "the port of the request is not the port of https",
    { authority: "Mail.Example.com:8080" },
    "308 https://mail.example.com/owa/?a=b",
  ],
  ["another port is named", { redirectPort: 8443 }, "308 https://mail.example.com:8443/owa/?a=b"],
  ["an IPv6 address keeps its brackets", { authority: "[2001:db8::1]:80" }, "308 https://[2001:db8::1]/owa/?a=b"],
  [
    "Outlook gets the 302 that it knows",
    { target: "/Autodiscover/autodiscover.xml" },
    "302 https://mail.example.com/Autodiscover/autodiscover.xml",
  ],
  ["a target that begins like a host stays a path", { target: "//evil.example/" }, "308 https://mail.example.com//evil.example/"],
  ["what sends a body is refused", { method: "POST" }, "403"],
  ["no host, no redirect", { authority: "" }, "403"],
  ["a host that is none, no redirect", { authority: "a@evil.example" }, "403"],
  ["nor one with a line end", { authority: "a\r\nSet-Cookie: x" }, "403"],
  ["nor to *", { method: "GET", target: "*" }, "403"],
  ["loopback too is sent to https where it is there", { client: "127.0.0.1" }, "308 https://mail.example.com/owa/?a=b"],
  ["loopback is served where it is not", { client: "::1", hasTls: false }, "served"],
  ["others are not, even then", { hasTls: false, method: "POST" }, "403"],
  ["a listener may say that all are served", { allowPlaintext: true, method: "POST" }, "served"],
];

for (const [title, each, expected] of CASES) test(`plain: ${title}`, async (t) => t.is(await told(each), expected));
