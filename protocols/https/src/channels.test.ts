import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import test from "ava";
import { Failure, type Leg } from "@postern/contracts";
import type { Channel, ChannelServer } from "@postern/http";
import { testAuthenticator, testLeg } from "@postern/testing";
import { until } from "../test/until.ts";
import { webScene, type WebScene } from "../test/web-scene.ts";
import { webSettings } from "../test/parts.ts";
import type { ExecutionContext } from "ava";

const BASIC = Buffer.from("alice@example.com:wonderland").toString("base64");
const head = (method: string, more = ""): string =>
  `${method} /rpc/rpcproxy.dll?g@example.com:6001 HTTP/1.1\r\nHost: mail.example.com\r\nAuthorization: Basic ${BASIC}\r\n${more}\r\n`;

interface Served {
  readonly channel: Channel;
  readonly legs: readonly Leg[];
}

/** A gateway whose users' backend is an RPC server; `serve` plays the protocol that plays the proxy. */
async function rpcScene(
  t: ExecutionContext,
  serve: ChannelServer["serve"],
  proven = true,
  port = 1,
): Promise<WebScene & { served: Served[] }> {
  const served: Served[] = [];
  const leg = testLeg(port, { protocol: "rpc-http", scheme: "ncacn_http" });
  const scene = await webScene(t, {
    settings: webSettings({ defaultAuthentication: "edge" }),
    parts: {
      authenticator: testAuthenticator({
        believes: !proven,
        check: () => Promise.resolve({ user: "alice@example.com", proven }),
      }),
      router: {
        find: ({ protocol }) =>
          protocol === "rpc-http"
            ? Promise.resolve({ source: "test", why: "test", legs: [leg], login: undefined })
            : Promise.reject(new Failure("no-candidate", "Only RPC")),
        explain: () => Promise.reject(new Error("Nobody asks why")),
      },
      channels: {
        serve: async (channel, legs) => {
          served.push({ channel, legs });
          await serve(channel, legs);
        },
        close: () => {},
      },
    },
  });
  return { ...scene, served };
}

test("channels: one of a user whose backend is an RPC server is handed over, with who was let in", async (t) => {
  const scene = await rpcScene(t, async ({ answer }) => {
    answer.begin({ status: 200, reason: "Success", fields: ["Content-Type", "application/rpc"] }, 1_073_741_824);
    answer.write(Buffer.from("PDUs"));
    answer.leave();
  });
  const client = await scene.connect();
  client.say(head("RPC_OUT_DATA", "Content-Length: 76\r\n"));
  const all = await client.all();
  t.true(all.startsWith("HTTP/1.1 200 Success\r\nContent-Type: application/rpc\r\nContent-Length: 1073741824\r\n"), all);
  t.true(all.endsWith("\r\n\r\nPDUs"), all);
  const [first] = scene.served;
  t.is(first?.channel.identity.user, "alice@example.com");
  t.is(first?.channel.body?.length, 76);
  t.deepEqual(
    first?.legs.map(({ protocol }) => protocol),
    ["rpc-http"],
  );
  t.is(scene.heard.length, 0);
});

test("channels: a failure before the answer is told in RPC's words", async (t) => {
  const scene = await rpcScene(t, () => Promise.reject(new Failure("route-refused", "Not this port")));
  const client = await scene.connect();
  client.say(head("RPC_IN_DATA", "Content-Length: 1073741824\r\n"));
  t.true((await client.all()).startsWith("HTTP/1.0 503 RPC Error: 5\r\n"));
});

test("channels: who was only believed is let into no RPC server, for it asks for no login", async (t) => {
  const scene = await rpcScene(t, () => Promise.resolve(), false);
  const client = await scene.connect();
  client.say(head("RPC_IN_DATA", "Content-Length: 1073741824\r\n"));
  t.true((await client.all()).startsWith("HTTP/1.0 503 RPC Error: 5\r\n"));
  t.is(scene.served.length, 0);
});

test("channels: 100 Continue is said as soon as the body is wanted, and the body flows for as long as its service lets it rest", async (t) => {
  const said: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const scene = await rpcScene(t, ({ body }) => {
    body?.start({
      data: (chunk) => {
        said.push(chunk.toString());
        return true;
      },
      end: () => resolve(),
      broken: () => resolve(),
    });
    return promise;
  });
  const client = await scene.connect();
  client.say(head("RPC_IN_DATA", "Expect: 100-continue\r\nContent-Length: 1073741824\r\n"));
  t.is(await client.until(/\r\n\r\n/), "HTTP/1.1 100 Continue\r\n\r\n");
  client.say("first");
  await until(() => said.length === 1);
  await scene.clock.advance(20 * 60_000);
  client.say("second");
  await until(() => said.length === 2);
  t.deepEqual(said, ["first", "second"]);
  client.socket.end();
  await promise;
});

for (const method of ["GET", "HEAD", "OPTIONS", "POST", "rpc_in_data"])
  test(`channels: ${method} is for a web server, and an RPC server hears nothing of it`, async (t) => {
    const rpc = createServer((socket) => void heard.push(socket.destroy()));
    const heard: unknown[] = [];
    rpc.listen(0, "127.0.0.1");
    await once(rpc, "listening");
    t.teardown(() => rpc.close());
    const scene = await rpcScene(t, () => Promise.resolve(), true, (rpc.address() as AddressInfo).port);
    const client = await scene.connect();
    client.say(head(method, "Content-Length: 0\r\n"));
    t.regex(await client.all(), /^HTTP\/1\.0 503 RPC Error: 6ba\r\n/);
    t.deepEqual([scene.served.length, heard.length], [0, 0]);
  });
