/** One attribute of an event: its kind and, nearly always, the base64 text of its CBOR. */
export interface EventAttribute {
  readonly key: string;
  readonly value: string;
}

/** An event as it travels in block results. */
export interface AbciEvent {
  readonly type: string;
  readonly attributes: readonly EventAttribute[];
}

/** Outcome of one transaction in a block. Code, data and gas enter the results hash. */
export interface TransactionResult {
  readonly code: number;
  readonly codespace: string;
  readonly log: string;
  readonly data: Uint8Array;
  readonly gasWanted: bigint;
  readonly gasUsed: bigint;
  readonly events: readonly AbciEvent[];
}

/** New voting power of a validator; zero removes it. */
export interface ValidatorUpdate {
  /** Ed25519 key of the consensus engine, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly power: bigint;
}
