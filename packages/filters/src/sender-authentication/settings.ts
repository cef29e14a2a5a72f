// Settings of filters.senderAuthentication.

import { networks, setting, type ValueOf } from "@postern/contracts";
import { on } from "../judge.ts";

const { boolean, choice, custom, duration, group, integer, list, size, text } = setting;

const DOMAIN = /^(?=.{1,253}$)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+$/i;

const domain = custom<string>("domain", "A domain such as example.com", (raw) => {
  const name = String(raw).toLowerCase();
  return DOMAIN.test(name) ? { value: name } : { problem: `must be a domain such as example.com, not "${String(raw)}"` };
});

const points = (doc: string, value: number) => integer(doc, { default: value, min: -1000, max: 1000 });

const ACTIONS = ["off", "mark", "score", "refuse"] as const;
export type CheckAction = (typeof ACTIONS)[number];

export const senderAuthenticationSettings = group(
  "Is the sender who it says? SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 9989) and ARC (RFC 8617) of mail from strangers. What was found is written into an Authentication-Results field (RFC 8601); fields that claim to be ours are removed. A check that is off is not reported, but DMARC looks at SPF and DKIM all the same. mark: reported, and found with a score of 0.",
  {
    on,
    authservId: text("The name in Authentication-Results that says who has checked; by default the gateway's host name.", {
      pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/,
      like: "a host name",
      optional: true,
    }),
    spf: choice(
      "When the client's address may not send for the domain of the sender. refuse: at the sender (550 5.7.23), before the message; mail that was forwarded is lost then.",
      ACTIONS,
      { default: "score" },
    ),
    dkim: choice("When a message is signed, and no signature holds. refuse: 550 5.7.20, or 5.7.21.", ACTIONS, {
      default: "mark",
    }),
    dmarc: choice(
      "When neither SPF nor DKIM speaks for the domain in From. follow: what that domain asks for, which is to refuse (550 5.7.1), to count the score, or nothing. score: never more than to count.",
      ["off", "mark", "score", "follow"],
      { default: "follow" },
    ),
    arc: choice("When the seals of the servers that forwarded a message are broken. refuse: 550 5.7.29.", ACTIONS, {
      default: "mark",
    }),
    trustedSealers: list(
      "Domains of forwarders (d= of their seals) whose word is believed: where an unbroken chain of their seals says that DMARC passed when the message reached them, a DMARC failure here counts nothing.",
      domain,
    ),
    dnsDown: choice(
      "When the DNS cannot tell now: accept the message, or have it sent again later (451 4.7.24 for SPF, 4.7.5 for the rest). Checks that are off or mark never defer.",
      ["accept", "defer"],
      { default: "accept" },
    ),
    exempt: networks("Networks whose mail is not checked: forwarders of ours. Forged results are removed all the same."),
    scores: group("What is counted for each finding, where the check says score (or, for DMARC, follow).", {
      spfFail: points("SPF says no (-all).", 4),
      spfSoftfail: points("SPF says rather not (~all).", 1),
      spfNone: points("The domain publishes no SPF record, or says neither yes nor no.", 0),
      spfError: points("The domain's SPF record is broken.", 1),
      spfPass: points("SPF says yes.", 0),
      dkimFail: points("Signed, and no signature holds.", 2),
      dkimPass: points("A signature holds.", 0),
      dmarcQuarantine: points("DMARC fails, and the domain asks for quarantine, or the failure could not be proved.", 6),
      dmarcReject: points("DMARC fails, the domain asks for rejection, and dmarc says score.", 10),
      dmarcNone: points("DMARC fails, and the domain asks for nothing.", 1),
      dmarcPass: points("DMARC passes.", 0),
      arcFail: points("The ARC chain is broken.", 1),
    }),
    maxMessage: size(
      "Messages larger than this are not checked for signatures (DKIM and ARC are told as policy), since that costs time for each byte. DMARC then goes by SPF; where that does not speak for the domain, it counts as quarantine at most.",
      { default: 10 * 1024 ** 2, min: 64 * 1024, max: 1024 ** 3 },
    ),
    maxSignatures: integer("DKIM signatures that are looked at, from the top; further ones count as not there.", {
      default: 5,
      min: 1,
      max: 20,
    }),
    minKeyBits: integer("RSA keys shorter than this do not count (RFC 8301 asks for 1024 at least).", {
      default: 1024,
      min: 512,
      max: 4096,
    }),
    maxQuestions: integer(
      "Questions to the DNS for one check of one message (SPF, signatures, DMARC); then the DNS counts as down.",
      {
        default: 150,
        min: 20,
        max: 1000,
      },
    ),
    dnsTime: duration("How long the questions of one check may take together; then the DNS counts as down.", {
      default: 20_000,
      min: 1000,
      max: 120_000,
    }),
    receivedSpf: boolean(
      "Adds a Received-SPF field too (RFC 7208 section 9.1), for programs that read no Authentication-Results.",
      {
        default: false,
      },
    ),
  },
);

export type SenderAuthenticationSettings = ValueOf<typeof senderAuthenticationSettings>;
