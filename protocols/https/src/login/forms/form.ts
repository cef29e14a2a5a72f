// What a browser sends with a form: application/x-www-form-urlencoded (WHATWG URL), at most 16 kB, in UTF-8; nothing at all is a
// form without fields. The bytes are wiped. Failure: client-gone, too-many-connections.

import { firstOf } from "@postern/http";
import { hold, type Holds } from "../../bodies.ts";
import type { HttpRequest } from "../../exchange.ts";

const LONGEST = 16 * 1024;

export async function readForm({ fields, body }: HttpRequest, holds: Holds): Promise<URLSearchParams | "none" | "too-large"> {
  const type = (firstOf(fields, "content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase();
  if (body === undefined) return new URLSearchParams();
  if (type !== "application/x-www-form-urlencoded") return "none";
  if ((body.length ?? 0) > LONGEST) return "too-large";
  const held = await hold(body, LONGEST, holds);
  const { bytes } = held;
  const form = bytes === undefined ? "too-large" : new URLSearchParams(bytes.toString("latin1"));
  bytes?.fill(0);
  held.release();
  return form;
}
