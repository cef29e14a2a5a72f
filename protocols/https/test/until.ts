// Waits for what happens soon: on loopback, in this process. Bounded.

export async function until(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 5000; turn += 1) {
    if (isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error(`It never came to ${isSo.toString()}`);
}
