// Settings of the verifier that takes the user from a client certificate.

import { setting, type ValueOf } from "@postern/contracts";

const user = setting.text("The user's name.", { pattern: /\S/, like: "a user's name" });

export const certificateSettings = setting.group(
  "Client certificates, by EXTERNAL: the listener's clientCertificate says which authorities are believed",
  {
    from: setting.choice(
      "Where the name is: subjectAltName's mail address, Active Directory's user principal name or host name; the subject's common name or mail address; or the SHA-256 fingerprint of the certificate, which needs map. A certificate with two different users gets nobody in.",
      ["san-email", "san-upn", "san-dns", "subject-cn", "subject-email", "fingerprint"],
      { default: "san-email" },
    ),
    map: setting.dict(
      "Users by the name in the certificate; with a map, nobody else gets in. Capitals make no difference; a fingerprint may have colons.",
      "NAME",
      user,
    ),
  },
);

export type CertificateSettings = ValueOf<typeof certificateSettings>;
