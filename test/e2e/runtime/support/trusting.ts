/** The key-value runtime for one chain: which, its author says by way of the environment. */
import { defineRuntime } from "qanat/runtime";
import { startRuntime } from "qanat/runtime/process";
import { keyValue } from "../../../../examples/kv/kv.ts";

const { TRUSTED_HASH: hash = "", TRUSTED_CHAIN: chainContext = "" } = process.env;

startRuntime(
  defineRuntime({ ...keyValue, trustRoot: { height: 1n, hash, chainContext, runtimeId: `80${"00".repeat(31)}` } }),
);
