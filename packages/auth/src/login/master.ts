// Login strategy master: a master user of the backend logs in on the user's behalf. It opens any mailbox, so it serves only
// users whom the gateway has checked. The user's own password never reaches the backend. Two forms:
//   authzid    SASL PLAIN with the master user as the one who proves and the user as whom to act (RFC 4616). Dovecot
//              (passdb with master = yes); by its manual also Cyrus (proxyservers), not tried here.
//   separator  one login name, user*master, by LOGIN, USER or PLAIN, whatever the backend offers. Dovecot with
//              auth_master_user_separator.
// An application, who is nobody, is logged in as the master user itself, in either form.
// Throws, when it is built, Error "KEY: sentence". Failure: not-authorized, backend-mechanism, verifier-down.

import { Failure, type BackendLogin, type LoginSettings } from "@postern/contracts";
import { quoted } from "../quoted.ts";
import { needed, requireChecked } from "./checked.ts";
import { SecretFile } from "./secret-file.ts";

/** No SASL mechanism is called so: the backend's own login command is taken, or what else it offers for passwords. */
const ANY_PASSWORD_MECHANISM = "CLEARTEXT";

export function createMaster(settings: LoginSettings): BackendLogin {
  const { form, separator } = settings;
  const master = needed(settings, "user");
  if (form === "separator" && separator === "") throw new Error("separator: is empty; name the character that the backend has");
  if (form === "separator" && master.includes(separator))
    throw new Error("user: the master user's name holds the separator; choose another separator, or form: authzid");
  const password = new SecretFile("passwordFile", needed(settings, "passwordFile"));
  return {
    strategy: "master",
    async present(credentials, identity) {
      requireChecked("master", credentials, identity);
      const { user } = identity;
      // alice*x is a login as alice, by whatever master user the rest names.
      if (form === "separator" && user.includes(separator))
        throw new Failure("not-authorized", `${quoted(user)} holds the separator of master users, ${separator}`);
      const secret = await password.read();
      if (credentials.kind === "admitted") return { kind: "password", mechanism: "PLAIN", authcid: master, authzid: "", secret };
      return form === "authzid"
        ? { kind: "password", mechanism: "PLAIN", authcid: master, authzid: user, secret }
        : { kind: "password", mechanism: ANY_PASSWORD_MECHANISM, authcid: `${user}${separator}${master}`, authzid: "", secret };
    },
    close: () => password.close(),
  };
}
