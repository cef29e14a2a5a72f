// Settings of the policy: who may act as whom, and who may use which protocol.

import { setting } from "@postern/contracts";

const pattern = setting.text("A user name; * stands for any characters.", {
  like: "a user name or pattern",
  pattern: /^\S{1,512}$/,
});
const patterns = (doc: string) => setting.list(doc, pattern, { single: true });

export const policySettings = {
  actAs: setting.list(
    "Who may act as somebody else (an authorization identity), when a verifier has checked them. Nobody else may.",
    setting.group("One rule.", {
      users: patterns("Who: names with their domain, or patterns such as *@admin.example.com."),
      as: patterns("As whom."),
    }),
  ),
  rights: setting.list(
    "Who may use which protocols: the first rule whose users match decides. Who is in no rule may use all.",
    setting.group("One rule.", {
      users: patterns("Who: names with their domain, or patterns."),
      protocols: setting.list("The protocols that they may use; [] is none.", setting.text("A protocol's name."), {
        single: true,
      }),
    }),
  ),
};
