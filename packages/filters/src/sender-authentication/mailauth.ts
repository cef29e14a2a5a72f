// The only file that knows the package mailauth, and which of its parts are loaded: DKIM, SPF, ARC and DMARC. They weigh
// 30 MB, so they are loaded when a filter wants them. The package's main file would load BIMI, XML and an HTTP client too.

import type { arc as Arc } from "mailauth/lib/arc/index.js";
import type { dkimVerify as DkimVerify } from "mailauth/lib/dkim/verify.js";
import type { evaluateDmarc as EvaluateDmarc } from "mailauth/lib/dmarc/index.js";
import type { spf as Spf } from "mailauth/lib/spf/index.js";

export type { ARCChainEntry, ARCData, DKIMResult, DKIMVerifyResult, DMARCResult, SPFResult } from "mailauth";

export interface Verifiers {
  readonly dkimVerify: typeof DkimVerify;
  readonly spf: typeof Spf;
  readonly arc: typeof Arc;
  readonly evaluateDmarc: typeof EvaluateDmarc;
}

export async function loadVerifiers(): Promise<Verifiers> {
  const [{ dkimVerify }, { spf }, { arc }, { evaluateDmarc }] = await Promise.all([
    import("mailauth/lib/dkim/verify.js"),
    import("mailauth/lib/spf/index.js"),
    import("mailauth/lib/arc/index.js"),
    import("mailauth/lib/dmarc/index.js"),
  ]);
  return { dkimVerify, spf, arc, evaluateDmarc };
}
