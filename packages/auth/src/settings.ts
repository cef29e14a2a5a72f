// Settings of authentication.

import { setting, type ValueOf } from "@postern/contracts";
import { policySettings } from "./policy-settings.ts";
import { verifierSettings } from "./verifiers.ts";

// A constant of its own: inside the group's literal its type would lose that it is optional.
const masterSeparator = setting.text(
  "The character between a user and a master user in a login name, as the backends have it: with *, the login alice*admin goes to alice's backend. The whole name is passed on. Without this setting no name is taken apart. It counts only where the backend decides.",
  { optional: true, pattern: /^[!#$%&*+/:;=?^|~]$/, like: "one of ! # $ % & * + / : ; = ? ^ | ~" },
);

export const authSettings = setting.group(
  "Who says yes. Without verifiers the backend does: the gateway passes on what the client presented.",
  {
    verifiers: setting.list("Asked in order; the first that knows the user decides.", verifierSettings),
    cache: setting.duration(
      "How long a yes is remembered for the same user and the same secret, of which only a keyed hash is kept. 0s: never.",
      { default: 60_000, min: 0, max: 3_600_000 },
    ),
    ...policySettings,
    masterSeparator,
  },
);

export type AuthSettings = ValueOf<typeof authSettings>;
