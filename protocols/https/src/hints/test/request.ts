// A request as a front would hand it in, for tests of rooms that only read requests.

import type { HttpRequest } from "../../exchange.ts";
import type { Service } from "../../parts.ts";
import { createServices } from "../../services/services.ts";

export const requestOf = (target: string, ...fields: string[]): HttpRequest => ({
  id: "s1.1",
  method: "GET",
  target,
  host: "mail.example.com",
  authority: "mail.example.com",
  version: "1.1",
  fields,
  body: undefined,
  upgrade: undefined,
});

export const base64 = (data: string | Buffer): string => Buffer.from(data).toString("base64");

export const basic = (user: string, password = "secret"): string => `Basic ${base64(`${user}:${password}`)}`;

/** A JWT that nobody has signed. */
export const bearer = (claims: unknown): string =>
  `Bearer ${["{}", JSON.stringify(claims)].map((part) => Buffer.from(part).toString("base64url")).join(".")}.c2ln`;

const services = createServices({ services: {}, defaultAuthentication: "pass" });

/** One of the table's. */
export function serviceNamed(name: string): Service {
  const found = services.all.find((service) => service.name === name);
  if (found === undefined) throw new Error(`There is no service ${name}`);
  return found;
}
