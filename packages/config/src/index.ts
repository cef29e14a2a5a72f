// Configuration: file and flags in, one frozen, checked object out. The settings page and the JSON schema come from the
// same tables. Knows no part: their tables are handed in.

export { listenAddressText, parseListenAddress } from "./address.ts";
export type { ListenAddress } from "./address.ts";
export { configFile, DEFAULT_CONFIG_FILE } from "./command.ts";
export type { CommandArgs, RouteArgs } from "./command.ts";
export type {
  ApplicationConfig,
  CertificateFiles,
  Config,
  ListenerConfig,
  ListenerTls,
  MechanismPart,
  Parts,
  ProtocolPart,
  TlsConfig,
} from "./config.ts";
export { settingsPage } from "./describe.ts";
export type { Flags } from "./flags.ts";
export { LISTENER_FLAGS } from "./listener-flags.ts";
export type { ListenerFlag } from "./listener-flags.ts";
export { loadConfig } from "./load.ts";
export type { LoadOptions, LoadResult } from "./load.ts";
export { rootSettings } from "./root.ts";
export { settingsSchema } from "./schema.ts";
