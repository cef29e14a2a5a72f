// Echo requests ([MS-RPCH] section 2.1.2.1.5): a request with next to no body asks whether there is a proxy. Clients send it to go
// through the login before they open a channel.

import type { Channel } from "@postern/http";
import { rtsPdu } from "./rts/pdus.ts";

const LONGEST = 16;
const ECHO = rtsPdu("Echo", {});

/** Nothing that opens a channel is as short. */
export const isEcho = ({ body }: Pick<Channel, "body">): boolean => body === undefined || (body.length ?? Infinity) <= LONGEST;

export function answerEcho({ body, answer }: Pick<Channel, "body" | "answer">): void {
  body?.start({ data: () => true, end: () => {}, broken: () => {} });
  answer.begin({ status: 200, reason: "Success", fields: ["Content-Type", "application/rpc"] }, ECHO.length);
  answer.write(ECHO);
  answer.end();
}
