/** The key-value runtime as version 1.0.0, which says so in its state. */
import { defineRuntime } from "qanat/runtime";
import { startRuntime } from "qanat/runtime/process";
import { keyValue } from "../../../../examples/kv/kv.ts";

startRuntime(
  defineRuntime({
    ...keyValue,
    version: { major: 1, minor: 0, patch: 0 },
    beginBlock(ctx) {
      keyValue.beginBlock(ctx);
      ctx.state.putText("made by", "1.0.0");
    },
  }),
);
