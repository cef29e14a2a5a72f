// The verifier of kind kerberos: tickets for imap/, pop/, smtp/ and HTTP/ of this host, checked with a keytab. It asks nobody:
// no KDC is needed. The library is loaded when the verifier is built. The keytab is read at each login, so a new one counts
// at once. Throws, when built, an Error that says "keytab: …". Failure: verifier-down when the keytab cannot be read later.

import { Failure, setting, type ValueOf, type Verifier } from "@postern/contracts";
import { createAcceptor } from "./acceptor.ts";
import { servicesIn } from "./keytab.ts";
import { gssLibrary, type GssLibrary } from "./library.ts";
import { userOf } from "./principal.ts";

const domain = setting.text("The mail domain, or - for none: the name then gets defaultDomain.", {
  pattern: /^(-|[^\s@/\\]+)$/,
  like: "a mail domain, or -",
});
const user = setting.text("The user's name.", { pattern: /\S/, like: "a user's name" });

export const kerberosSettings = setting.group(
  "Kerberos tickets, by GSSAPI, GSS-SPNEGO and HTTP Negotiate. Needs the Debian package libgssapi-krb5-2.",
  {
    keytab: setting.path(
      "The keytab with the keys of imap/HOST, pop/HOST, smtp/HOST and HTTP/HOST. HOST is what clients call the gateway; any that is in the keytab counts.",
    ),
    realms: setting.dict(
      "Realms whose users get in, with their mail domains. Without any, all realms that the KDC vouches for do, and the realm in lower case is the domain.",
      "REALM",
      domain,
    ),
    channelBinding: setting.choice(
      "check: a client that binds its ticket to the certificate (tls-server-end-point) is refused when it has seen another; one that binds to nothing is let in. ignore: for clients that bind to something else, as Cyrus SASL's do to tls-unique, and where something in front of the gateway ends TLS with a certificate of its own.",
      ["check", "ignore"],
      { default: "check" },
    ),
    map: setting.dict("Users by principal (alice/admin@EXAMPLE.COM), before realms.", "PRINCIPAL", user),
  },
);

export type KerberosSettings = ValueOf<typeof kerberosSettings>;

/** Throws an Error that begins with the key. */
export function createKerberosVerifier(settings: KerberosSettings): Verifier {
  const { keytab, realms, map, channelBinding } = settings;
  const library = load();
  checkKeytab(keytab);
  return {
    name: `kerberos ${keytab}`,
    proves: ["kerberos"],
    gss(service, binding) {
      const checked = channelBinding === "ignore" ? undefined : binding;
      return createAcceptor(library, { keytab, service: spelled(service, keytab), binding: checked });
    },
    principal: (principal) => Promise.resolve(userOf(principal, { realms, map })),
    close() {},
  };
}

function load(): GssLibrary {
  try {
    return gssLibrary();
  } catch (error) {
    throw new Error(`keytab: ${messageOf(error)}`, { cause: error });
  }
}

function checkKeytab(path: string): void {
  try {
    servicesIn(path);
  } catch (error) {
    throw new Error(`keytab: ${path} ${problemOf(error)}`, { cause: error });
  }
}

/** The service as the keytab spells it: Windows has IMAP/host where others have imap/host. */
function spelled(service: string, keytab: string): string {
  let services: Set<string>;
  try {
    services = servicesIn(keytab);
  } catch (error) {
    throw new Failure("verifier-down", `Kerberos: the keytab ${keytab} ${problemOf(error)}`, { cause: error });
  }
  if (services.has(service)) return service;
  const found = [...services].find((one) => one.toLowerCase() === service.toLowerCase());
  if (found === undefined) throw new Failure("verifier-down", `Kerberos: the keytab ${keytab} has no key of ${service}/HOST`);
  return found;
}

/** In words that follow the path. */
function problemOf(error: unknown): string {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return "does not exist";
  if (error instanceof Error && "code" in error)
    return `cannot be read (${String(error.code)}); give the gateway's user the right to read it`;
  return messageOf(error);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
