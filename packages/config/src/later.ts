// What the outer contract names and this build may lack: told as such, so that nobody looks for a typing mistake.

import type { ProtocolPart } from "./config.ts";

const PROTOCOLS = ["smtp", "submission", "http", "https"];
const SCHEMES = ["smtp", "smtp+starttls", "smtps", "lmtp", "http", "https", "tcp"];
const SECTIONS = ["admin"];

const without = (names: readonly string[], known: readonly string[]): string[] => names.filter((name) => !known.includes(name));
const namesOf = (parts: readonly ProtocolPart[]): string[] => parts.map(({ name }) => name);

/** Protocols of later builds. */
export const laterProtocols = (parts: readonly ProtocolPart[]): readonly string[] => without(PROTOCOLS, namesOf(parts));

/** Sections of the file that later builds have; a protocol has one of its own. */
export const laterSections = (parts: readonly ProtocolPart[]): readonly string[] => [...SECTIONS, ...laterProtocols(parts)];

/** Schemes of the backends of later builds. */
export const laterSchemes = (parts: readonly ProtocolPart[]): readonly string[] =>
  without(
    SCHEMES,
    parts.flatMap(({ schemes }) => Object.keys(schemes)),
  );

/** "smtp is not in this build yet" */
export const notYet = (name: string): string => `${name} is not in this build yet`;
