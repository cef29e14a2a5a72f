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
};
