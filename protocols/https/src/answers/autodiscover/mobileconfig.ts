// A configuration profile for iOS, iPadOS and macOS (Apple, "Configuration Profile Reference"): a property list with a mail account
// (com.apple.mail.managed) and, where phones are to use ActiveSync, an Exchange account (com.apple.eas.account) that leaves mail to
// the first. It holds no password and is not signed: the device shows it as unverified and asks for what is missing. The same
// question gets the same identifiers, so that a profile that is installed again replaces the first.

import { hash } from "node:crypto";
import { markup, type Markup } from "../markup.ts";
import type { MailAddress } from "./address.ts";
import { bestServers, type MailServer, type Told } from "./told.ts";

type Entry = readonly [key: string, value: string | number | boolean | Markup | undefined];

/** `address`: undefined: the device asks for it. Answer undefined: there is nothing to set up. */
export function mobileconfigAnswer(address: MailAddress | undefined, told: Told): string | undefined {
  const payloads = [mailPayload(address, told), activeSyncPayload(address, told)].filter((payload) => payload !== undefined);
  if (payloads.length === 0) return undefined;
  const profile = dictionary([
    ["PayloadContent", markup`<array>\n${payloads}</array>\n`],
    ["PayloadDescription", `Sets up ${told.name}.`],
    ...payload("Configuration", told.name, address, told),
  ]);
  return markup`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
${profile}</plist>
`.markup;
}

function mailPayload(address: MailAddress | undefined, told: Told): Markup | undefined {
  const best = bestServers(told);
  const incoming = best.find(({ protocol }) => protocol !== "submission");
  const outgoing = best.find(({ protocol }) => protocol === "submission");
  if (incoming === undefined || outgoing === undefined) return undefined;
  return dictionary([
    ["EmailAccountDescription", told.name],
    ["EmailAccountType", incoming.protocol === "imap" ? "EmailTypeIMAP" : "EmailTypePOP"],
    ["EmailAddress", address?.text],
    ...server("Incoming", incoming, address, told),
    ...server("Outgoing", outgoing, address, told),
    ["OutgoingPasswordSameAsIncomingPassword", true],
    ...payload("com.apple.mail.managed", `${told.name}: mail`, address, told),
  ]);
}

/** "SSL" stands for both ways to TLS: the device finds out by the port which it is. */
function server(side: "Incoming" | "Outgoing", { port }: MailServer, address: MailAddress | undefined, { host }: Told): Entry[] {
  return [
    [`${side}MailServerAuthentication`, "EmailAuthPassword"],
    [`${side}MailServerHostName`, host],
    [`${side}MailServerPortNumber`, port],
    [`${side}MailServerUseSSL`, true],
    [`${side}MailServerUsername`, address?.text],
  ];
}

function activeSyncPayload(address: MailAddress | undefined, told: Told): Markup | undefined {
  if (told.activeSync === undefined) return undefined;
  return dictionary([
    ["EmailAddress", address?.text],
    ["Host", new URL(told.base).host],
    ["SSL", true],
    ["UserName", address?.text],
    ["EnableMail", mailPayload(address, told) === undefined],
    ...payload("com.apple.eas.account", `${told.name}: ActiveSync`, address, told),
  ]);
}

function payload(type: string, name: string, address: MailAddress | undefined, { host }: Told): Entry[] {
  return [
    ["PayloadDisplayName", name],
    ["PayloadIdentifier", `${host.split(".").toReversed().join(".")}.${type}.${address?.text ?? "any"}`],
    ["PayloadType", type],
    ["PayloadUUID", uuidOf(`${type}\n${host}\n${address?.text ?? ""}`)],
    ["PayloadVersion", 1],
  ];
}

/** Version 8 of RFC 9562: the bits are ours, here of a hash. */
function uuidOf(text: string): string {
  const hex = hash("sha256", text);
  const variant = "89ab"[Number.parseInt(hex.slice(16, 17), 16) % 4] ?? "8";
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`.toUpperCase();
}

function dictionary(entries: readonly Entry[]): Markup {
  const lines = entries
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => markup`<key>${key}</key>${typed(value)}\n`);
  return markup`<dict>\n${lines}</dict>\n`;
}

function typed(value: Entry[1]): Markup | undefined {
  if (typeof value === "string") return markup`<string>${value}</string>`;
  if (typeof value === "number") return markup`<integer>${value}</integer>`;
  if (typeof value === "boolean") return { markup: value ? "<true/>" : "<false/>" };
  return value;
}
