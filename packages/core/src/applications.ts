// Applications that cannot log in: whether this client is one that a rule of its listener lets in, and what was seen of it.
// Asked at the moment when the client wants something, with what is known then; nothing is remembered.

import { Secret, type AdmittedCredentials, type Application, type Session } from "@postern/contracts";

export interface Admission {
  readonly application: Application;
  /** For the log. */
  readonly why: string;
}

/** The first rule that fits; undefined: this client has to log in. */
export function admissionOf(session: Session): Admission | undefined {
  for (const application of session.listener.applications) {
    const why = reason(application, session);
    if (why !== undefined) return { application, why };
  }
  return undefined;
}

/** What stands in place of credentials; `opening` is what the client has said that is the backend's to answer. */
export function admittedCredentials({ application, why }: Admission, opening: string): AdmittedCredentials {
  const { name, backend } = application;
  return { kind: "admitted", mechanism: "ADMITTED", authcid: name, authzid: "", secret: new Secret(""), backend, why, opening };
}

/** All that a rule asks for must hold; one that asks for nothing lets nobody in. */
function reason({ from, certificate }: Application, session: Session): string | undefined {
  const seen: string[] = [];
  if (from !== undefined) {
    if (isUntold(session) || !from(session.client.host)) return undefined;
    seen.push(`address ${session.client.host}`);
  }
  if (certificate !== undefined) {
    const shown = session.tls?.clientCertificate;
    if (shown?.verify !== "SUCCESS" || !certificate(shown)) return undefined;
    seen.push(`certificate ${shown.subject}`);
  }
  return seen.length === 0 ? undefined : seen.join(", ");
}

/** A gateway in front that has not said where its client is: its own address says nothing of anybody. */
const isUntold = ({ client, peer, listener }: Session): boolean => client === peer && listener.trusts(peer.host);
