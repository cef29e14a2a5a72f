// Waits until something has come to pass, looked at whenever something moved. Throws Error when it takes too long.

import { within } from "@postern/testing";

const LONGEST_MS = 5000;

export class Waiter {
  #wake = (): void => {};

  moved(): void {
    this.#wake();
  }

  async until(done: () => boolean, what: string): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!done())
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    };
    await within(LONGEST_MS, wait(), () => `${what}: it did not come`);
  }
}
