// What the primary tells a worker, and what a worker answers: plain JSON over the channel of node:child_process.

import { loadConfig, type Flags, type LoadResult } from "@postern/config";
import type { SharedTls } from "./tls-store.ts";
import { PARTS } from "./parts.ts";

/** The configuration as it was read once by the primary, so that all workers have the same, whatever the file says later. */
export interface Source {
  readonly file: string | undefined;
  readonly text: string | undefined;
  readonly flags: Flags;
}

export interface Orders {
  readonly source: Source;
  /** base64 */
  readonly ticketKeys: string;
  readonly selfSigned: SharedTls["selfSigned"];
  /** This worker opens the unix sockets. */
  readonly first: boolean;
  /** Names and descriptors of socket activation. */
  readonly sockets: readonly (readonly [string, readonly number[]])[];
}

export type ToWorker =
  | { readonly type: "postern.orders"; readonly orders: Orders }
  | { readonly type: "postern.drain" }
  | { readonly type: "postern.reopen" };

export type FromWorker =
  | { readonly type: "postern.ready"; readonly lines: readonly string[] }
  | { readonly type: "postern.failed"; readonly reason: string };

/** The validated configuration of a source, or every problem. */
export function configOf(source: Source): LoadResult<typeof PARTS> {
  return loadConfig({ ...source, parts: PARTS });
}

export const isToWorker = (message: unknown): message is ToWorker =>
  hasType(message, "postern.orders") || hasType(message, "postern.drain") || hasType(message, "postern.reopen");

export const isFromWorker = (message: unknown): message is FromWorker =>
  hasType(message, "postern.ready") || hasType(message, "postern.failed");

function hasType(message: unknown, type: string): boolean {
  return typeof message === "object" && message !== null && "type" in message && message.type === type;
}
