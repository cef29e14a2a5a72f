// SASL LOGIN (draft-murchison-sasl-login): two questions, two answers. Server half; towards backends the gateway turns
// it into PLAIN or the protocol's own command. Throws Failure exchange-malformed.

import { Failure, Secret, type MechanismFactory, type MechanismStep, type ServerMechanism } from "@postern/contracts";
import { utf8 } from "./utf8.ts";

export const login: MechanismFactory = {
  name: "LOGIN",
  plaintext: true,
  bound: false,
  onRequest: false,
  needs: "password",
  relays: true,
  create: () => new LoginMechanism(),
};

class LoginMechanism implements ServerMechanism {
  readonly name = "LOGIN";
  readonly claimed = "";
  #authcid: string | undefined;

  next(response: Buffer | undefined): MechanismStep {
    if (response === undefined) return { kind: "challenge", data: Buffer.from("Username:") };
    if (this.#authcid === undefined) {
      this.#authcid = utf8(response, "LOGIN");
      return { kind: "challenge", data: Buffer.from("Password:") };
    }
    if (this.#authcid === "" || response.length === 0)
      throw new Failure("exchange-malformed", "LOGIN: user name or password is empty");
    if (response.includes(0) || this.#authcid.includes("\0")) throw new Failure("exchange-malformed", "LOGIN: NUL byte");
    const secret = new Secret(Buffer.from(response));
    return { kind: "done", credentials: { kind: "password", mechanism: "LOGIN", authcid: this.#authcid, authzid: "", secret } };
  }
}
