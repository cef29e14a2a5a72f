// Is a message voice mail, a fax, a note of a missed call, or ordinary mail? The table says by which signs; the first row that
// fits decides. Only the header and the envelope are looked at. Anybody can write such a header: see stripped.ts. Never throws.

import type { MailHeader, MessageKind } from "@postern/contracts";
import { phoneOf } from "./address.ts";
import { plainValue } from "./comments.ts";

interface KindSign {
  readonly kind: Exclude<MessageKind, "ordinary">;
  /** In small letters. */
  readonly field: string;
  /** One of these values, in small letters and without parameters; without this row: any value. */
  readonly values?: readonly string[];
  /** The value must also have a parameter "application" with one of these values. */
  readonly application?: readonly string[];
  readonly source: string;
}

export const KIND_SIGNS: readonly KindSign[] = [
  { kind: "missed-call", field: "content-class", values: ["missedcall"], source: "[MS-OXCMAIL] 2.2.3.2.23" },
  { kind: "voice", field: "content-class", values: ["voice", "voice-ca", "voice-uc"], source: "[MS-OXCMAIL] 2.2.3.2.23" },
  { kind: "fax", field: "content-class", values: ["fax", "fax-ca"], source: "[MS-OXCMAIL] 2.2.3.2.23" },
  { kind: "voice", field: "message-context", values: ["voice-message"], source: "RFC 3458" },
  { kind: "fax", field: "message-context", values: ["fax-message"], source: "RFC 3458" },
  { kind: "voice", field: "content-type", values: ["multipart/voice-message"], source: "RFC 3801 (VPIM), RFC 2423" },
  { kind: "fax", field: "content-type", values: ["image/tiff-fx"], source: "RFC 3950" },
  {
    kind: "fax",
    field: "content-type",
    values: ["image/tiff"],
    application: ["faxbw", "faxcolor"],
    source: "RFC 3965 (T.37), RFC 3302",
  },
  { kind: "fax", field: "x-faxnumberofpages", source: "[MS-OXCMAIL] 2.2.3.2.23" },
  { kind: "voice", field: "x-voicemessageduration", source: "[MS-OXCMAIL] 2.2.3.2.23" },
  { kind: "voice", field: "x-voicemessagesendername", source: "[MS-OXCMAIL] 2.2.3.2.23" },
];

const APPLICATION = /;\s*application\s*=\s*"?([a-z\d]+)/;

/**
 * A header that says nothing leaves it to the addresses: `FAX=+15551234567@…` and `VOICE=…` (see phoneOf), when all recipients
 * are of one kind.
 */
export function kindOf(header: MailHeader, recipients: readonly { readonly address: string }[]): MessageKind {
  return KIND_SIGNS.find((sign) => fits(header, sign))?.kind ?? kindOfAddresses(recipients);
}

function fits(header: MailHeader, { field, values, application }: KindSign): boolean {
  if (values === undefined) return header.count(field) > 0;
  return header.all(field).some((text) => {
    const { main, whole } = plainValue(text);
    return values.includes(main) && (application === undefined || application.includes(APPLICATION.exec(whole)?.[1] ?? ""));
  });
}

function kindOfAddresses(recipients: readonly { readonly address: string }[]): MessageKind {
  const kind = phoneOf(recipients[0]?.address ?? "")?.kind;
  return kind !== undefined && recipients.every(({ address }) => phoneOf(address)?.kind === kind) ? kind : "ordinary";
}
