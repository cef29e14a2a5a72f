// The path, its command loop, the router and the registry. Read path.ts first.

export { admissionOf, admittedCredentials, type Admission } from "./applications.ts";
export { firstThere, type CandidateParts } from "./candidates.ts";
export {
  countError,
  refuseForeign,
  runCommands,
  type Command,
  type CommandLoop,
  type Outcome,
  type Row,
} from "./command-loop.ts";
export { HostedClient } from "./hosted-client.ts";
export type { House, ListenerHouse, LoginSettings, Observer, SessionTrace } from "./house.ts";
export { reportedAddress, takeTtl, ttlFor } from "./hops.ts";
export {
  authenticateBy,
  plaintextAllowed,
  requirePasswords,
  requireStartTls,
  takesPasswords,
  usableMechanisms,
  type Front,
} from "./offer.ts";
export { oneLine } from "./one-line.ts";
export { serve } from "./path.ts";
export { Registry, type Live } from "./registry.ts";
export {
  BACKEND_ROLE,
  channelBinding,
  CLIENT_ROLE,
  Connection,
  dial,
  flushReads,
  giveBack,
  Lent,
  reach,
  readBy,
  Relay,
  restReads,
  type Lending,
  type Reader,
} from "@postern/net";
export { isGuess } from "./slow-down.ts";
export { createRouter, type AdHocLeg, type BackendTable } from "./router.ts";
export { createUserPlaces, type UserPlaces } from "./user-places.ts";
export {
  connectionKey,
  createBackendPool,
  type BackendPool,
  type BackendPoolParts,
  type PooledBackend,
  type PoolSettings,
} from "./backend-pool.ts";
