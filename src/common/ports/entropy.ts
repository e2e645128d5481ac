/** The entropy port: unpredictable bytes, or in a simulation bytes that follow from its seed. */
export interface Entropy {
  /** @param length number of bytes */
  bytes(length: number): Uint8Array;
}
