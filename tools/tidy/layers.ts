/** What each layer may import. A layer imports every layer of a lower rank; two of one rank never import each other. */
export interface Layer {
  readonly rank: number;
  /** npm packages (by name; an ending `/*` means a whole scope). They are not in package.json per layer, so here. */
  readonly packages: readonly string[];
  /** Whether `node:` builtins may be used. */
  readonly builtins: boolean;
}

const pure = (rank: number, packages: readonly string[] = []): Layer => ({ rank, packages, builtins: false });

export const LAYERS: Readonly<Record<string, Layer>> = {
  common: pure(1, ["@noble/ciphers", "@noble/curves", "@noble/hashes", "@scure/base", "@scure/bip39"]),
  mkvs: pure(2),
  p2p: pure(3),
  consensus: pure(4),
  runtime: pure(5),
  worker: pure(6),
  sdk: pure(6),
  node: pure(7),
  network: pure(8),
  platform: {
    rank: 9,
    packages: [
      "@grpc/grpc-js",
      "lmdb",
      "sodium-native",
      "@noble/ciphers",
      "@noble/curves",
      "@noble/hashes",
      "prom-client",
      "yauzl",
      "yazl",
    ],
    builtins: true,
  },
  sim: pure(9),
  web: pure(9),
  cli: { rank: 10, packages: ["commander", "esbuild", "picocolors", "@qanat/example-kv"], builtins: true },
};

/**
 * The order inside `consensus`, by first folder or file. `app` stands below `services`: it is handed the list of
 * services and never imports one.
 */
export const CONSENSUS_ORDER: Readonly<Record<string, number>> = {
  transaction: 1,
  block: 1,
  app: 2,
  services: 3,
  genesis: 4,
  checkpoints: 5,
  light: 5,
  backends: 6,
  submission: 7,
  "transaction-proofs": 8,
  replay: 7,
  rpc: 7,
  watch: 7,
};

/** Services from left to right: the lower half of one imports only lower halves to its left. */
export const SERVICES: readonly string[] = [
  "beacon",
  "staking",
  "scheduler",
  "registry",
  "governance",
  "roothash",
  "keymanager",
  "vault",
  "upgrades",
];

/** Nouns: what other services may import. A slot that outgrows one file becomes a folder of the same name. */
export const LOWER_SLOTS: readonly string[] = ["types", "errors", "params", "state", "events", "rpc"];

/** Verbs: what only the service's own index and its own upper half import. */
export const UPPER_SLOTS: readonly string[] = ["transactions", "block", "messages", "genesis", "queries", "logic"];

/** Folders whose code every node must run with the same result, to the last bit. */
export const DETERMINISTIC: readonly string[] = [
  "src/consensus/app/",
  "src/consensus/services/",
  "src/mkvs/tree/",
  "src/runtime/kit/",
];

/** Where files that nothing imports are entered from, beside package.json's exports and `#kernels`. */
export const ENTRIES: readonly RegExp[] = [
  /^src\/cli\/main\.ts$/,
  /^test\//,
  /^bench\//,
  /^tools\//,
  /^examples\//,
  /^vitest\.config\.ts$/,
];

export const MAX_FILE_LINES = 400;
export const MAX_FUNCTION_LINES = 80;
