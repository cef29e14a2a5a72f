import test from "ava";
import type { Socket } from "node:net";
import { array, assert, asyncProperty, constantFrom } from "fast-check";
import { backScene, get, HELLO, Recorder, type BackScene } from "../../test/back-scene.ts";
import type { BackConnection } from "../backends.ts";

const ACTIONS = ["plain", "login", "again", "leave", "close", "break", "drop"] as const;
type Action = (typeof ACTIONS)[number];

/** The backend says which request it answers, and ends the connection where the request's name says so. */
function answer(socket: Socket, head: string): void {
  const target = /^\S+ (\S+)/.exec(head)?.[1] ?? "";
  if (target.includes("break")) return void socket.end(HELLO.slice(0, -1));
  const close = target.includes("close") ? "Connection: close\r\n" : "";
  socket.write(`HTTP/1.1 200 OK\r\n${close}Content-Length: ${target.length}\r\n\r\n${target}`);
}

/** One client, which keeps its connection to the backend from its login on. */
class Client {
  readonly #name: string;
  readonly #scene: BackScene;
  #own: BackConnection | undefined;
  #count = 0;

  constructor(name: string, scene: BackScene) {
    this.#name = name;
    this.#scene = scene;
  }

  /** What was answered to somebody else's request, or not at all. */
  async act(action: Action): Promise<string | undefined> {
    if (action === "leave") {
      this.#own?.drop();
      return undefined;
    }
    const isTied = action === "login" || (action !== "plain" && this.#own !== undefined);
    const target = `/${this.#name}/${isTied ? "tied" : "free"}/${action}/${this.#count++}`;
    const connection = (isTied ? this.#own : undefined) ?? (await this.#scene.take());
    const taker = new Recorder();
    if (isTied) taker.onHead = () => this.#tie(connection);
    if (action === "drop") {
      connection.ask(get({ target }), undefined, taker);
      connection.drop();
      return taker.events.length === 0 ? undefined : `${target}: heard behind a drop`;
    }
    connection.ask(get({ target, fields: action === "login" ? ["Authorization", "NTLM TlRM"] : [] }), undefined, taker);
    await taker.over;
    return taker.failure !== undefined || taker.text === target ? undefined : `${target} was answered ${taker.text}`;
  }

  #tie(connection: BackConnection): void {
    this.#own = connection;
    connection.pin(() => {
      if (this.#own === connection) this.#own = undefined;
    });
  }
}

test("mix-ups: whatever clients do, each hears its own answers, and a connection with a login serves its own client alone", async (t) => {
  const script = array(constantFrom(...ACTIONS), { maxLength: 12 });
  const names = ["alice", "bob", "carol"];
  await assert(
    asyncProperty(array(script, { minLength: names.length, maxLength: names.length }), async (scripts) => {
      const scene = await backScene(t, { answer, settings: { perBackend: 2, wait: 1e9 } });
      const wrong = await Promise.all(
        scripts.map(async (actions, index) => {
          const client = new Client(names[index] ?? "", scene);
          const found: (string | undefined)[] = [];
          for (const action of actions) found.push(await client.act(action));
          await client.act("leave");
          return found.filter((one) => one !== undefined);
        }),
      );
      t.deepEqual(wrong.flat(), []);
      for (const heard of scene.heard) {
        const tied = new Set(heard.match(/(?<=\/)\w+(?=\/tied\/)/g));
        t.true(tied.size <= 1, heard);
        const [owner] = tied;
        if (owner === undefined) continue;
        const behind = heard.slice(heard.indexOf("/tied/"));
        t.deepEqual(behind.match(/(?<=GET \/)\w+/g)?.filter((name) => name !== owner) ?? [], [], heard);
      }
      scene.backs.close();
      t.is(scene.clock.pending, 0);
      for (const socket of scene.sockets) socket.destroy();
    }),
    { numRuns: 200 },
  );
});
