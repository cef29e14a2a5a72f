// Users of connection-bound logins through the whole path, and clients of HTTP/2 beside them, in random orders of what can happen: a
// backend's connection on which somebody has logged in never hears of anybody else, and nobody hears another's answer.

import type { ClientHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import test from "ava";
import { array, assert, asyncProperty, constantFrom, tuple } from "fast-check";
import { webScene, type WebScene } from "../test/web-scene.ts";
import { ask, client } from "./front/test/http2-client.ts";
import type { Wire } from "./front/test/scene.ts";

/** What the backend does with a request, by a word in its target. */
const ANSWERS: Readonly<Record<string, (body: string) => string>> = {
  ok: (body) => answer("200 OK", body),
  asks: (body) => answer("401 Unauthorized", body, "WWW-Authenticate: NTLM\r\n"),
  keeps: (body) => answer("200 OK", body, "Persistent-Auth: true\r\n"),
  closes: (body) => answer("200 OK", body, "Connection: close\r\n"),
  unknown: (body) => answer("404 Not Found", body),
  full: (body) => answer("413 Content Too Large", body),
  poison: (body) => answer("200 OK", body) + answer("200 OK", "evil|"),
  early: (body) => `HTTP/1.1 103 Early Hints\r\nX-A: 1\r\n\r\n${answer("200 OK", body)}`,
};
const WORDS = Object.keys(ANSWERS);
const METHODS = ["plain", "login", "upgrade", "upload", "leave", "cut", "half", "autodiscover"] as const;
type Method = (typeof METHODS)[number];

const answer = (status: string, body: string, fields = ""): string =>
  `HTTP/1.1 ${status}\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;

/** A backend that logs connections in; it finds who else comes by one. */
function backend(): { readonly answer: (socket: Socket, head: string) => void; readonly mixUps: string[] } {
  const owners = new WeakMap<Socket, string>();
  const mixUps: string[] = [];
  return {
    mixUps,
    answer(socket, head) {
      const who = /^x-who: (.*)\r$/im.exec(head)?.[1] ?? "nobody";
      const owner = owners.get(socket);
      if (owner !== undefined && owner !== who) mixUps.push(`${who} on ${owner}'s: ${head}`);
      if (/^authorization: ntlm/im.test(head)) owners.set(socket, who);
      const word = /[?&]do=(\w+)/.exec(head)?.[1] ?? "ok";
      const body = `${who} ${/^\S+ (\S+)/.exec(head)?.[1] ?? ""}|`;
      if (word === "cut") socket.destroy();
      else if (word === "half") socket.end(answer("200 OK", body).slice(0, -3));
      else socket.write((ANSWERS[word] ?? ANSWERS["ok"])?.(body) ?? "");
    },
  };
}

class Person {
  readonly #name: string;
  readonly #scene: WebScene;
  #wire: Wire | undefined;
  #count = 0;

  constructor(name: string, scene: WebScene) {
    this.#name = name;
    this.#scene = scene;
  }

  /** What was heard of somebody else. */
  async act(method: Method, word: string): Promise<string | undefined> {
    const wire = this.#wire?.isOver === false ? this.#wire : await this.#scene.connect();
    this.#wire = wire;
    const folder = method === "autodiscover" ? "/autodiscover/autodiscover.xml" : "/x";
    const target = `${folder}?do=${method === "cut" || method === "half" ? method : word}&n=${this.#count++}`;
    const seen = wire.text.length;
    wire.say(this.#text(method, target));
    if (method === "leave") {
      wire.socket.destroy();
      return undefined;
    }
    const heard = await wire.until(new RegExp(`^[^]{${seen}}[^]*\\r\\n\\r\\n[^]*[|.>]\\s*$`)).catch(() => wire.text);
    // The rest of the body is never sent.
    if (method === "upload") wire.socket.destroy();
    const others = heard.slice(seen).match(/evil|\w+(?= \/x\?)|\w+(?= \/auto)/g) ?? [];
    return others.every((other) => other === this.#name) ? undefined : heard.slice(seen);
  }

  #text(method: Method, target: string): string {
    const login = method === "plain" ? "" : `Authorization: NTLM ${Buffer.from(this.#name).toString("base64")}\r\n`;
    const head = `Host: a\r\nX-Who: ${this.#name}\r\n${login}`;
    if (method === "upgrade") return `GET ${target} HTTP/1.1\r\n${head}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
    // More comes than the backend waits for.
    if (method === "upload") return `POST ${target} HTTP/1.1\r\n${head}Content-Length: 100000\r\n\r\n${"x".repeat(50_000)}`;
    return `${method === "autodiscover" ? "POST" : "GET"} ${target} HTTP/1.1\r\n${head}Content-Length: 2\r\n\r\nhi`;
  }

  leave(): void {
    this.#wire?.socket.destroy();
  }
}

/** Over HTTP/2: it hears its own answer, or that it is to come over HTTP/1.1. */
async function overHttp2(session: ClientHttp2Session, name: string, word: string): Promise<string | undefined> {
  const { text, status } = await ask(session, { ":path": `/x?do=${word}`, ":authority": "a", "x-who": name });
  return status === undefined || text.startsWith(name) ? undefined : text;
}

const step = tuple(constantFrom(...METHODS), constantFrom(...WORDS));

test("mix-ups: whatever happens, a connection with a login serves one client, and everybody hears their own answers", async (t) => {
  const names = ["alice", "bob", "carol"];
  const script = array(step, { minLength: 4, maxLength: 12 });
  await assert(
    asyncProperty(array(script, { minLength: names.length, maxLength: names.length }), async (scripts) => {
      const { answer: answers, mixUps } = backend();
      const scene = await webScene(t, { answer: answers });
      const session = await client(t, scene.http2);
      const persons = names.map((name) => new Person(name, scene));
      const wrong = await Promise.all(
        scripts.map(async (steps, index) => {
          const found: (string | undefined)[] = [];
          for (const [method, word] of steps) {
            found.push(await persons[index]?.act(method, word));
            found.push(await overHttp2(session, "dave", word));
          }
          persons[index]?.leave();
          return found.filter((one) => one !== undefined);
        }),
      );
      t.deepEqual(wrong.flat(), []);
      t.deepEqual(mixUps, []);
      session.destroy();
      scene.close();
    }),
    { numRuns: 60, endOnFailure: true },
  );
});
