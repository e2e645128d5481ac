import { equalBytes, toHex } from "#common/bytes.js";
import { MemorySigner } from "#common/crypto/signature.js";
import { RUNTIME_HOST_PROTOCOL } from "#common/version.js";
import {
  COMPUTE_RESULTS_CONTEXT,
  ComputeResultsHeader,
  type Header,
  headerHash,
  type IncomingMessage,
  incomingMessagesHash,
  messagesHash,
} from "#consensus/services/roothash/types.js";
import { ROOT_STATE } from "#mkvs/node/root.js";
import { dispatcherErrors } from "../rhp/errors.js";
import {
  type Body,
  bodyOf,
  EXECUTION_MODE,
  RPC_KIND,
  type RuntimeCheckTxBatchRequest,
  type RuntimeExecuteTxBatchRequest,
  type RuntimeExecuteTxBatchResponse,
  type RuntimeInfoRequest,
  type RuntimeQueryRequest,
  type RuntimeRpcCallRequest,
} from "../rhp/messages/index.js";
import { IoTree } from "../transaction/io-tree.js";
import { ConsensusClient } from "./consensus-client.js";
import { ConsensusTrees } from "./consensus-state.js";
import { type BatchBasis, BatchContext } from "./context.js";
import type { RuntimeProgram } from "./define-runtime.js";
import { dispatcherError } from "./errors.js";
import type { HostPort } from "./host-port.js";
import { LocalContext, RuntimeCalls } from "./local.js";
import { deliverResults } from "./result-handlers.js";
import { sessionRefusal } from "./secure-calls.js";
import { StateStore } from "./state.js";
import {
  answerQuery,
  type BatchResult,
  checkTransaction,
  executeBatch,
  executeIncoming,
  prefetchFor,
  type ProgramSite,
  scheduleBatch,
} from "./transactions.js";
import { takeQuotePolicy, takeStatus } from "./updates.js";
import { checkTrustRoot, Verifier } from "./verifier.js";

/** What all requests have in common that are about a block. */
type Basis = Pick<RuntimeQueryRequest, "consensusBlock" | "epoch" | "maxMessages">;

/** The only consensus backend there is. */
const CONSENSUS_BACKEND = "tendermint";
/** A runtime outside of a trusted execution environment signs with a key that everybody has (runtime layer: roots). */
const INSECURE_RAK = "ekiden test key manager RAK seed";

/** Requests to a runtime and the bodies that answer them; everything is synchronous and depends on the request only. */
export class Dispatcher {
  /** Known once the host has introduced itself. */
  private site: ProgramSite | undefined;
  private consensus: ConsensusClient;
  private readonly rak = MemorySigner.fromTestName(INSECURE_RAK);

  constructor(
    private readonly program: RuntimeProgram,
    private readonly host: HostPort,
  ) {
    this.consensus = new ConsensusClient(host.ask);
  }

  /**
   * Answers one request.
   *
   * @throws CodedError whose body is the answer; any other error means that the runtime must not go on
   */
  handle(request: Body): Body {
    switch (request.type) {
      case "RuntimePingRequest":
        return bodyOf("Empty", {});
      case "RuntimeInfoRequest":
        return this.initialize(request.value);
      case "RuntimeAbortRequest":
        // As the reference's runtimes, which can stop nothing that they have begun: the host starts another instance.
        throw dispatcherErrors.methodNotSupported();
      case "RuntimeCapabilityTEERakInitRequest":
        return bodyOf("RuntimeCapabilityTEERakInitResponse", {});
      default:
        return this.handleInitialized(request, this.ready(request));
    }
  }

  private handleInitialized(request: Body, site: ProgramSite): Body {
    switch (request.type) {
      case "RuntimeCheckTxBatchRequest":
        return this.check(request.value, site);
      case "RuntimeExecuteTxBatchRequest":
        return bodyOf("RuntimeExecuteTxBatchResponse", this.execute(request.value, site));
      case "RuntimeQueryRequest":
        return this.query(request.value, site);
      case "RuntimeLocalRPCCallRequest":
        return this.callLocally(request.value.request, site);
      case "RuntimeRPCCallRequest":
        return this.call(request.value, site);
      case "RuntimeConsensusSyncRequest":
        return this.follow(request.value.height, site);
      case "RuntimeKeyManagerStatusUpdateRequest":
        return this.takeStatus(request.value.status, site);
      case "RuntimeKeyManagerQuotePolicyUpdateRequest":
        return this.takeQuotePolicy(request.value.policy, site);
      case "RuntimeNotifyRequest":
        return bodyOf("Empty", {});
      default:
        throw dispatcherErrors.methodNotSupported();
    }
  }

