// Settings of authentication.

import { setting, type ValueOf } from "@postern/contracts";

// A constant of its own: inside the group's literal its type would lose that it is optional.
const masterSeparator = setting.text(
  "The character between a user and a master user in a login name, as the backends have it: with *, the login alice*admin goes to alice's backend. The whole name is passed on. Without this setting no name is taken apart.",
  { optional: true, pattern: /^[!#$%&*+/:;=?^|~]$/, like: "one of ! # $ % & * + / : ; = ? ^ | ~" },
);

export const authSettings = setting.group(
  "Who says yes. So far the backend does: the gateway passes on what the client presented.",
  { masterSeparator },
);

export type AuthSettings = ValueOf<typeof authSettings>;
