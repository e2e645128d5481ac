import { Cancellation } from "#common/cancellation.js";
import type { Channel } from "#common/rpc/index.js";
import type { BuiltNetwork } from "../../../interop/support/network.ts";

/** Calls a node's handler as a client would; streams are refused. */
export function unaryChannel({ handler }: BuiltNetwork): Channel {
  return {
    unary(path, request, { cancellation = new Cancellation().token }) {
      const answer = handler.handle(path, request, { cancellation });
      if (answer.kind === "stream") throw new TypeError(`${path} is a stream`);
      return answer.result;
    },
    stream: () => {
      throw new TypeError("no streams here");
    },
  };
}
