import { equalBytes, toHex } from "#common/bytes.js";
import { MemorySigner } from "#common/crypto/signature.js";
import { CodedError } from "#common/errors/index.js";
import { RUNTIME_HOST_PROTOCOL } from "#common/version.js";
import {
  COMPUTE_RESULTS_CONTEXT,
  ComputeResultsHeader,
  type Header,
  headerHash,
  incomingMessagesHash,
  messagesHash,
} from "#consensus/services/roothash/types.js";
import { ROOT_STATE } from "#mkvs/node/root.js";
import { dispatcherErrors } from "../rhp/errors.js";
import {
  type Body,
  bodyOf,
  EXECUTION_MODE,
  type RuntimeCheckTxBatchRequest,
  type RuntimeExecuteTxBatchRequest,
  type RuntimeExecuteTxBatchResponse,
  type RuntimeInfoRequest,
  type RuntimeQueryRequest,
} from "../rhp/messages/index.js";
import { IoTree } from "../transaction/io-tree.js";
import { type BatchBasis, BatchContext } from "./context.js";
import type { RuntimeProgram } from "./define-runtime.js";
import type { HostPort } from "./host-port.js";
import { StateStore } from "./state.js";
import {
  answerQuery,
  type BatchResult,
  checkTransaction,
  executeBatch,
  executeIncoming,
  scheduleBatch,
} from "./transactions.js";

/** The only consensus backend there is. */
const CONSENSUS_BACKEND = "tendermint";
/** A runtime outside of a trusted execution environment signs with a key that everybody has (runtime layer: roots). */
const INSECURE_RAK = "ekiden test key manager RAK seed";

/** Requests to a runtime and the bodies that answer them; everything is synchronous and depends on the request only. */
export class Dispatcher {
  private runtimeId: Uint8Array | undefined;
  private readonly rak = MemorySigner.fromTestName(INSECURE_RAK);

