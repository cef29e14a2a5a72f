// Required by ava in each process of tests: a file is over when its tests are, whatever it may have left open.

import { registerCompletionHandler } from "ava";

registerCompletionHandler(() => process.exit());
