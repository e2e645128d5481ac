/** Off-chain logic in a process of its own: whenever somebody inserts "hello", it inserts what it has heard. */
import { fromUtf8, toHex } from "qanat/runtime";
import { defineComponent, onTag } from "qanat/runtime/component";
import { startComponent } from "qanat/runtime/process";
import { insertCall } from "./hosted.ts";

let nonce = 0;

startComponent(
  defineComponent({
    version: { major: 0, minor: 3, patch: 0 },
    events: [
      onTag({
        tag: "kv_insertion.hello",
        async handle(host, found) {
          // Members of a committee all have one: each is a sender of its own.
          const sender = toHex(await host.nodeId());
          const heard = found.map(({ value }) => `kv_insertion.hello${fromUtf8(value)}`).join();
          await host.submit(insertCall(sender, nonce++, "heard", heard));
        },
      }),
    ],
  }),
);
