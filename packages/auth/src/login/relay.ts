// Login strategy relay: the backend gets what the client sent, and has the last word. Failure: backend-mechanism for what
// cannot be sent twice.

import { Failure, type BackendLogin } from "@postern/contracts";

export const relay: BackendLogin = {
  strategy: "relay",
  async present(credentials) {
    switch (credentials.kind) {
      case "password":
      case "token":
      case "live":
      case "admitted":
        return credentials;
      case "digest":
      case "proven":
      case "rejected":
      default:
        throw new Failure(
          "backend-mechanism",
          `${credentials.mechanism} leaves nothing to log in with at a backend with login: relay`,
        );
    }
  },
  close() {},
};
