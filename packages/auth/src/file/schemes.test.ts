import test from "ava";
import { bcrypt } from "./bcrypt.ts";
import { matches, newHash, schemeOf } from "./schemes.ts";
import { PASSWORD, PENCIL_SHA1, PENCIL_SHA256 } from "./test/helpers.ts";

/** Scheme, password, hash. */
const VECTORS: readonly (readonly [string, string, string])[] = [
  // The tests of the reference implementation (P-H-C/phc-winner-argon2).
  ["argon2id", "password", PASSWORD],
  ["argon2id", "password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"],
  ["argon2id", "password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"],
  // doveadm pw
  ["argon2id", "grüße", "$argon2id$v=19$m=65536,t=3,p=1$jQIGR/SjWAOkP/6hkVC7lw$t0jqnH7AA6i6mDW1vsHEw/iIOseRT871F9wkvHZ1zjA"],
  // The tests of crypt_blowfish.
  ["bcrypt", "U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"],
  ["bcrypt", "U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"],
  ["bcrypt", "U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"],
  [
    "bcrypt",
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
    "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
  ],
  // crypt(3) by Python, and doveadm pw
  ["bcrypt", "grüße", "$2b$05$abcdefghijklmnopqrstuuw1XXhQ5C8Zcm6QLvdJ77.2rdR17LM02"],
  ["bcrypt", "grüße", "$2y$05$p/71VOtZ3w0jf.sCvIfm6ODgAd/wKA38FxTfAIoPxc8WxuNGMEsUS"],
  // The specification's own.
  [
    "sha512-crypt",
    "Hello world!",
    "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
  ],
  [
    "sha512-crypt",
    "Hello world!",
    "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
  ],
  [
    "sha512-crypt",
    "This is just a test",
    "$6$rounds=5000$toolongsaltstrin$lQ8jolhgVRVhY4b5pZKaysCLi0QBxGoNeKQzQ3glMhwllF7oGDZxUhx1yxdYcz/e1JSbq3y6JMxxl8audkUEm0",
  ],
  [
    "sha512-crypt",
    "a very much longer text to encrypt.  This one even stretches over morethan one line.",
    "$6$rounds=1400$anotherlongsalts$POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1",
  ],
  [
    "sha512-crypt",
    "we have a short salt string but not a short password",
    "$6$rounds=77777$short$WuQyW2YR.hBNpjjRhpYD/ifIw05xdfeEyQoMxIXbkvr0gge1a1x3yRULJ5CCaUeOxFmtlcGZelFl5CxtgfiAc0",
  ],
  [
    "sha512-crypt",
    "a short string",
    "$6$rounds=123456$asaltof16chars..$BtCwjqMJGx5hrJhZywWvt0RLE8uZ4oPwcelCjmw2kSYu.Ec6ycULevoBK25fs2xXgMNrCzIMVcgEJAstJeonj1",
  ],
  [
    "sha512-crypt",
    "the minimum number is still observed",
    "$6$rounds=1000$roundstoolow$kUMsbe306n21p9R.FRkW3IGn.S9NPN0x50YhH1xhLsPuWGsUSklZt58jaTfF4ZEQpyUNGc0dqbpBYYBaHHrsX.",
  ],
  // openssl passwd -6
  [
    "sha512-crypt",
    "pässwörd",
    "$6$abcdefghijklmnop$Z142AM4CbyHnvFikRKauX.vgsnvjYLvt4bZlZZZrlgVhDW0zltnUun6G9I5xvVirZ/Y9MRz96lJh5eoUicidR.",
  ],
  ["scram-sha-256", "pencil", `{SCRAM-SHA-256}${PENCIL_SHA256}`],
  ["scram-sha-1", "pencil", `{SCRAM-SHA-1}${PENCIL_SHA1}`],
  // doveadm pw
  [
    "scram-sha-256",
    "grüße",
    "{SCRAM-SHA-256}4096,eC3eEy+ElNq3neMcxfdiRg==,b7aBClpuVSqbaRJxUCiwXiTF5NYnuQlJC9m5hfbTxVo=,aSo315ApoD6itxGayMufyqDnBoJxULc9MmjnwWTFMzM=",
  ],
];

for (const [name, password, hash] of VECTORS) {
  test(`${name}: ${hash.slice(0, 40)}… is the hash of "${password.slice(0, 20)}" and of nothing else`, (t) => {
    t.is(schemeOf(hash)?.name, name);
    t.is(schemeOf(hash)?.problem(hash), undefined);
    t.true(matches(hash, Buffer.from(password)));
    t.false(matches(hash, Buffer.from(`x${password}`)));
    t.false(matches(hash, Buffer.alloc(0)));
  });
}

for (const name of ["argon2id", "bcrypt", "sha512-crypt"] as const) {
  test(`${name}: what is made has a new salt each time, no problem, and matches`, (t) => {
    const password = Buffer.from("Straße nach Süden");
    const [one, two] = [newHash(name, password), newHash(name, password)].map((text) => text.replace(/^\{[A-Z0-9-]+\}/, ""));
    t.not(one, two);
    const scheme = schemeOf(one ?? "");
    t.is(scheme?.name, name);
    t.is(scheme?.problem(one ?? ""), undefined);
    t.is(scheme?.cost(one ?? ""), scheme?.cost(two ?? ""));
    t.true(matches(one ?? "", password));
    t.false(matches(two ?? "", Buffer.from("Straße nach Norden")));
  });
}

test("schemes: a password that is longer than its scheme looks at is refused", (t) => {
  t.throws(() => newHash("bcrypt", Buffer.alloc(73, "x")), { message: "bcrypt takes passwords of at most 72 bytes, not 73" });
  t.throws(() => newHash("argon2id", Buffer.alloc(1025, "x")), { message: /at most 1024 bytes/ });
});

test("bcrypt: bytes that are no UTF-8 do not pass for the replacement character", (t) => {
  const hash = bcrypt.make(Buffer.from("\ufffd"));
  t.true(matches(hash, Buffer.from("\ufffd")));
  t.false(matches(hash, Buffer.from([0xff])));
});

test("scram: a password that is typed in another Unicode form fits the same keys", (t) => {
  const made =
    "{SCRAM-SHA-256}4096,eC3eEy+ElNq3neMcxfdiRg==,b7aBClpuVSqbaRJxUCiwXiTF5NYnuQlJC9m5hfbTxVo=,aSo315ApoD6itxGayMufyqDnBoJxULc9MmjnwWTFMzM=";
  t.true(matches(made, Buffer.from("grüße".normalize("NFD"))));
});

test("schemes: a hash without a scheme is an error that does not show it", (t) => {
  t.throws(() => matches("s3cret", Buffer.from("x")), { message: "a hash of an unknown scheme" });
});
