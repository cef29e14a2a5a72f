import test from "ava";
import { systemClock } from "@postern/contracts";
import { serveDns } from "@postern/testing";
import { createDnsResolver } from "../resolver.ts";
import { reverseDns } from "../reverse-dns.ts";
import { filterOf, symbolsOf, testMail, testServices, testVisit, wordsOf } from "../test/scene.ts";
import { dnsLists } from "./index.ts";

test("DNS lists and reverse DNS: work over a DNS server", async (t) => {
  const server = await serveDns({
    "7.2.0.192.zen.example": { A: ["127.0.0.4"], TXT: ["listed for tests"] },
    "7.2.0.192.broken.example": "SERVFAIL",
    "7.2.0.192.in-addr.arpa": { PTR: ["mail.sender.example"] },
    "mail.sender.example": { A: ["192.0.2.7"] },
  });
  const dns = createDnsResolver({ servers: [server.address], timeout: 5000, cacheSize: 100 }, systemClock);
  t.teardown(async () => {
    dns.close();
    await server.stop();
  });
  const services = { ...testServices(), dns, clock: systemClock };
  const list = { name: undefined, kind: "block", score: 5, answers: [], of: "client" } as const;
  const lists = ["zen.example", "broken.example", "clean.example"].map((zone) => ({ ...list, zone }));
  const visit = testVisit();
  const mail = testMail({ visit });
  const [block, names] = [filterOf(dnsLists, services, { lists, timeout: 60_000 }), filterOf(reverseDns, services)];
  t.is(wordsOf(await block.sender?.(mail)), "550 5.7.1 192.0.2.7 is listed by zen.example: listed for tests");
  t.is(await names.sender?.(mail), undefined);
  t.is(visit.hostName, "mail.sender.example");
  t.deepEqual(symbolsOf(visit), ["DNSLIST_ZEN_EXAMPLE=5"]);
});
