// libgssapi_krb5 (MIT Kerberos) through node:ffi: the functions that an acceptor needs, as C declares them (RFC 2744, and
// the credential store of MIT). Opened at the first use, once a process. It never looks at what goes through; the callers
// in acceptor.ts free what comes out. Throws Error with the cure where the library or node:ffi is missing.

import type Ffi from "node:ffi";
import type { WrappedFunctionsFromDefinitions } from "node:ffi";
import { endianness } from "node:os";

const P = "pointer";
const U = "u32";
const call = <const A extends readonly (typeof P | typeof U | "i32")[]>(...args: A) => ({ return: U, arguments: args }) as const;

/** The first argument of each is where it leaves the minor status; the result is the major one. */
const FUNCTIONS = {
  gss_accept_sec_context: call(P, P, P, P, P, P, P, P, P, P, P),
  gss_acquire_cred_from: call(P, P, U, P, "i32", P, P, P, P),
  gss_delete_sec_context: call(P, P, P),
  gss_display_name: call(P, P, P, P),
  gss_display_status: call(P, U, "i32", P, P, P),
  gss_import_name: call(P, P, P, P),
  gss_inquire_context: call(P, P, P, P, P, P, P, P, P),
  gss_release_buffer: call(P, P),
  gss_release_cred: call(P, P),
  gss_release_name: call(P, P),
  gss_set_neg_mechs: call(P, P, P),
  gss_unwrap: call(P, P, P, P, P, P),
  gss_wrap: call(P, P, "i32", U, P, P, P),
} as const;

type Functions = WrappedFunctionsFromDefinitions<typeof FUNCTIONS>;

export interface GssLibrary extends Functions {
  /** Where the bytes are. */
  address(bytes: Buffer): bigint;
  /** A copy of memory that the library filled. */
  copy(address: bigint, length: number): Buffer;
}

const NAME = "libgssapi_krb5.so.2";
/** Where size_t and pointers have eight bytes, as memory.ts lays them out. */
const ARCHITECTURES: ReadonlySet<string> = new Set(["x64", "arm64", "riscv64", "loong64", "ppc64"]);

let opened: GssLibrary | undefined;

/** The library. Throws Error, in words that follow the key of a setting. */
export function gssLibrary(): GssLibrary {
  opened ??= open();
  return opened;
}

function open(): GssLibrary {
  const ffi: typeof Ffi | undefined = process.getBuiltinModule("node:ffi");
  if (ffi === undefined) throw new Error("this Node.js has no node:ffi; Kerberos needs Node.js 26.10 or later");
  if (endianness() !== "LE" || !ARCHITECTURES.has(process.arch))
    throw new Error(`Kerberos is not supported on ${process.arch}; it needs a 64-bit processor such as x64 or arm64`);
  try {
    const { functions } = ffi.dlopen(NAME, FUNCTIONS);
    return {
      ...functions,
      address: (bytes) => ffi.getRawPointer(bytes),
      copy: (address, length) => ffi.toBuffer(address, length, true),
    };
  } catch (error) {
    throw new Error(`${NAME} cannot be loaded; install libgssapi-krb5-2 (krb5-libs on Fedora and its kin)`, { cause: error });
  }
}