  constructor(
    private readonly program: RuntimeProgram,
    private readonly host: HostPort,
  ) {}

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
        // Requests are worked on one after the other and to their end, so there is nothing left to abort.
        return bodyOf("RuntimeAbortResponse", {});
      case "RuntimeCapabilityTEERakInitRequest":
        return bodyOf("RuntimeCapabilityTEERakInitResponse", {});
      default:
        return this.handleInitialized(request, this.ready(request));
    }
  }

  private handleInitialized(request: Body, runtimeId: Uint8Array): Body {
    switch (request.type) {
      case "RuntimeCheckTxBatchRequest":
        return this.check(request.value, runtimeId);
      case "RuntimeExecuteTxBatchRequest":
        return bodyOf("RuntimeExecuteTxBatchResponse", this.execute(request.value, runtimeId));
      case "RuntimeQueryRequest":
        return this.query(request.value, runtimeId);
      case "RuntimeConsensusSyncRequest":
        // Without a trust root there is no verifier whose view could advance.
        return bodyOf("RuntimeConsensusSyncResponse", {});
      case "RuntimeKeyManagerStatusUpdateRequest":
        return bodyOf("RuntimeKeyManagerStatusUpdateResponse", {});
      case "RuntimeKeyManagerQuotePolicyUpdateRequest":
        return bodyOf("RuntimeKeyManagerQuotePolicyUpdateResponse", {});
      case "RuntimeNotifyRequest":
        return bodyOf("Empty", {});
      default:
        throw dispatcherErrors.methodNotSupported();
    }
  }

  /** Which requests a runtime knows of is decided before whether it is initialized. */
  private ready(request: Body): Uint8Array {
    if (!NEEDS_INFO.has(request.type)) throw dispatcherErrors.methodNotSupported();
    if (this.runtimeId === undefined) throw dispatcherErrors.hostInfoMissing();
    return this.runtimeId;
  }

  private initialize(info: RuntimeInfoRequest): Body {
    if (info.consensusBackend !== CONSENSUS_BACKEND) throw dispatcherErrors.incompatibleBackend();
    if (this.runtimeId !== undefined) throw dispatcherErrors.alreadyInitialized();
    this.runtimeId = info.runtimeId;
    return bodyOf("RuntimeInfoResponse", {
      protocolVersion: RUNTIME_HOST_PROTOCOL,
      runtimeVersion: this.program.version,
      features: {
        scheduleControl: { initialBatchSize: this.program.maxBatchSize },
        keyManagerQuotePolicyUpdates: true,
        keyManagerStatusUpdates: true,
        endorsedCapabilityTee: true,
      },
    });
  }

  private open(basis: BatchBasis): BatchContext {
    const { header, runtimeId } = basis;
    if (!equalBytes(header.namespace, runtimeId)) {
      throw new CodedError(
        "dispatcher",
        1,
        "block namespace does not match runtime id " +
          `(namespace: ${toHex(header.namespace)} runtime ID: ${toHex(runtimeId)})`,
      );
    }
    return new BatchContext(basis, new StateStore(this.host.openTree(stateRootOf(header))));
  }

  private check(request: RuntimeCheckTxBatchRequest, runtimeId: Uint8Array): Body {
    const { epoch, maxMessages, block } = request;
    const ctx = this.open({ runtimeId, header: block.header, epoch, maxMessages, roundResults: null });
    const results = (request.inputs ?? []).map((input) => checkTransaction(this.program, ctx, input));
    return bodyOf("RuntimeCheckTxBatchResponse", { results });
  }

  private query(request: RuntimeQueryRequest, runtimeId: Uint8Array): Body {
    const { header, epoch, maxMessages } = request;
    const ctx = this.open({ runtimeId, header, epoch, maxMessages, roundResults: null });
    return bodyOf("RuntimeQueryResponse", { data: answerQuery(this.program, ctx, request.method, request.args) });
  }

  private execute(request: RuntimeExecuteTxBatchRequest, runtimeId: Uint8Array): RuntimeExecuteTxBatchResponse {
    const { epoch, maxMessages, roundResults, block } = request;
    const { program } = this;
    const ctx = this.open({ runtimeId, header: block.header, epoch, maxMessages, roundResults });
    program.beginBlock(ctx);
    executeIncoming(program, ctx, request.inMsgs);
    const run = request.mode === EXECUTION_MODE.schedule ? scheduleBatch : executeBatch;
    const result = run(program, ctx, request.inputs ?? []);
    program.endBlock(ctx);
    return this.conclude(request, ctx, result);
  }

  /** Commits state, builds the I/O tree and signs the results (runtime layer: batch order in the runtime). */
  private conclude(
    request: RuntimeExecuteTxBatchRequest,
    ctx: BatchContext,
    result: BatchResult,
  ): RuntimeExecuteTxBatchResponse {
    const { header } = request.block;
    const state = ctx.state.finish();
    this.host.executed?.(ctx.state.tree);
    const io = new IoTree();
    const txHashes = result.inputs.map((input, i) => io.addInput(input, i));
    const proposed = io.commit();
    if (request.mode === EXECUTION_MODE.execute && !equalBytes(proposed.root, request.ioRoot)) {
      throw new CodedError("dispatcher", 1, "I/O root inconsistent with inputs");
    }
    result.results.forEach(({ output, tags }, i) => io.addOutput(txHashes[i] as Uint8Array, output, tags));
    const executed = io.commit();
    const results: ComputeResultsHeader = {
      round: ctx.round,
      previousHash: headerHash(header),
      ioRoot: executed.root,
      stateRoot: state.root,
      messagesHash: messagesHash(ctx.messages),
      inMessagesHash: incomingMessagesHash(request.inMsgs),
      inMessagesCount: request.inMsgs.length,
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
  "RuntimeConsensusSyncRequest",
  "RuntimeKeyManagerStatusUpdateRequest",
  "RuntimeKeyManagerQuotePolicyUpdateRequest",
  "RuntimeNotifyRequest",
]);

function stateRootOf(header: Header): { namespace: Uint8Array; version: bigint; type: number; hash: Uint8Array } {
  return { namespace: header.namespace, version: header.round, type: ROOT_STATE, hash: header.stateRoot };
}
