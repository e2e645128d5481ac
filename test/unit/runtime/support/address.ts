export const ADDRESS_ZERO: Uint8Array = new Uint8Array(21);
