// Mail flow: whose mail is taken, where an address really leads, and the rules of the configuration.

export { mailContradictions } from "./mail-contradictions.ts";
export { mailSettings, strippedHeaders, type MailSettings } from "./mail-settings.ts";
export { createRecipientRouter, type RouterParts } from "./recipients.ts";
export { createAddressBook, ownDomains, type AddressBook, type AddressSettings, type Resolved } from "./resolve.ts";
export { ruleContradictions, type RuleSurroundings } from "./rules/contradictions.ts";
export { createRules, type RuleEvent, type RuleServices } from "./rules/rules.ts";
export { ruleSettings, type RuleSettings } from "./rules/settings.ts";
export { dryRun, type DryRun, type DryRunParts } from "./dry-run/dry-run.ts";
export type { DryMessage } from "./dry-run/scene.ts";
export type { DryRecipient } from "./dry-run/way.ts";
