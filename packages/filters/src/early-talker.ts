// Who talks before the greeting does not wait for answers, as mail servers do (RFC 5321 section 4.3.1): a spam sender's
// program. Gateways of ours are left alone.

import { found, setting, stop } from "@postern/contracts";
import { on, points } from "./judge.ts";
import type { FilterRow } from "./row.ts";
import { isStranger } from "./stranger.ts";

const { choice, group } = setting;

const settings = group("Strangers who talk before they are greeted. smtp.greetingDelay gives them time to.", {
  on,
  action: choice("What to do: refuse (and hang up), or count the score.", ["refuse", "score"], { default: "refuse" }),
  score: points("What it counts.", 5),
});

export const earlyTalker: FilterRow<typeof settings> = {
  settings,
  build({ on: isOn, action, score }) {
    if (!isOn) return undefined;
    return {
      name: "earlyTalker",
      connect(visit) {
        if (!visit.spokeEarly || !isStranger(visit)) return undefined;
        visit.findings.push(found("EARLY_TALKER", score, "the client spoke before the greeting"));
        return action === "refuse" ? stop(554, "5.5.0", "You must wait for the greeting", true) : undefined;
      },
    };
  },
};
