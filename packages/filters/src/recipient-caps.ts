// How many recipients a stranger may name: in one message, with the null sender (a bounce has one recipient), and how many
// that are refused until the connection is closed, because they are guessed.

import { setting, stop, type FilterAnswer } from "@postern/contracts";
import { on } from "./judge.ts";
import type { FilterRow } from "./row.ts";
import { isStranger } from "./stranger.ts";

const { choice, group, integer } = setting;

const settings = group("How many recipients a stranger may name. 0 means no limit.", {
  on,
  perMessage: integer("Recipients of one message; further ones are told to come later. RFC 5321 asks for 100 at least.", {
    default: 100,
    min: 0,
    max: 100_000,
  }),
  refused: integer("Recipients that are refused on one connection; then it is closed.", { default: 10, min: 0, max: 10_000 }),
  nullSender: integer("Recipients of a message from the null sender; bounces have one.", { default: 1, min: 0, max: 100_000 }),
  nullSenderAction: choice("What further ones with the null sender are told: no, or to come later.", ["refuse", "defer"], {
    default: "refuse",
  }),
});

const WORDS = {
  refuse: stop(550, "5.5.3", "Too many recipients for a bounce"),
  defer: stop(452, "4.5.3", "Too many recipients for a bounce"),
};

export const recipientCaps: FilterRow<typeof settings> = {
  settings,
  build({ on: isOn, perMessage, refused, nullSender, nullSenderAction }) {
    if (!isOn) return undefined;
    const isFull = (most: number, taken: number): boolean => most > 0 && taken >= most;
    return {
      name: "recipientCaps",
      recipient({ visit, sender, recipients }): FilterAnswer {
        if (!isStranger(visit)) return undefined;
        if (isFull(refused, visit.refusedRecipients)) return stop(421, "4.7.0", "Too many refused recipients", true);
        if (sender.address === "" && isFull(nullSender, recipients.length)) return WORDS[nullSenderAction];
        return isFull(perMessage, recipients.length)
          ? stop(452, "4.5.3", "Too many recipients, send the others later")
          : undefined;
      },
    };
  },
};
