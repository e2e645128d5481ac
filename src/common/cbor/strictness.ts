/** Which decoder of the reference a reader imitates (protocol: serialization, decoder modes). */
export type Mode = "untrusted" | "rpc" | "trusted" | "runtime";

/** What one mode accepts. */
export interface Strictness {
  /** A map key seen twice is an error; otherwise the last one wins. */
  readonly uniqueKeys: boolean;
  /** A map key that is no field of the struct is an error; otherwise it is skipped. */
  readonly knownFields: boolean;
  /** Tags and indefinite lengths are accepted. */
  readonly loose: boolean;
  /** Shortest heads, sorted unique keys, no trailing bytes, exact field names, no array in place of bytes. */
  readonly canonical: boolean;
  /** Most entries of one array or map. */
  readonly maxElements: number;
  /** Deepest nesting of arrays, maps and tags. */
  readonly maxDepth: number;
}

const GO = { canonical: false, maxDepth: 32 } as const;

export const STRICTNESS: Readonly<Record<Mode, Strictness>> = {
  untrusted: { ...GO, uniqueKeys: true, knownFields: true, loose: false, maxElements: 10_000_000 },
  rpc: { ...GO, uniqueKeys: true, knownFields: false, loose: false, maxElements: 10_000_000 },
  trusted: { ...GO, uniqueKeys: false, knownFields: false, loose: true, maxElements: 2_147_483_647 },
  runtime: {
    uniqueKeys: true,
    knownFields: true,
    loose: false,
    canonical: true,
    maxElements: 10_000_000,
    maxDepth: 64,
  },
};
