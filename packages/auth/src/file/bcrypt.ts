// The password hash bcrypt, $2a$ $2b$ $2y$, by bcryptjs. Slow on purpose: for the hash thread and the command line only. As
// everywhere, bytes past the 72nd do not count. bcryptjs wants a string, so a copy of the password waits for the garbage
// collector. Throws Error for a hash with a `problem`.

import { isUtf8 } from "node:buffer";
import { timingSafeEqual } from "node:crypto";
import { genSaltSync, hashSync } from "bcryptjs";
import type { NewScheme } from "./schemes.ts";

const FORM = /^\$2[aby]\$(\d\d)\$[./0-9A-Za-z]{53}$/;
const COST = { min: 4, max: 16, made: 10 } as const;
/** "$2b$12$" and 22 characters of salt. */
const SALT_END = 29;

export const bcrypt: NewScheme = {
  name: "bcrypt",
  prefix: "BLF-CRYPT",
  begins: /^\$2[abxy]?\$/,
  longest: 72,
  problem(hash) {
    const cost = FORM.exec(hash)?.[1];
    if (cost === undefined) return "the bcrypt hash is malformed: it must be $2a$, $2b$ or $2y$, two digits, $ and 53 characters";
    if (Number(cost) < COST.min || Number(cost) > COST.max)
      return `bcrypt must have a cost of ${COST.min} to ${COST.max}, not ${Number(cost)}`;
    return undefined;
  },
  cost: (hash) => hash.slice(4, 6),
  matches(hash, password) {
    const made = hashSync(password.toString("utf8"), hash.slice(0, SALT_END));
    const equal = timingSafeEqual(Buffer.from(made.slice(SALT_END)), Buffer.from(hash.slice(SALT_END)));
    return equal && isUtf8(password);
  },
  make: (password) => hashSync(password.toString("utf8"), genSaltSync(COST.made)),
};
