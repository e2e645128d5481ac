/** A runtime whose queries cost processor time and nothing else. */
import { hash } from "#common/hash.js";
import { defineRuntime, method, u32 } from "qanat/runtime";
import { startRuntime } from "qanat/runtime/process";

const work = method({
  args: u32,
  result: u32,
  execute(_, hashes) {
    let bytes: Uint8Array = new Uint8Array(32);
    for (let i = 0; i < hashes; i++) bytes = hash(bytes);
    return bytes[0] ?? 0;
  },
});

startRuntime(defineRuntime({ version: { major: 0, minor: 0, patch: 0 }, methods: {}, queries: { work } }));
