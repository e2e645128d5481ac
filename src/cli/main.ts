import { Command, CommanderError, Option } from "commander";
import pc from "picocolors";
import { DecodeError, InvalidInput } from "#common/errors/index.js";
import { runNet } from "./net/net.js";
import { runReplay } from "./replay.js";

const USAGE_ERROR = 2;
const FAILURE = 1;

/** A whole number option, or a usage error that names it and its range. */
function integer(name: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidInput(name, `expected a whole number from ${min} to ${max}, got "${text}"`);
    }
    return value;
  };
}

function netCommand(): Command {
  return new Command("net")
    .description("run a local network in one process: validators, compute nodes and a client")
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
    .option("--quiet-load", "do not submit transactions of our own", false)
    .addOption(
      new Option("--log <level>", "log level on standard error")
        .choices(["debug", "info", "warn", "error", "none"])
        .default("warn"),
    )
    .action(runNet);
}

function replayCommand(): Command {
  return new Command("replay")
    .description("replay a recorded chain and compare every result, event and hash")
    .argument("<dir>", "folder with genesis.json and blocks.jsonl.gz")
    .option("--json", "print one JSON object per line", false)
    .action(runReplay);
}

function program(): Command {
  const root = new Command("qanat")
    .description("an independent implementation of the Oasis Core protocol, release v26.1")
    .showSuggestionAfterError()
    .version("0.1.0");
  for (const command of [netCommand(), replayCommand()]) root.addCommand(command);
  const strict = (command: Command): void => {
    command.exitOverride().showSuggestionAfterError().showHelpAfterError("(--help lists the options)");
    command.commands.forEach(strict);
  };
  strict(root);
  return root;
}

/** Exit code of an error, after telling about it. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_ERROR;
  if (error instanceof InvalidInput || error instanceof DecodeError) {
    process.stderr.write(`${pc.red("error:")} ${error.message}\n`);
    return error instanceof InvalidInput && error.field.startsWith("--") ? USAGE_ERROR : FAILURE;
  }
  process.stderr.write(
    `${pc.red("error:")} ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return FAILURE;
}

try {
  await program().parseAsync(process.argv);
} catch (error) {
  process.exitCode = report(error);
}
