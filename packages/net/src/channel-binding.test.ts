import { createHash } from "node:crypto";
import { once } from "node:events";
import { TLSSocket } from "node:tls";
import test from "ava";
import { sidesOf } from "../test/relayed.ts";

test("channel binding: both ends of a TLS 1.3 connection have the same exporter value, and no other connection has it", async (t) => {
  const [one, other] = [await sidesOf(t, true), await sidesOf(t, true)];
  const { app } = one;
  if (!(app instanceof TLSSocket)) return t.fail();
  if (app.getProtocol() !== "TLSv1.3") await once(app, "secureConnect");
  const exported = app.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
  t.deepEqual(one.client.bindings("tls-exporter"), exported);
  return t.notDeepEqual(other.client.bindings("tls-exporter"), exported);
});

test("channel binding: the end point is the hash of the certificate that the client sees", async (t) => {
  const { app, client } = await sidesOf(t, true);
  if (!(app instanceof TLSSocket)) return t.fail();
  if (app.getProtocol() !== "TLSv1.3") await once(app, "secureConnect");
  const seen = createHash("sha256")
    .update(app.getPeerX509Certificate()?.raw ?? "")
    .digest();
  return t.deepEqual(client.bindings("tls-server-end-point"), seen);
});

test("channel binding: there is none without TLS", async (t) => {
  const { client } = await sidesOf(t, false);
  t.is(client.bindings("tls-exporter"), undefined);
  t.is(client.bindings("tls-server-end-point"), undefined);
});
