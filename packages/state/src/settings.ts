// Settings of the shared state. Only one kind exists so far; the table is where an array of nodes will be configured.

import { setting, type ValueOf } from "@postern/contracts";

export const stateSettings = setting.group("What workers share: places under limits. It may be lost without losing mail.", {
  kind: setting.choice(
    "Where the shared state lives: memory means in this node, in the primary process when there are several workers.",
    ["memory"],
    { default: "memory" },
  ),
});

export type StateSettings = ValueOf<typeof stateSettings>;
