// Login strategy xclient: the gateway says whose session it is, and the backend believes it because of where it comes from.
// It opens any mailbox, so it serves only users whom the gateway has checked. By SASL EXTERNAL where the backend offers it,
// otherwise by its login command with the password of passwordFile, or an empty one.
// Dovecot 2.3: a passdb with nopassword and allow_nets for the gateways' addresses. It takes an empty password by LOGIN, USER
// and PASS, and SASL PLAIN and LOGIN. It must have no auth_master_user_separator, or user names must not hold it.
// Throws, when it is built, Error "KEY: sentence". Failure: not-authorized, backend-mechanism, verifier-down.

import { Secret, type BackendLogin, type LoginSettings } from "@postern/contracts";
import { requireChecked } from "./checked.ts";
import { SecretFile } from "./secret-file.ts";

export function createXclient({ passwordFile }: LoginSettings): BackendLogin {
  const password = passwordFile === undefined ? undefined : new SecretFile("passwordFile", passwordFile);
  return {
    strategy: "xclient",
    async present(credentials, identity) {
      requireChecked("xclient", credentials, identity);
      // An application is no user whom the backend knows.
      if (credentials.kind === "admitted") return credentials;
      const secret = (await password?.read()) ?? new Secret("");
      return { kind: "trusted", mechanism: "EXTERNAL", authcid: identity.user, authzid: "", secret };
    },
    close: () => password?.close(),
  };
}
