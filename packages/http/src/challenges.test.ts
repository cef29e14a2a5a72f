import { Failure } from "@postern/contracts";
import { assert, property, string } from "fast-check";
import test from "ava";
import { SCHEMES } from "./authorization.ts";
import { challenges } from "./challenges.ts";

const REALM = { realm: "mail.example.com" };

test("challenges: all schemes, strongest first, in whatever order they are named", (t) => {
  const expected = ["Negotiate", "NTLM", 'Bearer realm="mail.example.com"', 'Basic realm="mail.example.com", charset="UTF-8"'];
  t.deepEqual(challenges(SCHEMES, REALM), expected);
  t.deepEqual(challenges([...SCHEMES].toReversed(), REALM), expected);
  t.deepEqual(challenges(["Basic", "NTLM"], REALM), ["NTLM", expected[3]]);
  t.deepEqual(challenges([], REALM), []);
});

test("challenges: quotes and backslashes of a realm are escaped", (t) => {
  t.deepEqual(challenges(["Basic"], { realm: 'The "house" \\ here' }), [
    String.raw`Basic realm="The \"house\" \\ here", charset="UTF-8"`,
  ]);
});

test("challenges: a realm that could end the header is an error", (t) => {
  for (const realm of ["a\r\nSet-Cookie: x", "a\nb", "a\0b", "a\tb", "B\u00fcro", "\x7f"]) {
    t.throws(() => challenges(["Basic"], { realm }), { message: /cannot be a realm; use printable ASCII/ }, realm);
  }
});

test("challenges: Bearer says what was wrong with the token, without its reason", (t) => {
  const bearer = (kind: ConstructorParameters<typeof Failure>[0]): string | undefined =>
    challenges(["Bearer"], { ...REALM, refused: new Failure(kind, "s3cret reason") })[0];
  const plain = 'Bearer realm="mail.example.com"';
  t.is(bearer("wrong-credentials"), `${plain}, error="invalid_token", error_description="Authentication failed"`);
  t.is(bearer("unknown-user"), bearer("wrong-credentials"));
  t.is(bearer("credentials-expired"), `${plain}, error="invalid_token", error_description="The password has expired"`);
  t.is(bearer("not-authorized"), `${plain}, error="insufficient_scope", error_description="Not authorized"`);
  t.is(
    bearer("exchange-malformed"),
    `${plain}, error="invalid_request", error_description="The authentication exchange is malformed"`,
  );
  t.is(bearer("verifier-down"), plain);
});

test("challenges: the other schemes say nothing of a failure", (t) => {
  const refused = new Failure("wrong-credentials", "no");
  const [, ...others] = challenges(["Negotiate", "NTLM", "Basic"], { ...REALM, refused });
  t.deepEqual(others, ["NTLM", 'Basic realm="mail.example.com", charset="UTF-8"']);
});

test("challenges: whatever the realm, the value is one well-formed line, or an error", (t) => {
  assert(
    property(string({ unit: "binary" }), (realm) => {
      try {
        const [value] = challenges(["Bearer"], { realm });
        const inside = /^Bearer realm="((?:[^"\\\r\n]|\\["\\])*)"$/.exec(value ?? "")?.[1];
        t.is(inside?.replaceAll(/\\(.)/g, "$1"), realm);
      } catch (error) {
        t.regex(String(error), /cannot be a realm/);
      }
    }),
    { numRuns: 1000 },
  );
});
