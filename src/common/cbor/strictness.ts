/**
 * Which decoder of the reference a reader imitates (protocol: serialization, decoder modes). `extended` is the untrusted
 * one on a chain whose genesis switched an extension of the protocol on.
 */
export type Mode = "untrusted" | "extended" | "rpc" | "trusted" | "runtime";

/** What one mode accepts. */
export interface Strictness {
  /** A map key seen twice is an error; otherwise the last one wins. */
  readonly uniqueKeys: boolean;
  /** A map key that is no field of the struct is an error; otherwise it is skipped. */
  readonly knownFields: boolean;
  /** Fields of extensions are fields; otherwise their keys are unknown ones, as they are to the reference. */
  readonly extensions: boolean;
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
const STRICT = { uniqueKeys: true, knownFields: true, loose: false, maxElements: 10_000_000 } as const;

export const STRICTNESS: Readonly<Record<Mode, Strictness>> = {
  untrusted: { ...GO, ...STRICT, extensions: false },
  extended: { ...GO, ...STRICT, extensions: true },
  rpc: { ...GO, ...STRICT, knownFields: false, extensions: true },
  trusted: {
    ...GO,
    uniqueKeys: false,
    knownFields: false,
    extensions: true,
    loose: true,
    maxElements: 2_147_483_647,
  },
  runtime: { ...STRICT, extensions: true, canonical: true, maxDepth: 64 },
};
