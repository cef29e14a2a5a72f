// The command line: names of commands and flags, and who does the work. No logic; each command's package is loaded only
// when it is asked for. Exit codes: 0 done, 1 bad configuration or refused, 2 bad usage.

import yargs from "yargs";
import type { Argv, Options } from "yargs";
import { hideBin } from "yargs/helpers";
import { configFile, DEFAULT_CONFIG_FILE, LISTENER_FLAGS } from "@postern/config";
import type { CommandArgs, Flags, ListenerFlag } from "@postern/config";
import root from "../package.json" with { type: "json" };

/** Given once; `flag` is its own name, for the message. */
const one = (flag: string, describe: string): Options & { type: "string" } => ({
  type: "string",
  nargs: 1,
  describe,
  coerce: (value: unknown) => {
    if (Array.isArray(value)) throw new Error(`--${flag} may be given only once`);
    return value;
  },
});

/** Given as often as needed. */
const many = (describe: string): Options & { type: "string"; array: true } => ({
  type: "string",
  array: true,
  nargs: 1,
  describe,
});

const LISTENERS = Object.fromEntries(LISTENER_FLAGS.map((flag) => [flag, many("Listen on ADDRESS")])) as Record<
  ListenerFlag,
  ReturnType<typeof many>
>;
const JSON_FLAG = { type: "boolean", default: false, describe: "JSON instead of a table" } as const;
const NAMES = {
  type: "string",
  array: true,
  default: ["localhost"],
  describe: "Names and addresses in the certificate",
} as const;
const HASHES = ["argon2id", "bcrypt", "sha512-crypt"] as const;
const OUT = { ...one("out", "Folder to write to"), default: "." };
const PASSPHRASE_FILE = one("passphrase-file", "File whose first line is the passphrase");

const withConfiguration = <T>(parser: Argv<T>) =>
  parser
    .option("config", one("config", `Configuration file; ${DEFAULT_CONFIG_FILE} when it is there and no listener flag is given`))
    .options(LISTENERS)
    .option("cert", one("cert", "Certificate and chain, PEM"))
    .option("key", one("key", "Private key, PEM"))
    .option("pfx", one("pfx", "Certificate and key in a PKCS #12 file"))
    .option("passphrase-file", PASSPHRASE_FILE)
    .option("self-signed", { type: "boolean", default: false, describe: "Make a certificate at start, for trying out" })
    .option("backend", many("NAME=URL: a mailbox server, one URL a protocol"))
    .option("route", many("PATTERN=NAME[,NAME…]: alice@example.com, example.org, *@*.example.org or *"))
    .option("workers", one("workers", "Processes: N or auto"))
    .option("hostname", one("hostname", "Name in greetings"))
    .option("json", JSON_FLAG)
    .group([...LISTENER_FLAGS], "Listeners (ADDRESS is [host:]port, [v6]:port, unix:/path or systemd:NAME):")
    .epilogue("Flags win over the file.");

type Parsed = Awaited<ReturnType<ReturnType<typeof withConfiguration>["parse"]>>;

function commandArgs(argv: Parsed): CommandArgs {
  const { cert, key, pfx, passphraseFile, selfSigned, backend, route, workers, hostname, json } = argv;
  const listeners = Object.fromEntries(LISTENER_FLAGS.map((flag) => [flag, argv[flag]])) as Flags["listeners"];
  const flags: Flags = { listeners, cert, key, pfx, passphraseFile, selfSigned, backend, route, workers, hostname };
  return { config: configFile(argv.config, flags), flags, json };
}

class UsageError extends Error {}
type Task = () => Promise<number>;

