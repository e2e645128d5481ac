import { equalBytes, toBase64 } from "#common/bytes.js";
import { CodedError, DecodeError, InvalidInput } from "#common/errors/index.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import { acceptancePolicy } from "../app/acceptance.js";
import { Application } from "../app/app.js";
import type { DebugSwitches } from "../app/context.js";
import type { GenesisCheck } from "../app/define-service.js";
import type { GenesisInput } from "../app/genesis-input.js";
import type { ConsensusParameters } from "../app/parameters.js";
import { STATE_NAMESPACE } from "../app/state-root.js";
import { EXECUTION_ORDER, SUBSCRIPTION_ORDER } from "../services/index.js";
import type { GenesisDocument } from "./document.js";
import { genesisInput, sectionsOf } from "./start.js";

/** Why a document should not start a network. */
export interface GenesisProblem {
  /** Path of the field as it is written in the document. */
  readonly field: string;
  readonly reason: string;
}

const NANOS_PER_MS = 1_000_000n;
const MIN_CHECKPOINT_INTERVAL = 1000n;
const MIN_CHECKPOINT_CHUNK = 1n << 20n;
/** Largest block of the engine, in bytes. */
const MAX_BLOCK_SIZE = 104_857_600n;
/** Blocks of an epoch, for the age of evidence, where a mock backend has no interval. */
const MOCK_INTERVAL = 100n;

type Report = (field: string, reason: string) => void;

function checkConsensus(params: ConsensusParameters, debug: DebugSwitches, report: Report): void {
  if (params.timeoutCommit < NANOS_PER_MS && !params.skipTimeoutCommit) {
    report("params.timeout_commit", "must be at least 1 ms");
  }
  if (params.stateCheckpointInterval > 0n && !debug.dontBlameOasis) {
    if (params.stateCheckpointInterval < MIN_CHECKPOINT_INTERVAL) {
      report("params.state_checkpoint_interval", `must be at least ${MIN_CHECKPOINT_INTERVAL}`);
    }
    if (params.stateCheckpointNumKept === 0n) report("params.state_checkpoint_num_kept", "must be above zero");
    if (params.stateCheckpointChunkSize < MIN_CHECKPOINT_CHUNK) {
      report("params.state_checkpoint_chunk_size", `must be at least ${MIN_CHECKPOINT_CHUNK}`);
    }
  }
  params.publicKeyBlacklist.forEach((key, i) => {
    const repeated = params.publicKeyBlacklist.slice(0, i).some((earlier) => equalBytes(earlier, key));
    if (repeated) report(`params.public_key_blacklist[${i}]`, `repeats ${toBase64(key)}`);
    if (acceptancePolicy(debug).forbids(key))
      report(`params.public_key_blacklist[${i}]`, "is forbidden on every chain");
  });
}

/** What the engine asks of its limits, which it takes as signed numbers (consensus: CometBFT, genesis). */
function checkEngine({ consensus, staking, beacon }: GenesisDocument, debug: DebugSwitches, report: Report): void {
  const { params } = consensus;
  const { maxBlockSize, maxBlockGas, maxEvidenceSize } = params;
  if (maxBlockSize === 0n || maxBlockSize > MAX_BLOCK_SIZE) {
    report("consensus.params.max_block_size", `must be from 1 to ${MAX_BLOCK_SIZE}`);
  }
  if (BigInt.asIntN(64, maxBlockGas) < -1n) report("consensus.params.max_block_gas", `${maxBlockGas} is too much`);
  if (maxEvidenceSize > maxBlockSize) report("consensus.params.max_evidence_size", "must be at most max_block_size");
  const { backend, debugMockBackend, insecureParameters, vrfParameters } = beacon.params;
  const interval = (backend === "vrf" ? vrfParameters : insecureParameters)?.interval ?? 0n;
  const blocks = interval === 0n && debug.dontBlameOasis && debugMockBackend ? MOCK_INTERVAL : interval;
  const { debondingInterval } = staking.parameters;
  const epochs = debondingInterval === 0n && debug.dontBlameOasis ? 1n : debondingInterval;
  if (BigInt.asIntN(64, epochs * blocks) <= 0n) {
    report("staking.params.debonding_interval", "must leave time to punish evidence");
  }
}

/** The answer to a check that throws instead of reporting. */
function asProblem(field: string, error: unknown): GenesisProblem {
  if (error instanceof InvalidInput) return { field: error.field, reason: error.message.slice(error.field.length + 2) };
  if (error instanceof DecodeError) {
    return { field: error.path === "" ? field : `${field}.${error.path}`, reason: error.reason };
  }
  if (error instanceof CodedError) return { field, reason: error.message };
  throw error;
}

function checkServices(document: GenesisDocument, debug: DebugSwitches, report: Report): void {
  const section = sectionsOf(document);
  for (const service of EXECUTION_ORDER) {
    const refuse: Report = (field, reason) => report(`${service.name}.${field}`, reason);
    const check: GenesisCheck = {
      section,
      baseEpoch: document.beacon.base,
      debug,
      publicKeyBlacklist: document.consensus.params.publicKeyBlacklist,
      refuse,
      attempt(field, body) {
        try {
          body();
        } catch (error) {
          const { reason } = asProblem(field, error);
          refuse(field, reason);
        }
      },
    };
    service.genesis?.check?.(section(service.name) as never, check);
  }
}

/** Starts the document in memory: registrations, stake claims and sums are checked by the code that runs the chain. */
function tryStart(genesis: GenesisInput, debug: DebugSwitches): void {
  const db = new MemoryNodeDb(STATE_NAMESPACE);
  const app = new Application({ services: EXECUTION_ORDER, subscriptionOrder: SUBSCRIPTION_ORDER, db, genesis, debug });
  app.discard();
}

/**
 * Looks for what keeps a document from starting a sound network (consensus: genesis document, sanity). An empty list
 * means that it can start.
 * @param debug the node flags under which it would start; they allow `debug_*` parameters and test keys
 */
export function checkGenesis(document: GenesisDocument, debug: DebugSwitches): GenesisProblem[] {
  const problems: GenesisProblem[] = [];
  const report: Report = (field, reason) => void problems.push({ field, reason });
  if (document.height < 1n) report("height", `is ${document.height}, must be at least 1`);
  if (document.chainId.trim() === "") report("chain_id", "must not be empty");
  checkConsensus(document.consensus.params, debug, (field, reason) => report(`consensus.${field}`, reason));
  checkServices(document, debug, report);
  checkEngine(document, debug, report);
  if (problems.length > 0) return problems;
  try {
    tryStart(genesisInput(document), debug);
  } catch (error) {
    // Where the section has more to say, the error names the place itself.
    const placed = error instanceof DecodeError && error.path.startsWith("registry.");
    problems.push(placed ? { field: error.path, reason: error.reason } : asProblem("registry.nodes", error));
  }
  return problems;
}
