import test from "ava";
import { createKerberosVerifier } from "./verifier.ts";

/** Builds a verifier while Node has this in place of node:ffi; what is thrown. */
function buildWith(ffi: object | undefined): string {
  const getBuiltinModule = process.getBuiltinModule.bind(process);
  process.getBuiltinModule = () => ffi;
  try {
    createKerberosVerifier({ keytab: "/nonexistent", realms: {}, map: {}, channelBinding: "check" });
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
}

test("kerberos: where the library or node:ffi is missing, the verifier says with its key what to install", (t) => {
  t.regex(buildWith(undefined), /^keytab: this Node\.js has no node:ffi; /);
  const dlopen = (): never => {
    throw new Error("libgssapi_krb5.so.2: cannot open shared object file");
  };
  t.regex(buildWith({ dlopen }), /^keytab: libgssapi_krb5\.so\.2 cannot be loaded; install libgssapi-krb5-2/);
});
