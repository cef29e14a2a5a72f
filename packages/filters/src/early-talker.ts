// Who talks before the greeting does not wait for answers, as mail servers do (RFC 5321 section 4.3.1): a spam sender's
// program. Gateways of ours are left alone.

import { found, setting, stop } from "@postern/contracts";
import type { FilterRow } from "./row.ts";

const { boolean, choice, group, integer } = setting;

const settings = group("Strangers who talk before they are greeted. smtp.greetingDelay gives them time to.", {
  on: boolean("Switches it on.", { default: false }),
  action: choice("What to do: refuse (and hang up), or count the score.", ["refuse", "score"], { default: "refuse" }),
  score: integer("What it counts.", { default: 5, min: 0, max: 1000 }),
});

export const earlyTalker: FilterRow<typeof settings> = {
  settings,
  build({ on, action, score }) {
    if (!on) return undefined;
    return {
      name: "earlyTalker",
      connect(visit) {
        if (visit.trusted || !visit.spokeEarly) return undefined;
        visit.findings.push(found("EARLY_TALKER", score, "the client spoke before the greeting"));
        return action === "refuse" ? stop(554, "5.5.0", "You must wait for the greeting", true) : undefined;
      },
    };
  },
};