  /** Which requests a runtime knows of is decided before whether it is initialized. */
  private ready(request: Body): ProgramSite {
    if (!NEEDS_INFO.has(request.type)) throw dispatcherErrors.methodNotSupported();
    if (this.site === undefined) throw dispatcherErrors.hostInfoMissing();
    return this.site;
  }

  private initialize(info: RuntimeInfoRequest): Body {
    if (info.consensusBackend !== CONSENSUS_BACKEND) throw dispatcherErrors.incompatibleBackend();
    if (this.site !== undefined) throw dispatcherErrors.alreadyInitialized();
    const { program } = this;
    const { runtimeId, consensusChainContext: chainContext } = info;
    if (program.trustRoot !== undefined) {
      const { ask, entropy } = this.host;
      checkTrustRoot(program.trustRoot, runtimeId, chainContext);
      if (ask === undefined) throw dispatcherError("a trust root needs a host that shows the consensus layer");
      this.consensus = new Verifier(program.trustRoot, ask, new ConsensusTrees(ask), entropy);
    }
    this.site = { program, target: { runtimeId, chainContext } };
    return bodyOf("RuntimeInfoResponse", {
      protocolVersion: RUNTIME_HOST_PROTOCOL,
      runtimeVersion: program.version,
      features: {
        scheduleControl: { initialBatchSize: program.maxBatchSize },
        keyManagerQuotePolicyUpdates: true,
        keyManagerStatusUpdates: true,
        endorsedCapabilityTee: true,
      },
    });
  }

  private open(basis: BatchBasis): BatchContext {
    const { header, runtimeId } = basis;
    if (!equalBytes(header.namespace, runtimeId)) {
      throw dispatcherError(
        "block namespace does not match runtime id " +
          `(namespace: ${toHex(header.namespace)} runtime ID: ${toHex(runtimeId)})`,
      );
    }
    const store = new StateStore(this.host.openTree(stateRootOf(header)));
    return new BatchContext(basis, store, this.program.keepRefused);
  }

  private check(request: RuntimeCheckTxBatchRequest, site: ProgramSite): Body {
    const { header } = request.block;
    const ctx = this.open({ ...this.basisOf(request, header, site), mode: "check", roundResults: null });
    const results = (request.inputs ?? []).map((input) => checkTransaction(site, ctx, input));
    return bodyOf("RuntimeCheckTxBatchResponse", { results });
  }

  private query(request: RuntimeQueryRequest, site: ProgramSite): Body {
    const ctx = this.open({ ...this.basisOf(request, request.header, site), mode: "query", roundResults: null });
    return bodyOf("RuntimeQueryResponse", { data: answerQuery(this.program, ctx, request.method, request.args) });
  }

  /** What a request is based on, as its host says; the consensus block is at least well formed. */
  private basisOf(request: Basis, header: Header, { target }: ProgramSite): Omit<BatchBasis, "mode" | "roundResults"> {
    const { consensus } = this;
    const { consensusBlock: block, epoch, maxMessages } = request;
    return {
      runtimeId: target.runtimeId,
      header,
      epoch,
      maxMessages,
      consensusHeight: block.height,
      consensus: consensus.claimed(block),
      verifyConsensus: () => consensus.verifyForQuery({ block, header, epoch }),
      consensusEvents: (source, height) => consensus.eventsAt(height, source),
    };
  }

  private callLocally(request: Uint8Array, site: ProgramSite): Body {
    return bodyOf("RuntimeLocalRPCCallResponse", { response: this.callsInto(site).answerLocal(request) });
  }

  private call({ request, kind = RPC_KIND.noiseSession }: RuntimeRpcCallRequest, site: ProgramSite): Body {
    if (kind === RPC_KIND.localQuery) return this.callLocally(request, site);
    if (kind === RPC_KIND.noiseSession) throw sessionRefusal(request);
    return bodyOf("RuntimeRPCCallResponse", { response: this.callsInto(site).answerInsecure(request) });
  }

  private callsInto(site: ProgramSite): RuntimeCalls {
    return new RuntimeCalls(this.program.localMethods, () => this.localContext(site));
  }

  private localContext({ target }: ProgramSite): LocalContext {
    const { ask } = this.host;
    if (ask === undefined) throw dispatcherErrors.methodNotSupported();
    return new LocalContext(target.runtimeId, ask, this.consensus);
  }

  private follow(height: bigint, site: ProgramSite): Body {
    this.consensus.sync(height);
    const { consensusBlock } = this.program.observe;
    consensusBlock?.(this.localContext(site), height);
    return bodyOf("RuntimeConsensusSyncResponse", {});
  }

