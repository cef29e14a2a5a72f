// Tests against real neighbours (Dovecot, nginx, systemd …): one after the other, with time to start daemons.
export default {
  files: ["packages/**/*.neighbour.test.ts", "protocols/**/*.neighbour.test.ts", "scripts/**/*.neighbour.test.ts"],
  extensions: ["ts"],
  concurrency: 1,
  serial: true,
  timeout: "5m",
  // As in ava.config.js.
  workerThreads: false,
  require: ["./scripts/lib/end-of-tests.js"],
};
