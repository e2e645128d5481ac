import { Fault } from "#common/errors/index.js";
import type { Log } from "#common/ports/log.js";
import { checkLightBlock, type CompleteLightBlock } from "../block/light-block.js";
import { VerificationError } from "../block/verification-error.js";
import { ProviderError } from "./errors.js";
import type { LightProvider } from "./provider.js";

/** Who shows blocks to a client: one is followed, the others are asked whether they see the same. */
export class Providers {
  readonly #chainId: string;
  readonly #log: Log | undefined;
  #primary: LightProvider;
  #witnesses: readonly LightProvider[];

  constructor(chainId: string, primary: LightProvider, witnesses: readonly LightProvider[], log: Log | undefined) {
    this.#chainId = chainId;
    this.#primary = primary;
    this.#witnesses = witnesses;
    this.#log = log;
  }

  get primary(): LightProvider {
    return this.#primary;
  }

  get witnesses(): readonly LightProvider[] {
    return this.#witnesses;
  }

  /**
   * A block of one provider, of which only the form is checked.
   *
   * @param height 0 for the latest
   * @throws ProviderError
   */
  async fetch(provider: LightProvider, height: bigint): Promise<CompleteLightBlock> {
    const block = await provider.lightBlock(height);
    try {
      const checked = checkLightBlock(this.#chainId, block);
      if (height === 0n || checked.header.height === height) return checked;
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error;
      const message = `${provider.name} sent a light block that is none: ${error.message}`;
      throw new ProviderError("bad-block", message, { cause: error });
    }
    throw new ProviderError("bad-block", `${provider.name} sent a light block of another height than ${height}`);
  }

  /**
   * A block of the primary. When it has none a witness that has takes its place.
   *
   * @throws ProviderError of the first primary, when nobody has the block
   */
  async fetchFromPrimary(height: bigint): Promise<CompleteLightBlock> {
    let first: ProviderError | undefined;
    for (const provider of [this.#primary, ...this.#witnesses]) {
      try {
        const block = await this.fetch(provider, height);
        this.#promote(provider);
        return block;
      } catch (error) {
        if (!(error instanceof ProviderError)) throw error;
        first ??= error;
        this.#log?.warn("a provider of light blocks failed", { provider: provider.name, reason: error.message });
        if (error.problem === "bad-block") this.drop(provider);
      }
    }
    throw first ?? new Fault("a light client has no provider");
  }

  /**
   * Never asks a provider again.
   *
   * @returns whether one is left to follow; the last one is never dropped, so that a later attempt can go on
   */
  drop(provider: LightProvider): boolean {
    if (provider !== this.#primary) {
      this.#witnesses = this.#witnesses.filter((witness) => witness !== provider);
      return true;
    }
    const [next, ...rest] = this.#witnesses;
    if (next === undefined) return false;
    this.#log?.warn("a provider of light blocks is not followed any more", { provider: provider.name });
    this.#primary = next;
    this.#witnesses = rest;
    return true;
  }

  #promote(provider: LightProvider): void {
    if (provider === this.#primary) return;
    this.#witnesses = [...this.#witnesses.filter((witness) => witness !== provider), this.#primary];
    this.#primary = provider;
  }
}
