// Mail flow: whose mail is taken, where an address really leads, and the rules of the configuration.

export { mailContradictions } from "./mail-contradictions.ts";
export { mailSettings, type MailSettings } from "./mail-settings.ts";
export { createRecipientRouter, type RouterParts } from "./recipients.ts";
export { createAddressBook, type AddressBook, type AddressSettings, type Resolved } from "./resolve.ts";
