// What a browser sends with a form: application/x-www-form-urlencoded (WHATWG URL), at most 16 kB, in UTF-8. What is no such
// form is undefined. The bytes are wiped. Failure: client-gone.

import { firstOf } from "@postern/http";
import { hold } from "../../bodies.ts";
import type { HttpRequest } from "../../parts.ts";

const LONGEST = 16 * 1024;

export async function readForm({ fields, body }: HttpRequest): Promise<URLSearchParams | undefined> {
  const type = (firstOf(fields, "content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded" || body === undefined || (body.length ?? 0) > LONGEST) return undefined;
  const { bytes } = await hold(body, LONGEST);
  if (bytes === undefined) return undefined;
  const form = new URLSearchParams(bytes.toString("latin1"));
  bytes.fill(0);
  return form;
}
