// A browser in front of the login page: it keeps cookies, sends forms as browsers do, and follows nothing by itself.

import type { Fields } from "@postern/http";
import type { ClientConnection } from "../../exchange.ts";
import type { Admission, Service } from "../../parts.ts";
import { createLogins } from "../logins.ts";
import { type TestExchange, testClient } from "../../../test/exchanges.ts";
import { testService } from "../../../test/parts.ts";
import { exchange, scene, valuesOf, type Scene, type SceneOptions } from "./scene.ts";

export const FORMS: Service = testService({ name: "owa", paths: ["/owa"], authentication: "forms", refusals: "page" });
const OTHER = testService({ name: "other" });

export const PAGE: Fields = ["Accept", "text/html,application/xhtml+xml", "Sec-Fetch-Mode", "navigate"];
export const SCRIPT: Fields = ["Accept", "*/*", "Sec-Fetch-Mode", "cors"];
const FROM_HERE: Fields = ["Origin", "https://mail.example.com", "Sec-Fetch-Site", "same-origin"];
const URLENCODED: Fields = ["Content-Type", "application/x-www-form-urlencoded"];

export const locationOf = (one: TestExchange): string | undefined => valuesOf(one.said.fields, "location")[0];

export interface Answered {
  readonly one: TestExchange;
  readonly admission: Admission | undefined;
}

export interface Browser extends Scene {
  readonly cookies: Map<string, string>;
  /** Set-Cookie lines of all answers. */
  readonly setCookies: string[];
  ask(line: string, fields?: Fields, service?: Service): Promise<Answered>;
  /** The page's hidden ticket. */
  openPage(query?: string): Promise<string>;
  post(target: string, form: Readonly<Record<string, string>>, fields?: Fields): Promise<TestExchange>;
  /** Opens the page and sends it, as a person does. */
  logIn(form?: Readonly<Record<string, string>>): Promise<TestExchange>;
  learn(fields: Fields): void;
}

const withForms = { owa: { paths: ["/owa"], authentication: "forms" } } as unknown as Scene["parts"]["settings"]["services"];

export function browser(options: SceneOptions = {}, from: ClientConnection = testClient()): Browser {
  const all = scene({ ...options, settings: { services: withForms, ...options.settings } });
  const logins = createLogins(all.parts);
  const cookies = new Map<string, string>();
  const setCookies: string[] = [];

  const cookieFields = (): Fields =>
    cookies.size === 0 ? [] : ["Cookie", Array.from(cookies, ([name, value]) => `${name}=${value}`).join("; ")];

  const self: Browser = {
    ...all,
    cookies,
    setCookies,
    async ask(line, fields = PAGE, service = FORMS) {
      const one = exchange(from, line, { fields: [...fields, ...cookieFields()] });
      const admission = await logins.admit(one, service);
      self.learn(one.said.fields);
      return { one, admission };
    },
    async openPage(query = "") {
      const { one } = await self.ask(`GET /postern/login${query}`, PAGE, OTHER);
      return /name="ticket" value="([^"]+)"/.exec(one.said.body)?.[1] ?? "";
    },
    async post(target, form, fields = FROM_HERE) {
      const body = new URLSearchParams(form).toString();
      const one = exchange(from, `POST ${target}`, { fields: [...PAGE, ...URLENCODED, ...fields, ...cookieFields()], body });
      await logins.admit(one, OTHER);
      self.learn(one.said.fields);
      return one;
    },
    async logIn(form = {}) {
      const ticket = await self.openPage();
      return self.post("/postern/login", { user: "alice", password: "s3cret", to: "/owa/", computer: "public", ticket, ...form });
    },
    learn(fields) {
      for (const line of valuesOf(fields, "set-cookie")) {
        setCookies.push(line);
        const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (line.includes("Max-Age=0")) cookies.delete(name);
        else cookies.set(name, value);
      }
    },
  };
  return self;
}
