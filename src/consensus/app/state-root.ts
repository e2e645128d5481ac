/** Consensus state lives in the all-zero namespace. */
export const STATE_NAMESPACE: Uint8Array = new Uint8Array(32);
/** Root type of state trees. */
export const STATE_ROOT = 1;
