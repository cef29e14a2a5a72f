export default {
  files: [
    "packages/*/src/**/*.test.ts",
    "protocols/*/src/**/*.test.ts",
    "certs/src/**/*.test.ts",
    "scripts/**/*.test.ts",
    "!**/*.neighbour.test.ts",
  ],
  extensions: ["ts"],
  timeout: "60s",
  // Processes, not threads: now and then Node spins for ever when it ends a thread whose sockets were just closed.
  workerThreads: false,
  require: ["./scripts/lib/end-of-tests.js"],
};
