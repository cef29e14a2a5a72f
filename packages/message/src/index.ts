// Messages as they are on the wire: header, Received fields, kinds, parts, line endings. Pure functions: no sockets, no settings.

export { addressParts, phoneOf, type AddressParts, type Phone } from "./address.ts";
export { HeaderCollector, type HeaderSplit } from "./collector.ts";
export { applyEdits } from "./edits.ts";
export { withoutComments } from "./comments.ts";
export { hasWords, wordsDecoded } from "./encoded-words.ts";
export { cleanText, fieldBytes } from "./field-text.ts";
export { parseHeader } from "./header.ts";
export { kindOf, KIND_SIGNS } from "./kinds.ts";
export { LineEndings, LINE_PROBLEMS, type LineProblem } from "./line-endings.ts";
export { cleanFileName } from "./mime-names.ts";
export type { MimePart, OnPart, PartSink } from "./mime-part.ts";
export { createMimeScan, MIME_BOUNDS, type MimeBounds, type MimeScan } from "./mime-scan.ts";
export { countHops, dateText, receivedField, withOf, type ReceivedFacts } from "./received.ts";
export { authenticationResults, removeForgedResults } from "./results.ts";
export { DEFAULT_STRIPPED, stripForged } from "./stripped.ts";
