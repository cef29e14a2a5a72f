// Shared state: memory for one process, the primary's memory for its workers.

export { createMemoryState, STATE_BOUNDS, type MemoryState, type Owner, type StateBounds } from "./memory.ts";
export { ipcState, serveState, type WorkerChannel } from "./ipc.ts";
export { stateSettings, type StateSettings } from "./settings.ts";
