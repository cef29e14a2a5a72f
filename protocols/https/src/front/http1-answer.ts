// The answer to one request in HTTP/1.1 on its way out (RFC 9112): frames the body, and says whether the connection goes on. Head
// and first bytes leave in one write; every later piece leaves at once. A body that is not what its head said is cut, so that
// the client sees it. After the end, or when the client is gone, nothing that is called has an effect.
// Throws Error for what only a defect can ask for.

import type { Duplex } from "node:stream";
import type { Lending } from "@postern/core";
import {
  answerText,
  chunkHead,
  LAST_CHUNK,
  lastChunk,
  lowerName,
  withoutFields,
  type AnswerHead,
  type Fields,
} from "@postern/http";
import type { Answer, SaidHead } from "../exchange.ts";
import type { ReadRequest } from "./http1-request.ts";
import type { Outlet } from "./outlet.ts";

type Head = Pick<AnswerHead, "status" | "reason" | "fields">;

/** What of the request the answer depends on. */
export type Asked = Pick<ReadRequest, "method" | "version" | "upgrade">;

/** The connection that it goes out on. */
export interface AnswerOwner {
  readonly outlet: Outlet;
  /** Asked once, when the head goes out: no further request is taken. */
  endsBehind(): boolean;
  /** A start line, for the trace. */
  said(line: string): void;
  /** The answer is complete. `isLast`: the end of the connection ends it. */
  answered(isLast: boolean): void;
  /** The connection is cut. `byReset`: an end alone would look like the end of the answer. */
  cutAnswer(byReset: boolean): void;
  /** Hands the connection over. */
  release(): { readonly stream: Duplex; readonly early: Buffer };
}

type Framing = "none" | "length" | "chunked" | "close";

/** The front's own, in every answer. */
const OWN: ReadonlySet<string> = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);

export class Http1Answer implements Answer {
  status: number | undefined;
  bytes = 0;
  onDrain: (() => void) | undefined;
  onGone: (() => void) | undefined;
  /** Nothing more can be said. */
  isOver = false;
  readonly #asked: Asked;
  readonly #owner: AnswerOwner;
  #framing: Framing = "none";
  #length = 0;

  constructor(asked: Asked, owner: AnswerOwner) {
    this.#asked = asked;
    this.#owner = owner;
  }

  inform(status: number, fields: Fields): void {
    if (this.isOver || this.status !== undefined || this.#asked.version === "1.0" || (status !== 102 && status !== 103)) return;
    this.#owner.outlet.write(answerText(status, status === 102 ? "Processing" : "Early Hints", withoutFields(fields, isOwn)));
  }

  begin(head: SaidHead, length: number | undefined): void {
    if (this.isOver) return;
    const { status } = head;
    if (this.status !== undefined) throw new Error(`A second answer: ${status} behind ${this.status}`);
    if (!(status >= 200 && status <= 999)) throw new Error(`${status} is no final status`);
    const { method, version } = this.#asked;
    const { outlet } = this.#owner;
    this.status = status;
    this.#framing = framingOf(status, length, method, version);
    this.#length = length ?? 0;
    const isLast = this.#owner.endsBehind() || this.#framing === "close";
    const fields = ownFraming(head.fields, this.#framing, length, status);
    if (isLast) fields.push("Connection", "close");
    else if (version === "1.0") fields.push("Connection", "keep-alive");
    outlet.hold();
    outlet.write(answerText(status, head.reason, fields, head.minor));
    this.#owner.said(`HTTP/1.${head.minor ?? 1} ${status}`);
  }

  write(chunk: Buffer, lent?: Lending): boolean {
    if (this.isOver || this.#framing === "none" || chunk.length === 0) return true;
    if (this.status === undefined) throw new Error("A body before its head");
    this.bytes += chunk.length;
    const { outlet } = this.#owner;
    if (this.#framing === "chunked") return outlet.framed(chunkHead(chunk.length), chunk, "\r\n", lent);
    if (this.#framing === "length" && this.bytes > this.#length) {
      this.cut();
      return true;
    }
    return outlet.write(chunk, lent);
  }

  end(trailers?: Fields): void {
    if (this.isOver) return;
    if (this.status === undefined) throw new Error("The end of an answer before its head");
    if (this.#framing === "length" && this.bytes < this.#length) return this.cut();
    const { outlet } = this.#owner;
    if (this.#framing === "chunked")
      outlet.write(trailers === undefined || trailers.length === 0 ? LAST_CHUNK : lastChunk(trailers));
    outlet.flush();
    this.isOver = true;
    this.#owner.answered(this.#framing === "close");
  }

  cut(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#owner.cutAnswer(this.#framing === "close");
  }

  leave(): void {
    if (this.isOver) return;
    if (this.status === undefined || this.#framing === "close") return this.cut();
    this.#owner.outlet.flush();
    this.isOver = true;
    this.#owner.answered(true);
  }

  requireHttp11(): void {
    throw new Error("This is HTTP/1.1");
  }

  switch(head: Head): { readonly stream: Duplex; readonly early: Buffer } {
    const { upgrade } = this.#asked;
    const { outlet } = this.#owner;
    if (this.isOver || this.status !== undefined || upgrade === undefined) throw new Error("There is no upgrade to say yes to");
    this.status = 101;
    this.isOver = true;
    const fields = [...withoutFields(head.fields, isOwn), "Connection", "Upgrade", "Upgrade", upgrade];
    outlet.write(answerText(101, head.reason, fields));
    outlet.flush();
    this.#owner.said("HTTP/1.1 101");
    return this.#owner.release();
  }

  /** The client is gone, or was told by others. */
  gone(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.onGone?.();
  }
}

function framingOf(status: number, length: number | undefined, method: string, version: "1.0" | "1.1"): Framing {
  if (method === "HEAD" || status === 204 || status === 304) return "none";
  if (length !== undefined) return "length";
  return version === "1.1" ? "chunked" : "close";
}

/** With the one framing that is true; where there can be no body, Content-Length stays as it is, but for 204 (RFC 9110 section 8.6). */
function ownFraming(fields: Fields, framing: Framing, length: number | undefined, status: number): string[] {
  const kept: string[] = [];
  const text = String(length);
  let isFramed = false;
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? "";
    const value = fields[at + 1] ?? "";
    const lower = lowerName(name);
    if (isOwn(lower)) continue;
    if (lower === "content-length") {
      const isTrue = framing === "none" ? status !== 204 : framing === "length" && value === text;
      if (!isTrue || isFramed) continue;
      isFramed = true;
    }
    kept.push(name, value);
  }
  if (framing === "chunked") kept.push("Transfer-Encoding", "chunked");
  else if (framing === "length" && !isFramed) kept.push("Content-Length", text);
  return kept;
}

const isOwn = (lower: string): boolean => OWN.has(lower);
