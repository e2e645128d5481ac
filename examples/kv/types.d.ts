import type { RuntimeProgram } from "qanat/runtime";

/** Keeps texts under texts. Transactions are calls `{sender, nonce, method, args}` that nobody signs: for tests only. */
export declare const keyValue: RuntimeProgram;
