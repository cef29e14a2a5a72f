// Settings of a server that is asked over HTTP, whatever it is asked.

import { setting } from "@postern/contracts";
import type { ValueOf } from "@postern/contracts";
import { parseEndpoint } from "./endpoint.ts";

/** Fields of a group. */
export const httpServerSettings = {
  url: setting.list(
    "Where to ask: http://, https:// or unix:/path:/uri; several are tried in order.",
    setting.custom("URL", "Where to ask.", parseEndpoint),
    { single: true },
  ),
  timeout: setting.duration("How long one server may take for the whole answer before the next one is asked.", {
    default: 5000,
    min: 100,
    max: 60_000,
  }),
  setAside: setting.duration("How long a server that failed is asked last.", { default: 10_000, max: 3_600_000 }),
  connections: setting.integer("How many connections to one server at a time, in each worker.", {
    default: 32,
    min: 1,
    max: 1024,
  }),
  keepAlive: setting.boolean("Use connections to the server again; turn it off for a server that counts its bytes wrongly.", {
    default: true,
  }),
  headers: setting.dict(
    "Headers of your own in every request, such as a key that the server checks.",
    "HEADER",
    setting.text("The header's value."),
  ),
  tls: setting.group("TLS to an https server.", {
    ca: setting.path<true>("PEM file of the authorities to trust instead of the system's.", { optional: true }),
    verify: setting.boolean("Check the server's certificate; turn it off only to test.", { default: true }),
  }),
  allowPlaintext: setting.boolean("Send passwords even over plain http to another machine.", { default: false }),
};

const httpServerGroup = setting.group("A server that is asked over HTTP", httpServerSettings);

export type HttpServerValue = ValueOf<typeof httpServerGroup>;
