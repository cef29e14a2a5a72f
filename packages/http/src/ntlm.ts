// NTLM in HTTP ([MS-NTHT]): the messages of the SASL mechanism, one in each request. Throws what that throws.

import { isNtlmMessage, ntlm as saslNtlm } from "@postern/sasl";
import type { HttpMechanismFactory } from "./schemes.ts";

const NEGOTIATE = 1;
const TYPE_AT = 8;

/** Is this the first message of NTLM ([MS-NLMP] section 2.2.1.1)? */
export const beginsNtlm = (message: Buffer): boolean =>
  isNtlmMessage(message) && message.length > TYPE_AT && message[TYPE_AT] === NEGOTIATE;

export const ntlm: HttpMechanismFactory = { ...saslNtlm, begins: beginsNtlm };