/** What the command line asks for; undefined when yargs has answered itself (--help, --version). */
async function parse(words: readonly string[]): Promise<Task | undefined> {
  let task: Task | undefined;
  const to = (chosen: Task): void => {
    task = chosen;
  };
  await yargs([...words])
    .scriptName("postern")
    .usage("$0 COMMAND\n\nThe front door of a mail system: takes connections, finds each user's mailbox server, relays.")
    .locale("en")
    .parserConfiguration({ "dot-notation": false, "parse-numbers": false, "boolean-negation": false })
    .command("serve", "Run the gateway", withConfiguration, (argv) =>
      to(async () => (await import("@postern/gateway")).runServe(commandArgs(argv))),
    )
    .command("check", "Check the configuration and list every problem", withConfiguration, (argv) =>
      to(async () => (await import("@postern/gateway")).runCheck(commandArgs(argv))),
    )
    .command(
      "route <user>",
      "Tell where a user goes, and why",
      (parser) =>
        withConfiguration(parser)
          .positional("user", { type: "string", demandOption: true, describe: "The name as a client would send it" })
          .option("protocol", one("protocol", "Only for this protocol")),
      (argv) =>
        to(async () => {
          const { user, protocol } = argv;
          return (await import("@postern/gateway")).runRoute({ ...commandArgs(argv), user, protocol });
        }),
    )
    .command(
      "passwd <user>",
      "Make a line of a password file; the password is typed, or read from standard input",
      (parser) =>
        parser
          .positional("user", { type: "string", demandOption: true, describe: "The name that clients log in with" })
          .option("scheme", { choices: HASHES, default: HASHES[0], describe: "How the password is hashed" })
          .option("scram", { type: "boolean", default: false, describe: "With keys for SCRAM-SHA-256" })
          .option("nt", { type: "boolean", default: false, describe: "With the NT hash, for NTLM" }),
      ({ user, scheme, scram, nt }) => to(async () => (await import("@postern/gateway")).runPasswd({ user, scheme, scram, nt })),
    )
    .command("rule", "Mail-flow rules", (parser) => ruleCommands(parser, to))
    .command("cert", "Certificates", (parser) => certCommands(parser, to))
    .demandCommand(1, "Which command?")
    .recommendCommands()
    .strict()
    .version(root.version)
    .exitProcess(false)
    .fail((message: string | undefined, error: Error | undefined) => {
      throw new UsageError(message ?? error?.message ?? "Cannot read the command line");
    })
    .parseAsync();
  return task;
}

function ruleCommands(parser: Argv, to: (task: Task) => void): Argv {
  return parser
    .command(
      "test",
      "Tell what the rules would do with a message, and where it would go; nothing is sent and nobody is asked",
      (inner) =>
        withConfiguration(inner)
          .option("message", { ...one("message", "FILE with the message, or - for standard input"), demandOption: true })
          .option("from", { ...one("from", "The envelope's sender; '' is the null sender"), demandOption: true })
          .option("to", { ...many("A recipient"), demandOption: true })
          .option("client", { ...one("client", "The client's address"), default: "192.0.2.1" })
          .option("helo", one("helo", "The name that the client gives itself"))
          .option("size", one("size", "Instead of the message's own size"))
          .option("score", one("score", "What filters and scanners would count"))
          .option("finding", { ...many("The symbol of something that they would find"), default: [] })
          .option("time", one("time", "When it would come, as 2026-01-31T22:15:00Z")),
      (argv) =>
        to(async () => {
          const { message, from, to: recipients, client, helo, size, score, finding, time } = argv;
          const asked = { message, from, to: recipients, client, helo, size, score, finding, time };
          return (await import("@postern/gateway")).runRuleTest({ ...commandArgs(argv), ...asked });
        }),
    )
    .demandCommand(1, "Which of test?");
}

function certCommands(parser: Argv, to: (task: Task) => void): Argv {
  return parser
    .command(
      "dev [names..]",
      "Make a development authority, and a certificate that it signs",
      (inner) => inner.positional("names", NAMES).option("out", OUT),
      ({ names, out }) => to(async () => (await import("@postern/certs")).certDev({ names, out })),
    )
    .command(
      "self-signed [names..]",
      "Make a certificate that signs itself",
      (inner) => inner.positional("names", NAMES).option("out", OUT),
      ({ names, out }) => to(async () => (await import("@postern/certs")).certSelfSigned({ names, out })),
    )
    .command(
      "show <file>",
      "Tell what a PEM or PFX file holds, never its keys",
      (inner) =>
        inner
          .positional("file", { type: "string", demandOption: true, describe: "PEM or PFX file" })
          .option("passphrase-file", PASSPHRASE_FILE)
          .option("json", JSON_FLAG),
      ({ file, passphraseFile, json }) =>
        to(async () => (await import("@postern/certs")).certShow({ file, passphraseFile, json })),
    )
    .command(
      "import <pfx>",
      "Turn a PFX file into PEM files",
      (inner) =>
        inner
          .positional("pfx", { type: "string", demandOption: true, describe: "PFX file" })
          .option("passphrase-file", PASSPHRASE_FILE)
          .option("out", OUT),
      ({ pfx, passphraseFile, out }) => to(async () => (await import("@postern/certs")).certImport({ pfx, passphraseFile, out })),
    )
    .demandCommand(1, "Which of dev, self-signed, show and import?");
}

try {
  const task = await parse(hideBin(process.argv));
  process.exitCode = task === undefined ? 0 : await task();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`postern: ${error.message}\npostern: see postern --help, or postern COMMAND --help`);
  process.exitCode = 2;
}
