import test from "ava";
import { assert, property, string } from "fast-check";
import { escapeXml, textOf, textsOf, xmlText } from "./xml.ts";

const POX = `<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>
<EMailAddress>alice@example.com</EMailAddress><AcceptableResponseSchema>http://x/2006a</AcceptableResponseSchema></Request></Autodiscover>`;

test("xml: the text of an element is found, with and without a prefix", (t) => {
  t.is(textOf(POX, "EMailAddress"), "alice@example.com");
  t.is(textOf(POX, "AcceptableResponseSchema"), "http://x/2006a");
  t.is(textOf("<a:Mailbox b='>'>\n x@y \n</a:Mailbox>", "Mailbox"), "x@y");
  t.is(textOf("\uFEFF<r><e/></r>", "e"), "");
});

const NOTHING: Readonly<Record<string, string>> = {
  "another name": "<r><EMail>a@b</EMail></r>",
  "other letters": "<r><MAIL>a@b</MAIL></r>",
  "a comment": "<r><!-- <Mail>a@b</Mail> --></r>",
  CDATA: "<r><![CDATA[<Mail>a@b</Mail>]]></r>",
  "an attribute": "<r a='<Mail>a@b</Mail>'></r>",
  "a doctype": "<!DOCTYPE r [<!ENTITY x 'a@b'>]><r><Mail>a@b</Mail></r>",
  "an unknown entity": "<r><Mail>&x;</Mail></r>",
  "a lone ampersand": "<r><Mail>a & b</Mail></r>",
  "a NUL": "<r><Mail>a&#0;b</Mail></r>",
  "a surrogate": "<r><Mail>&#xD800;</Mail></r>",
  "a number that is too large": "<r><Mail>&#x110000;</Mail></r>",
  "an element with children": "<r><Mail><x/>a@b</Mail></r>",
  "an end that does not fit": "<r><Mail>a@b</Mial></r>",
  "an end without a beginning": "</r><Mail>a@b</Mail>",
  "no end": "<r><Mail>a@b",
  "a tag that does not end": "<r><Mail a='>a@b</Mail>",
  "a comment that does not end": "<r><!-- <Mail>a@b</Mail>",
  "a strange name": "<r><Mail$>a@b</Mail$></r>",
  "a colon too many": "<r><a:b:Mail>a@b</a:b:Mail></r>",
  "65 levels": `${"<r>".repeat(64)}<Mail>a@b</Mail>${"</r>".repeat(64)}`,
};
for (const [title, xml] of Object.entries(NOTHING)) {
  test(`xml: nothing is found in or behind ${title}`, (t) => t.is(textOf(xml, "Mail"), undefined));
}

test("xml: entities, numbers, comments and CDATA inside the text are read as XML says", (t) => {
  t.is(textOf("<r>&lt;&gt;&amp;&quot;&apos;&#65;&#x42;<!-- no -->c<![CDATA[<d>]]></r>", "r"), "<>&\"'ABc<d>");
  t.is(textOf("<r>&amp;lt;</r>", "r"), "&lt;", "once only");
});

test("xml: all elements of a name, as many as are wanted", (t) => {
  const xml = "<r><Setting>a</Setting><x><s:Setting>b</s:Setting></x><Setting>c</Setting></r>";
  t.deepEqual(textsOf(xml, "Setting", 10), ["a", "b", "c"]);
  t.deepEqual(textsOf(xml, "Setting", 2), ["a", "b"]);
});

test("xml: a body is UTF-8, or UTF-16 with its mark", (t) => {
  t.is(xmlText(Buffer.from("\uFEFF<a>ä</a>")), "<a>ä</a>");
  t.is(xmlText(Buffer.from("\uFEFF<a>ä</a>", "utf16le")), "<a>ä</a>");
  t.is(xmlText(Buffer.from("\uFEFF<a>ä</a>", "utf16le").swap16()), "<a>ä</a>");
});

test("xml: hostile documents take one pass", (t) => {
  for (const piece of ["<", "<a", "<a ", "<!--", "<![CDATA[", "&", "&#", "<a>", "<a b='", "<?"])
    t.is(textOf(piece.repeat(65_536), "Mail"), undefined, piece);
});

test("xml: what was escaped is read back, and no markup comes of it", (t) => {
  assert(
    property(string({ unit: "binary" }), (text) => {
      const escaped = escapeXml(text);
      t.notRegex(escaped, /[<>"'\r\n\t\0]|&(?!#\d+;)/);
      const expected = text.replaceAll(/[\0-\x08\x0b\x0c\x0e-\x1f\uFFFE\uFFFF]|\p{Cs}/gu, "\uFFFD").trim();
      t.is(textOf(`<a>${escaped}</a>`, "a"), expected);
    }),
    { numRuns: 1000 },
  );
});
