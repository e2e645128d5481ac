import { DecodeError, CodedError } from "#common/errors/index.js";
import { type CallOptions, type Channel, type Client, createClient } from "#common/rpc/index.js";
import { Evidence } from "../block/evidence.js";
import { LightBlock } from "../block/light-block.js";
import { ProviderError } from "./errors.js";
import { lightMethods } from "./rpc.js";

/** Whoever has light blocks to show: a node over RPC, a peer. Nothing of what it shows is believed. */
export interface LightProvider {
  /** For messages and logs. */
  readonly name: string;
  /**
   * A light block.
   *
   * @param height 0 for the latest
   * @throws ProviderError
   */
  lightBlock(height: bigint): Promise<LightBlock>;
  /** Hands over evidence of misbehaviour, which a node brings before its chain. */
  reportEvidence(evidence: Evidence): Promise<void>;
}

/** Milliseconds that a node has for an answer. */
const DEFAULT_TIMEOUT_MS = 10_000;

/** The light blocks of a node that is reached over a channel. */
export class RpcProvider implements LightProvider {
  readonly name: string;
  readonly #client: Client<(typeof lightMethods)["methods"]>;
  readonly #options: CallOptions;

  /** @param options how long an answer may take: 10 seconds if absent */
  constructor(name: string, channel: Channel, options: CallOptions = {}) {
    this.name = name;
    this.#client = createClient(lightMethods, channel);
    this.#options = { timeoutMs: DEFAULT_TIMEOUT_MS, ...options };
  }

  async lightBlock(height: bigint): Promise<LightBlock> {
    const { meta } = await this.#ask(height);
    const block = this.#decode(meta);
    const header = block.signedHeader?.header;
    // For the height after the latest a node knows the validators already, but no block.
    if (header === undefined) throw this.#error("too-high", height);
    if (height !== 0n && header.height !== height) {
      throw new ProviderError("bad-block", `${this.name} answered height ${height} with ${header.height}`);
    }
    return block;
  }

  async reportEvidence(evidence: Evidence): Promise<void> {
    await this.#client.SubmitEvidence({ meta: Evidence.encode(evidence) }, this.#options);
  }

  async #ask(height: bigint): Promise<{ meta: Uint8Array }> {
    try {
      return await this.#client.GetLightBlock(height, this.#options);
    } catch (error) {
      if (error instanceof DecodeError) throw this.#error("bad-block", height, error);
      if (!(error instanceof CodedError)) throw this.#error("no-response", height, error);
      throw this.#error((await this.#isAbove(height)) ? "too-high" : "not-found", height, error);
    }
  }

  async #isAbove(height: bigint): Promise<boolean> {
    try {
      return height > (await this.#client.GetLatestHeight(null, this.#options));
    } catch {
      // It is only asked in order to tell two kinds of refusal apart.
      return false;
    }
  }

  #decode(meta: Uint8Array): LightBlock {
    try {
      return LightBlock.decode(meta);
    } catch (error) {
      throw new ProviderError("bad-block", `${this.name} sent no light block`, { cause: error });
    }
  }

  #error(problem: ProviderError["problem"], height: bigint, cause?: unknown): ProviderError {
    const what = height === 0n ? "the latest light block" : `light block ${height}`;
    const why = cause instanceof Error ? `: ${cause.message}` : "";
    return new ProviderError(problem, `${this.name} has not given ${what} (${problem})${why}`, { cause });
  }
}
