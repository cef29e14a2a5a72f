// Starts servers at the same time.

type Stoppable = { stop(): Promise<unknown> };

/** All of them; where one does not start, the others are stopped, and its reason is thrown. */
export async function together<T extends readonly Stoppable[]>(...starting: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  const results = await Promise.allSettled<Stoppable>(starting);
  const started = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const failed = results.find((result) => result.status === "rejected");
  if (failed === undefined) return started as unknown as T;
  await stopAll(started);
  throw failed.reason;
}

/** At the same time, too; those that were never started are passed over. */
export async function stopAll(servers: readonly (Stoppable | undefined)[]): Promise<void> {
  await Promise.all(servers.map(async (server) => server?.stop()));
}
