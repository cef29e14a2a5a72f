// Settings of the verifier `ntlm`.

import { setting, type ValueOf } from "@postern/contracts";

const command = {
  ...setting.list("The helper and its arguments; no shell reads them.", setting.text("One word")),
  default: ["ntlm_auth", "--helper-protocol=ntlm-server-1"],
};

export const ntlmSettings = setting.group(
  "NTLM responses of a Windows domain's users, checked by Samba's ntlm_auth. It needs winbind, joined to the domain, and the right to use winbind's privileged socket (on Debian: membership in the group winbindd_priv).",
  {
    domains: setting.dict(
      "The domains whose users may log in, each with the domain of its users' mailboxes: with EXAMPLE: example.com, EXAMPLE\\alice is alice@example.com. The first is the one that winbind is joined to: users who name no domain are its users. Who logs in as user@domain must name one of these mail domains.",
      "NETBIOS",
      setting.text("The domain of the mailboxes", { pattern: /^[^\s@]+$/, like: "a domain such as example.com" }),
    ),
    command,
    processes: setting.integer("How many helpers run at most, in each worker. Each checks one login at a time.", {
      default: 4,
      min: 1,
      max: 64,
    }),
    timeout: setting.duration(
      "How long a check may take, with the wait for a free helper; a helper that takes longer is killed.",
      {
        default: 5000,
        min: 100,
        max: 60_000,
      },
    ),
  },
);

export type NtlmSettings = ValueOf<typeof ntlmSettings>;
