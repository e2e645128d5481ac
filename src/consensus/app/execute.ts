import { CodedError, DecodeError, unknown, UNKNOWN_MODULE } from "#common/errors/index.js";
import { addressFromPublicKey } from "#common/address.js";
import { consensusErrors, transactionErrors } from "../transaction/errors.js";
import { gasPrice } from "../transaction/gas.js";
import type { TransactionResult } from "../transaction/results.js";
import { METHOD_META, type OpenedTransaction, openTransaction, type Transaction } from "../transaction/transaction.js";
import type { Context, Environment } from "./context.js";
import type { AuthHandler, Service, TransactionMethod } from "./define-service.js";
import { type ConsensusParameters, GasCostTable } from "./parameters.js";
import { processSystemTransaction } from "./system-tx.js";

/** Gas operation charged per byte of a raw transaction. */
const GAS_OP_TX_BYTE = "tx_byte";
const NO_COSTS = GasCostTable.zero();

/** A method and the service that owns it. */
interface Route {
  readonly service: Service;
  readonly method: TransactionMethod;
}

/** Finds methods by name; built once from the list of services. */
export class Router {
  private readonly routes = new Map<string, Route>();
  /** Names of all methods, in order of registration. */
  readonly methods: readonly string[];
  readonly auth: AuthHandler | undefined;

  constructor(services: readonly Service[]) {
    const methods: string[] = [];
    for (const service of services) {
      for (const method of service.transactions) {
        this.routes.set(method.method, { service, method });
        methods.push(method.method);
      }
    }
    this.methods = methods;
    this.auth = services.find((service) => service.auth !== undefined)?.auth;
  }

  /** Priority of a method in the pool; 0 for unknown ones. */
  priorityOf(name: string): bigint {
    return this.routes.get(name)?.service.priority(name) ?? 0n;
  }

  /** The route of a method; a disabled method or service counts as unknown (consensus: execution order, step 5). */
  resolve(ctx: Context, name: string): Route {
    const route = this.routes.get(name);
    const isThere = route?.service.enabled?.(ctx) !== false && route?.method.enabled?.(ctx) !== false;
    if (route === undefined || !isThere) throw unknown(`mux: unknown method: ${name}`);
    return route;
  }
}

/**
 * Steps 4 to 10 of the execution order: system methods, routing, authentication, gas by size, gas price, the method,
 * and the fee in the check state.
 * @param size bytes of the raw transaction
 */
export function processTransaction(ctx: Context, router: Router, tx: Transaction, size: number): void {
  if (tx.method === METHOD_META) {
    processSystemTransaction(ctx, tx);
    return;
  }
  const { method } = router.resolve(ctx, tx.method);
  router.auth?.authenticate(ctx, tx);
  const params = ctx.env.parameters;
  ctx.gas.use(BigInt(size), GAS_OP_TX_BYTE, params.gasCosts ?? NO_COSTS);
  if (params.minGasPrice > 0n && !ctx.isSimulation) {
    if (tx.fee === undefined || gasPrice(tx.fee) < params.minGasPrice) throw transactionErrors.gasPriceTooLow();
  }
  method.run(ctx, tx.body);
  if (!ctx.isCheckTx) return;
  router.auth?.afterCheck(ctx, tx);
  ctx.env.checked(tx);
}

function checkSize(params: ConsensusParameters, size: number): void {
  if (params.maxTxSize > 0n && BigInt(size) > params.maxTxSize) {
    throw consensusErrors.oversizedTx(`${size} bytes, max_tx_size ${params.maxTxSize}`);
  }
}

/**
 * Steps 1 and 2 of the execution order: size, envelope, signature.
 * @throws CodedError, DecodeError
 */
export function openRaw(env: Environment, rawTransaction: Uint8Array): OpenedTransaction {
  checkSize(env.parameters, rawTransaction.length);
  const known = pooled.get(env)?.get(rawTransaction);
  if (known !== undefined) return known;
  return openTransaction(rawTransaction, env.chainContext, env.policy);
}

/** Transactions that an application opened for its pool: the proposer meets the very same bytes again. */
const pooled = new WeakMap<Environment, WeakMap<Uint8Array, OpenedTransaction>>();

/** `openRaw` of a transaction that is likely to be executed soon, from the same array of bytes. */
export function openForPool(env: Environment, rawTransaction: Uint8Array): OpenedTransaction {
  const opened = openRaw(env, rawTransaction);
  const known = pooled.get(env) ?? new WeakMap<Uint8Array, OpenedTransaction>();
  pooled.set(env, known.set(rawTransaction, opened));
  return opened;
}

/** Transactions of pools that no block may hold. */
const banished = new WeakSet<OpenedTransaction>();

/** Has the pool's next check of a transaction fail: a block with it is refused by everybody. */
export function banish(env: Environment, rawTransaction: Uint8Array): void {
  const opened = pooled.get(env)?.get(rawTransaction);
  if (opened !== undefined) banished.add(opened);
}

/** Turns what a transaction threw into a protocol answer; faults and bugs go on upwards and stop the node. */
export function toCodedError(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  if (error instanceof DecodeError) return new CodedError(UNKNOWN_MODULE, 1, error.message);
  throw error;
}

/** Runs one raw transaction in a context and reports its result. */
export function executeTransaction(ctx: Context, router: Router, rawTransaction: Uint8Array): TransactionResult {
  return report(ctx, () => {
    const { tx, signer } = openRaw(ctx.env, rawTransaction);
    ctx.setSigner(signer, addressFromPublicKey(signer));
    processTransaction(ctx, router, tx, rawTransaction.length);
  });
}

/**
 * Checks a transaction for the pool.
 * @param open gives the transaction, which may have been opened before; throws what opening throws
 * @param size bytes of the raw transaction
 * @param upgrading whether an upgrade keeps transactions out of the pool (step 3; only in CheckTx)
 */
export function checkTransaction(
  ctx: Context,
  router: Router,
  open: () => OpenedTransaction,
  size: number,
  upgrading: boolean,
): TransactionResult {
  return report(ctx, () => {
    checkSize(ctx.env.parameters, size);
    const opened = open();
    if (banished.has(opened)) throw consensusErrors.invalidArgument("no block may hold the transaction");
    const { tx, signer } = opened;
    ctx.setSigner(signer, addressFromPublicKey(signer));
    if (upgrading) throw transactionErrors.upgradePending();
    processTransaction(ctx, router, tx, size);
  });
}

function report(ctx: Context, run: () => void): TransactionResult {
  let failure: CodedError | undefined;
  try {
    run();
  } catch (error) {
    failure = toCodedError(error);
  }
  return {
    code: failure?.code ?? 0,
    codespace: failure?.module ?? "",
    log: failure?.message ?? "",
    data: failure === undefined ? ctx.data : new Uint8Array(0),
    // Results carry signed numbers: the largest limits turn negative (consensus: transactions, result).
    gasWanted: BigInt.asIntN(64, ctx.gas.wanted),
    gasUsed: BigInt.asIntN(64, ctx.gas.used),
    events: ctx.emitted,
  };
}
