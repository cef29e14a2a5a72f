// `postern passwd USER`: makes a line of a password file. The line goes to standard output, everything else to standard
// error. Keeps nothing. Exit code 0, or 1 when the name or the password is refused.

import { isUtf8 } from "node:buffer";
import { randomBytes } from "node:crypto";
import { LONGEST_PASSWORD, newHash, ntHash, type NewHash } from "@postern/auth";
import { normaliseUser } from "@postern/contracts";
import { scramKeys } from "@postern/sasl";
import { readPassword, Refused, type PasswordSource } from "./passwd-input.ts";

export interface PasswdArgs {
  readonly user: string;
  readonly scheme: NewHash;
  /** With SCRAM-SHA-256 keys. */
  readonly scram: boolean;
  /** With the NT hash, for NTLM. */
  readonly nt: boolean;
}

/** What other password tools use, so that keys tell nothing about who made them (RFC 7677 section 4). */
const SCRAM = { iterations: 4096, saltBytes: 16 } as const;

export async function runPasswd(args: PasswdArgs, input: PasswordSource = process.stdin): Promise<number> {
  try {
    const user = userOf(args.user);
    const password = await readPassword(input, (text) => void process.stderr.write(text));
    process.stdout.write(`${await passwordLine(user, password, args)}\n`);
    password.fill(0);
    if (args.nt) process.stderr.write("An NT hash is as good as the password itself: let nobody else read the file.\n");
    return 0;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

/** The line of a user. Throws Refused. */
export async function passwordLine(user: string, password: Buffer, args: Omit<PasswdArgs, "user">): Promise<string> {
  const text = password.toString("utf8");
  if (!isUtf8(password) || /\p{Cc}/u.test(text)) throw new Refused("the password must be UTF-8 text without control characters");
  if (password.length > LONGEST_PASSWORD) throw new Refused(`the password has more than ${LONGEST_PASSWORD} bytes`);
  const columns = [
    ...(args.scram ? [`scram-sha-256=${await scramColumn(text)}`] : []),
    ...(args.nt ? [`nt=${ntHash(text).toString("hex")}`] : []),
  ];
  return [user, refusing(() => newHash(args.scheme, password)), ...(columns.length > 0 ? [columns.join(" ")] : [])].join(":");
}

async function scramColumn(password: string): Promise<string> {
  const making = scramKeys("sha256", password, randomBytes(SCRAM.saltBytes), SCRAM.iterations);
  const { iterations, salt, storedKey, serverKey } = await making.catch((error: Error) => {
    throw new Refused(error.message, { cause: error });
  });
  return [iterations, ...[salt, storedKey, serverKey].map((bytes) => bytes.toString("base64"))].join(",");
}

function refusing<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw error instanceof RangeError ? new Refused(error.message, { cause: error }) : error;
  }
}

function userOf(name: string): string {
  const user = normaliseUser(name, undefined);
  if (user === undefined || user.startsWith("#") || user.includes(":"))
    throw new Refused(`${JSON.stringify(name)} is no user name for a password file: # at its start and : cannot be`);
  return user;
}
