import { Command, Option } from "commander";
import { integer } from "../numbers.js";
import { repeated } from "../repeated.js";
import { challengeStorage } from "./challenge.js";
import { listRuntimes, registerRuntime, showRuntime, updateRuntime } from "./runtime.js";

const U16 = 65_535;
const U32 = 0xffff_ffff;

function number(flags: string, max: number, description: string): Option {
  const [name = flags] = flags.split(" ");
  return new Option(flags, description).argParser(integer(name, 0, max));
}

const NODE = new Option(
  "--node <path>",
  "data folder of a running network, or the socket of a node",
).makeOptionMandatory();

function descriptorOptions(): Option[] {
  return [
    new Option("--bundle <file>", "bundle of a version: brings identifier, version, hash and enclave"),
    repeated("--deployment <v@epoch[=hash]>", "a version, the epoch it begins in (+n: n from now), its bundle's hash"),
    new Option("--valid-from <epoch>", "epoch in which the bundle's version begins (+n: n from now; default: +2)"),
    new Option("--kind <kind>", "what it is").choices(["compute", "key-manager"]),
    new Option("--governance <model>", "who may change the descriptor").choices(["entity", "runtime", "consensus"]),
    new Option("--owner <key>", "entity that owns it (default: the one that signs)"),
    new Option("--key-manager <id>", "key manager runtime that it uses"),
    new Option("--tee <hardware>", "trusted hardware that nodes must have").choices(["none", "sgx"]),
    new Option("--genesis-state-root <hash>", "root of the state that it starts from (default: none)"),
    number("--genesis-round <n>", Number.MAX_SAFE_INTEGER, "round that it starts from"),
    number("--group-size <n>", U16, "workers of the committee"),
    number("--backup-size <n>", U16, "backup workers, who decide when workers disagree"),
    number("--stragglers <n>", U16, "workers that may be missing"),
    number("--round-timeout <blocks>", U32, "consensus blocks after the first commitment until a round is decided"),
    number("--max-messages <n>", U32, "messages to the consensus layer per round"),
    number("--min-live-rounds <percent>", 100, "rounds that a worker must take part in"),
    number("--min-live-rounds-eval <n>", U32, "rounds of an epoch from which on that is judged"),
    number("--max-missed-proposals <percent>", 100, "proposals that a worker may miss (0: all)"),
    number("--max-liveness-fails <n>", 255, "bad epochs after which a node is frozen (0: never)"),
    number("--batch-flush-timeout <ms>", U32, "longest wait of a transaction for others"),
    number("--propose-batch-timeout <ms>", U32, "time until the next scheduler may propose"),
    number("--max-batch-size <n>", U32, "transactions of a round"),
    number("--max-batch-bytes <n>", U32, "bytes of a round's transactions"),
    number("--max-in-messages <n>", U32, "incoming messages that may wait (0: none are taken)"),
    number("--checkpoint-interval <rounds>", U32, "rounds between checkpoints (0: none)"),
    number("--checkpoints-kept <n>", U32, "checkpoints that nodes keep"),
    number("--checkpoint-chunk-bytes <n>", U32, "size of a checkpoint's chunks"),
    new Option(
      "--storage-committee <size:receipts[@epoch]>",
      "storage nodes that sign for each round's results, where the network has them, and how many must",
    ),
    new Option("--drop-storage-committee", "results need no receipts").conflicts("storageCommittee"),
    new Option(
      "--storage-challenge <deposit:blocks:rounds>",
      "let anybody make storage nodes prove that they have rounds so old, for a deposit and within so many blocks",
    ),
    ...policyOptions(),
  ];
}

function policyOptions(): Option[] {
  return [
    new Option("--admit-any", "every node may serve it (a new runtime's default)"),
    repeated("--admit <entity[:role=n,...]>", "only nodes of these entities may, so many in each role if named"),
    repeated("--admit-role <role=entity[:n]>", "only nodes of these entities may in a role; role=any for all"),
    repeated(
      "--constraint <[committee.]role:what>",
      "what committees must be like: validator-set, max-nodes=n per entity, min-pool-size=n; as worker:max-nodes=1",
    ),
    new Option("--drop-constraints", "committees may be as they like").conflicts("constraint"),
    repeated("--threshold <kind=amount>", "stake beyond the network's, as node-compute=1000"),
    repeated("--slash <reason=amount[:epochs]>", "what misbehaviour costs and for how long nodes are frozen"),
    number("--reward-equivocation <percent>", 100, "part of what is slashed that the runtime gets"),
    number("--reward-bad-results <percent>", 100, "part of what is slashed that the runtime gets"),
    new Option("--min-in-message-fee <amount>", "least fee of an incoming message"),
  ];
}

function signerOptions(): Option[] {
  return [
    new Option("--entity <dir>", "folder of the key that signs (entity.pem, mode 0600)"),
    new Option("--test-entity", "sign with the key that all development networks know").default(false),
    new Option("--max-fee <amount>", "most that the transaction may cost, in base units"),
    new Option("--dry-run", "print the descriptor and submit nothing").default(false),
  ];
}

function json(): Option {
  return new Option("--json", "print a JSON object").default(false);
}

function withOptions(command: Command, ...options: readonly Option[]): Command {
  for (const option of options) command.addOption(option);
  return command;
}

function challengeCommand(): Command {
  const challenge = new Command("challenge")
    .description("make a storage node prove that it has what it signed for; waits for the outcome")
    .argument("<id>", "identifier of the runtime");
  const options = [
    new Option("--storage-node <key>", "node that is challenged (default: one that signed for the round)"),
    number("--round <n>", Number.MAX_SAFE_INTEGER, "which round (default: the latest with a receipt)"),
    new Option("--tree <tree>", "which tree of it").choices(["state", "io"]).default("state"),
    json(),
  ];
  const signing = signerOptions().filter(({ long }) => long !== "--dry-run");
  return withOptions(challenge, NODE, ...signing, ...options).action(challengeStorage);
}

/** `qanat runtime`: registers runtimes with a network and tells about them. */
export function runtimeCommand(): Command {
  const register = new Command("register")
    .description("register a runtime; waits until it is in a block")
    .argument("[file]", "descriptor in the JSON form of genesis documents; options change it")
    .option("--id <id>", "identifier, 64 hexadecimal digits");
  const update = new Command("update")
    .description("change the descriptor of a registered runtime; what is not told stays as it is")
    .argument("<id>", "identifier of the runtime")
    .argument("[file]", "descriptor that replaces the registered one; options change it");
  withOptions(register, NODE, ...signerOptions(), ...descriptorOptions(), json()).action(registerRuntime);
  const drop = repeated("--drop-deployment <version>", "forget a version");
  withOptions(update, NODE, ...signerOptions(), ...descriptorOptions(), drop, json()).action(updateRuntime);
  const show = new Command("show").description("print a runtime and its descriptor").argument("<id>", "identifier");
  withOptions(show, NODE, json()).action(showRuntime);
  const list = withOptions(new Command("list").description("print all runtimes of a network"), NODE, json());
  list.action(listRuntimes);
  const runtime = new Command("runtime").description("register runtimes with a network");
  for (const command of [register, update, show, list, challengeCommand()]) runtime.addCommand(command);
  return runtime;
}
