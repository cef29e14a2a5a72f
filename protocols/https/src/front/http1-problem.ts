// What the front itself answers to what is no request that it takes: short, and the last on its connection. The reason of an
// HttpProblem quotes nothing of the request, so the client may have it.

import { answerText, type HttpProblem } from "@postern/http";

const REASONS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  405: "Method Not Allowed",
  408: "Request Timeout",
  411: "Length Required",
  413: "Content Too Large",
  414: "URI Too Long",
  417: "Expectation Failed",
  421: "Misdirected Request",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  505: "HTTP Version Not Supported",
};

export const reasonOf = (status: number): string => REASONS[status] ?? "";

/** The whole answer. */
export function problemText({ status, message }: Pick<HttpProblem, "status" | "message">): string {
  const body = `${status} ${reasonOf(status)}: ${message}\n`;
  const fields = ["Content-Type", "text/plain; charset=us-ascii", "Content-Length", String(body.length), "Connection", "close"];
  return answerText(status, reasonOf(status), fields) + body;
}
