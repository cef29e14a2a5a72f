// DKIM through the filter: signatures by mailauth's signer, and those that RFC 8463 publishes.

import test from "ava";
import { ED25519, EXAMPLE, MESSAGE, play, RSA, signed, START, txt, WEAK } from "./test/scene.ts";

const dkim = (results: readonly string[]): string[] => results.filter((result) => result.startsWith("dkim="));

test("RSA and Ed25519 signatures hold, in both canonicalizations, however the message is cut", async (t) => {
  for (const canonicalization of ["relaxed/relaxed", "simple/simple", "relaxed/simple"]) {
    for (const [selector, key] of [
      ["s1", RSA],
      ["s2", ED25519],
    ] as const) {
      const message = await signed(MESSAGE, { selector, key, canonicalization });
      for (const piece of [1, 7, 64, 100_000]) {
        const { results, symbols, reply } = await play({ message, piece });
        t.regex(
          dkim(results)[0] ?? "",
          /^dkim=pass header\.d=example\.com header\.i=@example\.com header\.s=s\d header\.a=\S+ header\.b=\S{8}$|^dkim=pass .*header\.b="/,
        );
        t.true("DKIM_PASS" in symbols);
        t.is(reply, undefined);
      }
    }
  }
});

test("the signatures of RFC 8463 appendix A hold: Ed25519 and RSA", async (t) => {
  const message = [
    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;",
    " d=football.example.com; i=@football.example.com;",
    " q=dns/txt; s=brisbane; t=1528637909; h=from : to :",
    " subject : date : message-id : from : subject : date;",
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;",
    " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus",
    " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==",
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;",
    " d=football.example.com; i=@football.example.com;",
    " q=dns/txt; s=test; t=1528637909; h=from : to : subject :",
    " date : message-id : from : subject : date;",
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;",
    " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3",
    " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz",
    " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=",
    "From: Joe SixPack <joe@football.example.com>",
    "To: Suzie Q <suzie@shopping.example.net>",
    "Subject: Is dinner ready?",
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)",
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>",
    "",
    "Hi.",
    "",
    "We lost the game.  Are you hungry yet?",
    "",
    "Joe.",
    "",
  ].join("\r\n");
  const zone = {
    "brisbane._domainkey.football.example.com": txt("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
    "test._domainkey.football.example.com": txt(
      "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
    ),
  };
  const { results } = await play({ message, zone });
  t.deepEqual(
    dkim(results).map((result) => result.split(" ")[0]),
    ["dkim=pass", "dkim=pass"],
  );
});

test("a changed body or header does not hold: marked by default, counted, or refused with 5.7.20", async (t) => {
  const zone = { ...EXAMPLE, "_dmarc.example.com": txt("v=DMARC1; p=none") };
  const good = await signed(MESSAGE);
  for (const message of [good.replace("hungry", "thirsty"), good.replace("Supper", "Dinner")]) {
    const marked = await play({ message, zone });
    t.regex(dkim(marked.results)[0] ?? "", /^dkim=fail \(/);
    t.is(marked.symbols["DKIM_FAIL"], 0);
    t.is((await play({ message, zone, settings: { dkim: "score" } })).symbols["DKIM_FAIL"], 2);
    const refused = await play({ message, zone, settings: { dkim: "refuse" } });
    t.is(refused.reply, "550 5.7.20 No DKIM signature holds");
    t.is(refused.stage, "content");
  }
});

test("an expired signature does not hold", async (t) => {
  const message = await signed(MESSAGE, { signTime: new Date(START - 7200_000), expires: new Date(START - 3600_000) });
  t.regex(dkim((await play({ message })).results)[0] ?? "", /^dkim=neutral \(expired\)/);
});

test("one signature that holds is enough", async (t) => {
  const message = await signed((await signed(MESSAGE)).replace("s=s1;", "s=gone;"), { selector: "s2", key: ED25519 });
  const { results, symbols } = await play({ message, settings: { dkim: "refuse" } });
  t.deepEqual(
    dkim(results).map((result) => result.split(" ")[0]),
    ["dkim=pass", "dkim=neutral"],
  );
  t.true("DKIM_PASS" in symbols);
});

test("a key that is too short, and a body that is signed in part, are not acceptable: 5.7.21", async (t) => {
  const zone = { ...EXAMPLE, "weak._domainkey.example.com": txt(WEAK.record) };
  const weak = await play({
    message: await signed(MESSAGE, { selector: "weak", key: WEAK }),
    zone,
    settings: { dkim: "refuse" },
  });
  t.regex(dkim(weak.results)[0] ?? "", /^dkim=policy policy\.dkim-rules=weak-key /);
  t.is(weak.reply, "550 5.7.21 No acceptable DKIM signature");
  const partly = (await signed(MESSAGE, { maxBodyLength: 10 })) + "Click here\r\n";
  const open = await play({ message: partly, ip: "198.51.100.1", settings: { spf: "mark", dkim: "refuse" } });
  t.regex(dkim(open.results)[0] ?? "", /^dkim=policy \(a part of the body is not signed\)/);
  t.true("DMARC_FAIL_REJECT" in open.symbols, "nor does it speak for the author");
});

test("an unsigned message says none, and is nobody's fault", async (t) => {
  const { results, symbols, reply } = await play({ message: MESSAGE, settings: { dkim: "refuse" } });
  t.deepEqual(dkim(results), ["dkim=none"]);
  t.false(Object.keys(symbols).some((symbol) => symbol.startsWith("DKIM")));
  t.is(reply, undefined);
});

test("a key that the DNS cannot tell now: accepted, or deferred with 4.7.5", async (t) => {
  const zone = { ...EXAMPLE, "s1._domainkey.example.com": "down" as const };
  const message = await signed(MESSAGE);
  const accepted = await play({ message, zone, settings: { dkim: "refuse" } });
  t.regex(dkim(accepted.results)[0] ?? "", /^dkim=temperror \(DNS failure/);
  t.is(accepted.reply, undefined);
  const deferred = await play({ message, zone, settings: { dkim: "score", dnsDown: "defer" } });
  t.is(deferred.reply, "451 4.7.5 The signatures cannot be checked now: no key server answers");
  t.is((await play({ message, zone, settings: { dkim: "mark", dnsDown: "defer" } })).reply, undefined);
});

test("Authentication-Results is written once, on top, and is held for", async (t) => {
  const { field, held, edits } = await play({ message: await signed(MESSAGE) });
  t.true(held);
  t.is(edits.length, 1);
  t.regex(
    field ?? "",
    /^mx\.postern\.example; spf=pass smtp\.mailfrom=example\.com; dmarc=pass header\.from=example\.com; dkim=pass header\.d=example\.com /,
  );
});
