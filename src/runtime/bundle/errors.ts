/** A bundle that is not what it says, or that a node does not take (runtime bundles). */
export class BundleRefused extends Error {
  constructor(reason: string) {
    super(`bundle refused: ${reason}`);
    this.name = "BundleRefused";
  }
}

/**
 * Refuses a bundle unless a condition holds.
 * @throws BundleRefused with the reason
 */
export function demandBundle(ok: boolean, reason: string): asserts ok {
  if (!ok) throw new BundleRefused(reason);
}