  private takeStatus(encoded: Uint8Array, site: ProgramSite): Body {
    const status = takeStatus(this.consensus, site.target.runtimeId, encoded);
    const { keyManagerStatus } = this.program.observe;
    keyManagerStatus?.(this.localContext(site), status);
    return bodyOf("RuntimeKeyManagerStatusUpdateResponse", {});
  }

  private takeQuotePolicy(encoded: Uint8Array, site: ProgramSite): Body {
    const policy = takeQuotePolicy(this.consensus, site.target.runtimeId, encoded);
    const { keyManagerQuotePolicy } = this.program.observe;
    keyManagerQuotePolicy?.(this.localContext(site), policy);
    return bodyOf("RuntimeKeyManagerQuotePolicyUpdateResponse", {});
  }

  private execute(request: RuntimeExecuteTxBatchRequest, site: ProgramSite): RuntimeExecuteTxBatchResponse {
    const { epoch, roundResults, block, consensusBlock } = request;
    const { program } = this;
    const { header } = block;
    const verified = this.consensus.verify({ block: consensusBlock, header, epoch });
    const confirmed = { consensus: verified, verifyConsensus: () => verified };
    const ctx = this.open({ ...this.basisOf(request, header, site), ...confirmed, mode: "execute", roundResults });
    const inputs = request.inputs ?? [];
    prefetchFor(site, ctx, inputs);
    deliverResults(ctx, program.resultHandlers);
    program.beginBlock(ctx);
    const taken = executeIncoming(site, ctx, request.inMsgs);
    const result =
      request.mode === EXECUTION_MODE.schedule
        ? scheduleBatch(site, ctx, inputs, (limit) => this.moreTransactions(limit))
        : executeBatch(site, ctx, inputs);
    program.endBlock(ctx);
    return this.conclude(request, ctx, result, request.inMsgs.slice(0, taken));
  }

  /** Hosts ignore where we are in their queue: they go on where they stopped. */
  private moreTransactions(limit: number): readonly Uint8Array[] {
    return this.host.ask?.("HostFetchTxBatchRequest", { offset: new Uint8Array(0), limit }).batch ?? [];
  }

  /** Commits state, builds the I/O tree and signs the results (runtime layer: batch order in the runtime). */
  private conclude(
    request: RuntimeExecuteTxBatchRequest,
    ctx: BatchContext,
    result: BatchResult,
    taken: IncomingMessage[],
  ): RuntimeExecuteTxBatchResponse {
    const { header } = request.block;
    const state = ctx.state.finish();
    this.host.executed?.(ctx.state.tree);
    const io = new IoTree();
    const txHashes = result.inputs.map((input, i) => io.addInput(input, i));
    const proposed = io.commit();
    if (request.mode === EXECUTION_MODE.execute && !equalBytes(proposed.root, request.ioRoot)) {
      throw dispatcherError("I/O root inconsistent with inputs");
    }
    result.results.forEach(({ output, tags }, i) => io.addOutput(txHashes[i] as Uint8Array, output, tags));
    io.addBlockTags(ctx.tags);
    const executed = io.commit();
    const results: ComputeResultsHeader = {
      round: ctx.round,
      previousHash: headerHash(header),
      ioRoot: executed.root,
      stateRoot: state.root,
      messagesHash: messagesHash(ctx.messages),
      inMessagesHash: incomingMessagesHash(taken),
      inMessagesCount: taken.length,
    };
    return {
      batch: {
        header: results,
        ioWriteLog: executed.writeLog,
        stateWriteLog: state.writeLog,
        rakSig: this.rak.sign(COMPUTE_RESULTS_CONTEXT, ComputeResultsHeader.encode(results)),
        messages: ctx.messages,
      },
      txHashes,
      txRejectHashes: [...result.rejected],
      txInputRoot: proposed.root,
      txInputWriteLog: proposed.writeLog,
    };
  }
}

/** Requests that a runtime carries out once it knows its host. */
const NEEDS_INFO: ReadonlySet<Body["type"]> = new Set<Body["type"]>([
  "RuntimeCheckTxBatchRequest",
  "RuntimeExecuteTxBatchRequest",
  "RuntimeQueryRequest",
  "RuntimeRPCCallRequest",
  "RuntimeLocalRPCCallRequest",
  "RuntimeConsensusSyncRequest",
  "RuntimeKeyManagerStatusUpdateRequest",
  "RuntimeKeyManagerQuotePolicyUpdateRequest",
  "RuntimeNotifyRequest",
]);

function stateRootOf(header: Header): { namespace: Uint8Array; version: bigint; type: number; hash: Uint8Array } {
  return { namespace: header.namespace, version: header.round, type: ROOT_STATE, hash: header.stateRoot };
}
