// OpenSSL's name of a TLS cipher suite, from its IANA name: ECDHE-RSA-AES128-GCM-SHA256 for
// TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256. Suites of TLS 1.3 have one name only. What does not look like an IANA name is
// given back as it is. Throws nothing.

const IANA = /^TLS_([A-Z0-9_]+)_WITH_([A-Z0-9_]+)$/;

const cipherPart = (bulk: string): string =>
  bulk
    .replace(/^3DES_EDE_CBC_/, "DES_CBC3_")
    .replace(/^(AES|CAMELLIA|ARIA)_(\d+)_/, "$1$2_")
    .replace(/^((?:AES|CAMELLIA)\d+)_CBC_/, "$1_")
    .replace(/^CHACHA20_POLY1305_SHA256$/, "CHACHA20_POLY1305")
    .replace(/CCM_8$/, "CCM8")
    .replaceAll("_", "-");

/** OpenSSL's name for an IANA name. */
export function openSslCipherName(iana: string): string {
  const match = IANA.exec(iana);
  if (match === null) return iana;
  const [, exchange = "", bulk = ""] = match;
  const prefix = exchange === "RSA" ? "" : `${exchange.replaceAll("_", "-")}-`;
  return `${prefix}${cipherPart(bulk)}`;
}
