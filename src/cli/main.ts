import { Command, CommanderError, Option } from "commander";
import { DecodeError, Fault, InvalidInput } from "#common/errors/index.js";
import { MISCONDUCTS, parseSwitches } from "#network/byzantine/switches.js";
import { computeNames, SIZE_WITH_STORAGE, storageNames } from "#network/topology.js";
import { NoCommittee } from "#network/no-committee.js";
import { parsePermissions } from "#platform/managed/member-components.js";
import { PERMISSIONS } from "#worker/component/management.js";
import { KeyFileError } from "#platform/key-files.js";
import { BundleRefused } from "#runtime/bundle/errors.js";
import { inspectBundle, installBundle, verifyBundle } from "./bundle.js";
import { createBundle } from "./bundle-create.js";
import { makeEnclaveKey, signBundle } from "./bundle-sign.js";
import { runDev } from "./dev/dev.js";
import { runNet } from "./net/net.js";
import type { NetOptions, RuntimeHostKind } from "./net/options.js";
import { checkGenesisFile, dumpGenesis } from "./genesis.js";
import { integer } from "./numbers.js";
import { repeated } from "./repeated.js";
import { runtimeCommand } from "./runtime/command.js";
import { runReplay } from "./replay.js";
import { onError } from "./colours.js";

/** After so many starts that fail on every compute node, a network without a committee gives up. */
const FAILED_STARTS = 3;
const USAGE_ERROR = 2;
const FAILURE = 1;

function netCommand(): Command {
  return networkOptions(
    new Command("net").description("run a local network in one process: validators, compute nodes and a client"),
    ["in-process", "process", "sandbox"],
  )
    .option("--quiet-load", "do not submit transactions of our own", false)
    .addOption(
      repeated(
        "--runtime <file>",
        "runtime to run instead of the key-value runtime: an executable or script that speaks the Runtime Host Protocol, or a bundle (*.orc); sandboxed unless --runtime-host says otherwise; the status line is about the first",
      ).default([], "the key-value runtime"),
    )
    .addOption(
      repeated(
        "--registry <url>",
        "registry that bundles of deployments are fetched from by their hash, when they are not installed",
      ).default([], "none"),
    )
    .addOption(
      new Option("--max-bundle-size <MiB>", "largest bundle that is fetched (default: 20)").argParser(
        integer("--max-bundle-size", 1, 1_048_576),
      ),
    )
    .option("--genesis <file>", "start the network of a genesis document that somebody else made")
    .addOption(
      repeated("--keys <dir>", "folder with keys of nodes of that document, or of several in folders below").default(
        [],
        "none",
      ),
    )
    .addOption(
      new Option(
        "--own-validators",
        "for development: take the document's ledger, but validators of our own; that is another chain",
      )
        .default(false)
        .conflicts("keys"),
    )
    .action((options: NetOptions, command: Command) => {
      const usual = command.getOptionValueSource("runtimeHost") === "default";
      const runtimeHost = usual && options.runtime.length > 0 ? "sandbox" : options.runtimeHost;
      return runNet({ ...options, runtimeHost, patience: FAILED_STARTS });
    });
}

function devCommand(): Command {
  const command = new Command("dev")
    .description("run a local network with your own runtime, anew whenever you save it; its state is kept")
    .argument("<file>", "TypeScript or JavaScript that exports a runtime made by defineRuntime");
  return networkOptions(command, ["process", "sandbox"]).action(runDev);
}

