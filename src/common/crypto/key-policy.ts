/** Public keys whose signatures never count (common: key blacklist). */
import { fromHex, toHex } from "../bytes.js";

/** The keys behind the reserved addresses: nobody may act as the common pool, the fee accumulator and so on. */
export const RESERVED_KEYS = {
  commonPool: "1abe11edc001ffffffffffffffffffffffffffffffffffffffffffffffffffff",
  feeAccumulator: "1abe11edfeeaccffffffffffffffffffffffffffffffffffffffffffffffffff",
  governanceDeposits: "1abe11eddeaccfffffffffffffffffffffffffffffffffffffffffffffffffff",
  // Hash-to-curve of a public text; a unit test derives it again.
  burn: "8a4a49afa334bd61da65766d9b2cc8e7c263ba9a446f36e5227f3ec5c0988825",
} as const;

/** Keys whose seed anybody can compute: the test signers that the reference node carries, in its order of sources. */
export const TEST_KEYS: readonly string[] = [
  "4ea5328f943ef6f66daaed74cb0e99c3b1c45f76307b425003dbc7cb3638ed35", // "ekiden test entity key seed"
  "9d41a874b80e39a40c9644e964f0e4f967100c91654bfd7666435fe906af060f", // an old key of the insecure key manager
  "c7c277acfd0529a3495fe405cb9e1df1d8dcba490a060f5ec1d81e1ca0f84432", // "ekiden test key manager RAK seed"
  "d64294e9ef5a22b3e68b31ba2baff8a227849ecfc58c7eb57b2c9b6faed47715", // "ekiden key manager test multisig key 0"
  "ece186bd42b6007e52155c758b22cbd8308e2a346e11ec46d3ad21fa892e5b33", // "ekiden key manager test multisig key 1"
  "f384cd8b0472058f1a097a4ad0b8831619a8aeb48f17d79d3dfaf1a9d2a6c2cf", // "ekiden key manager test multisig key 2"
  "2dd4ca7b065c19014851507e2644d4f62e152dc13ab32f3241300224e4f50c6a", // "oasis-core epochtime mock key seed"
  "75da08e32ec820b4fe362b55092bc319e87c5fa47b6420357b331e98f6c0c1ba", // "__e2e-test-migration-entity"
];

/** Decides which public keys may sign at all. A value, so that two chains in one process can differ. */
export interface AcceptancePolicy {
  /** Whether every signature and proof by this key (32 bytes) is refused. */
  forbids(publicKey: Uint8Array): boolean;
}

function forbidding(keys: readonly string[]): AcceptancePolicy {
  const forbidden = new Set(keys);
  // Nearly every key differs from all of them in its first byte already.
  const first = new Set(keys.map((key) => fromHex(key)[0]));
  return { forbids: (publicKey) => first.has(publicKey[0]) && forbidden.has(toHex(publicKey)) };
}

const reserved = Object.values(RESERVED_KEYS);

/** For real chains: reserved keys and test keys are refused. This is what applies when nothing else is said. */
export const STRICT_POLICY: AcceptancePolicy = forbidding([...reserved, ...TEST_KEYS]);

/** For development chains whose entities use test keys: only the reserved keys are refused. */
export const TEST_KEYS_POLICY: AcceptancePolicy = forbidding(reserved);

/** A policy that forbids some keys (32 bytes each) besides those of another policy. */
export function alsoForbidding(policy: AcceptancePolicy, keys: readonly Uint8Array[]): AcceptancePolicy {
  const more = forbidding(keys.map((key) => toHex(key)));
  return { forbids: (publicKey) => policy.forbids(publicKey) || more.forbids(publicKey) };
}