/** Options of commands that run a local network. @param hosts where runtimes may run, the usual way first */
function networkOptions(command: Command, hosts: readonly RuntimeHostKind[]): Command {
  return command
    .option("--data <dir>", "folder of the network's data (default: a temporary folder, deleted at exit)")
    .addOption(
      new Option("--rounds <n>", "stop after so many finalised rounds with transactions").argParser(
        integer("--rounds", 1, 1_000_000_000),
      ),
    )
    .option("--json", "print one JSON object per line instead of the status line", false)
    .addOption(
      new Option("--port <n>", "port of gRPC-web on 127.0.0.1 (0: any free one)")
        .argParser(integer("--port", 0, 65535))
        .default(42280),
    )
    .addOption(
      new Option("--block-interval <ms>", "fixed time between blocks (default: on demand)").argParser(
        integer("--block-interval", 1, 3_600_000),
      ),
    )
    .addOption(
      new Option("--runtime-host <kind>", "where runtimes run; sandbox needs bubblewrap, process does not shut them in")
        .choices(hosts)
        .default(hosts[0]),
    )
    .addOption(
      new Option("--metrics <port>", "answer Prometheus on 127.0.0.1 at this port (default: off)").argParser(
        integer("--metrics", 1, 65535),
      ),
    )
    .addOption(
      new Option("--keep <n>", "consensus heights kept before the latest (default: all)").argParser(
        integer("--keep", 100, 1_000_000_000),
      ),
    )
    .addOption(
      new Option("--keep-rounds <n>", "latest rounds of the runtime kept by each node (default: all)").argParser(
        integer("--keep-rounds", 100, 1_000_000_000),
      ),
    )
    .option("--no-receipts", "make a new network of plain v26.1: no storage nodes, no receipts")
    .addOption(
      new Option(
        "--permit <component=permissions>",
        `let off-chain logic have its node do things; permissions, with commas between: ${PERMISSIONS.join(", ")} (repeatable)`,
      )
        .argParser((word: string, before: readonly string[]) => {
          parsePermissions([word]);
          return [...before, word];
        })
        .default([], "none"),
    )
    .addOption(
      new Option(
        "--byzantine <node=way>",
        `let a compute node misbehave; ways: ${MISCONDUCTS.join(", ")}; or a storage node: bad-messages, no-store (repeatable)`,
      )
        .argParser((word: string, before: readonly string[]) => {
          parseSwitches([word], [...computeNames(SIZE_WITH_STORAGE), ...storageNames(SIZE_WITH_STORAGE)]);
          return [...before, word];
        })
        .default([], "all honest"),
    )
    .addOption(
      new Option("--log <level>", "log level on standard error")
        .choices(["debug", "info", "warn", "error", "none"])
        .default("warn"),
    );
}

function replayCommand(): Command {
  return new Command("replay")
    .description("replay a recorded chain and compare every result, event and hash")
    .argument("<dir>", "folder with genesis.json and blocks.jsonl.gz")
    .option("--json", "print one JSON object per line", false)
    .addOption(
      new Option("--until <height>", "stop after this height").argParser(
        integer("--until", 1, Number.MAX_SAFE_INTEGER),
      ),
    )
    .option("--verify-commits", "also verify every signature of every commit", false)
    .option("--data <dir>", "keep blocks and states in this folder; a repeated replay goes on where the last one ended")
    .action(runReplay);
}

function genesisCommand(): Command {
  const check = new Command("check")
    .description("check a genesis document and print its chain context")
    .argument("<file>", "genesis document")
    .option("--json", "print one JSON object per line", false)
    .option("--debug", "allow debug_* parameters and test keys, as development networks do", false)
    .action(checkGenesisFile);
  const dump = new Command("dump")
    .description("print the genesis document that starts a chain with the state of a height")
    .requiredOption("--data <dir>", "data folder of a stopped network or of qanat replay --data")
    .addOption(
      new Option("--height <h>", "height of the state (default: the latest)").argParser(
        integer("--height", 1, Number.MAX_SAFE_INTEGER),
      ),
    )
    .action(dumpGenesis);
  return new Command("genesis").description("work with genesis documents").addCommand(check).addCommand(dump);
}

function bundleCommand(): Command {
  const maxSize = (): Option =>
    new Option("--max-size <MiB>", "largest size of all files together, unpacked (default: 1024)").argParser(
      integer("--max-size", 1, 1_048_576),
    );
  const create = new Command("create")
    .description("make a bundle of a runtime's program, of logic beside it, or of both")
    .argument("<output>", "archive to write, usually *.orc")
    .option("--id <id>", "identifier of the runtime, 64 hexadecimal digits")
    .option("--version <version>", "version of the program, as in 1.2.3")
    .option("--executable <file>", "the program: an executable, or a script for Node.js in one file")
    .option("--name <name>", "name of the runtime for people")
    .option("--sgx-executable <file>", "the program as an SGX enclave (*.sgxs)")
    .option("--sgx-signature <file>", "the enclave's SIGSTRUCT")
    .addOption(repeated("--rofl <name@version=file>", "a program of off-chain logic beside the runtime"))
    .addOption(
      new Option(
        "--manifest <file>",
        "manifest in JSON that says it all; the files that it names lie beside it, digests are made anew",
      ).conflicts(["id", "version", "executable", "name", "sgxExecutable", "sgxSignature", "rofl"]),
    )
    .action(createBundle);
  const inspect = new Command("inspect")
    .description("check a bundle and print what it holds")
    .argument("<file>", "archive")
    .option("--json", "print a JSON object", false)
    .action(inspectBundle);
  const verify = new Command("verify")
    .description("check a bundle: digests, names, sizes, enclave signatures")
    .argument("<file>", "archive")
    .option("--hash <hash>", "manifest hash that it must have, as in the runtime's descriptor")
    .option("--signer <hash>", "signer that all its enclaves must have, as qanat bundle key prints it")
    .addOption(maxSize())
    .action(verifyBundle);
  const install = new Command("install")
    .description("unpack a bundle into a node's data folder")
    .argument("<file>", "archive")
    .option("--data <dir>", "data folder of a stopped node")
    .option("--node <path>", "data folder of a running network, or the socket of a node: it takes the bundle at once")
    .addOption(maxSize())
    .action(installBundle);
  const bundle = new Command("bundle").description("work with runtime bundles");
  for (const command of [create, signCommand(), enclaveKeyCommand(), inspect, verify, install]) {
    bundle.addCommand(command);
  }
  return bundle;
}

function signCommand(): Command {
  const number = (option: string): Option => new Option(`${option} <n>`).argParser(integer(option, 0, 65_535));
  return new Command("sign")
    .description("sign the SGX enclave of a bundle's component; writes another bundle")
    .argument("<input>", "archive")
    .argument("<output>", "archive to write")
    .requiredOption("--key <file>", "RSA-3072 key with exponent 3 in PEM or DER; the file must have mode 0600")
    .option("--component <id>", "component whose enclave is signed", "ronl")
    .option("--build-date <date>", "date that the signature tells, YYYY-MM-DD (default: today)")
    .addOption(number("--product-id"))
    .addOption(number("--security-version"))
    .option("--debug", "for an enclave that is started for debugging only", false)
    .action(signBundle);
}

function enclaveKeyCommand(): Command {
  return new Command("key")
    .description("make a key that signs enclaves")
    .argument("<file>", "new file, of mode 0600")
    .action(makeEnclaveKey);
}

function program(): Command {
  const root = new Command("qanat")
    .description("an independent implementation of the Oasis Core protocol, release v26.1")
    .showSuggestionAfterError()
    .version("0.1.0")
    // What stands behind a command is its own: bundle create has a --version too.
    .enablePositionalOptions();
  for (const command of [
    netCommand(),
    devCommand(),
    replayCommand(),
    genesisCommand(),
    bundleCommand(),
    runtimeCommand(),
  ])
    root.addCommand(command);
  const strict = (command: Command): void => {
    command.exitOverride().showSuggestionAfterError().showHelpAfterError("(--help lists the options)");
    command.commands.forEach(strict);
  };
  strict(root);
  return root;
}

/** Trouble of this machine that says itself what it is: a disk, a file, a socket. */
function isTrouble(error: unknown): error is Error {
  return error instanceof Fault || (error instanceof Error && "syscall" in error && "errno" in error);
}

/** Exit code of an error, after telling about it. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_ERROR;
  if (error instanceof KeyFileError || error instanceof BundleRefused || error instanceof NoCommittee) {
    process.stderr.write(`${onError.red("error:")} ${error.message}\n`);
    return FAILURE;
  }
  if (error instanceof InvalidInput || error instanceof DecodeError) {
    process.stderr.write(`${onError.red("error:")} ${error.message}\n`);
    return error instanceof InvalidInput && error.field.startsWith("--") ? USAGE_ERROR : FAILURE;
  }
  if (isTrouble(error)) {
    const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
    process.stderr.write(`${onError.red("error:")} ${error.message}${cause}\n`);
    return FAILURE;
  }
  // Anything else is a bug, and whoever looks for it needs the place.
  process.stderr.write(
    `${onError.red("error:")} ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return FAILURE;
}

// A reader that has seen enough closes the pipe; what was not printed cannot count as success.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") process.stderr.write(`${onError.red("error:")} standard output: ${error.message}\n`);
  process.exit(FAILURE);
});

program()
  .parseAsync(process.argv)
  .catch((error: unknown) => {
    process.exitCode = report(error);
  });
