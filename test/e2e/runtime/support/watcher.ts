/** Off-chain logic in a process of its own: whenever somebody inserts "hello", it inserts what it has heard. */
import { connect } from "node:net";
import { fromUtf8, toHex, utf8 } from "#common/bytes.js";
import { systemClock } from "#platform/clock.js";
import { socketDuplex } from "#platform/streams-unix.js";
import { Connection } from "#runtime/rhp/connection.js";
import { type Body, bodyOf } from "#runtime/rhp/messages/index.js";
import { ComponentConfig, CONFIG_QUERY } from "#worker/component/notifications.js";
import { insertCall } from "./hosted.ts";

const log = { debug: ignore, info: ignore, warn: complain, error: complain, child: () => log };
const WANTED = { blocks: false, events: [utf8("kv_insertion.hello")] };
let runtimeId: Uint8Array = new Uint8Array(32);
let nonce = 0;

function ignore(): void {
  // Nobody reads it.
}

function complain(message: string, fields?: object): void {
  process.stderr.write(`${message} ${JSON.stringify(fields)}\n`);
}

async function answer(request: Body): Promise<Body> {
  switch (request.type) {
    case "RuntimeInfoRequest":
      runtimeId = request.value.runtimeId;
      return bodyOf("RuntimeInfoResponse", {
        protocolVersion: { major: 5, minor: 1, patch: 0 },
        runtimeVersion: { major: 0, minor: 3, patch: 0 },
        features: { keyManagerQuotePolicyUpdates: false, keyManagerStatusUpdates: false, endorsedCapabilityTee: false },
      });
    case "RuntimeQueryRequest":
      if (request.value.method !== CONFIG_QUERY) return bodyOf("Empty", {});
      return bodyOf("RuntimeQueryResponse", { data: ComponentConfig.encode({ notifications: WANTED }) });
    case "RuntimeConsensusSyncRequest":
      return bodyOf("RuntimeConsensusSyncResponse", {});
    case "RuntimeNotifyRequest":
      void heard(request.value.runtimeEvent?.tags ?? []);
      return bodyOf("Empty", {});
    default:
      return bodyOf("Empty", {});
  }
}

async function heard(tags: readonly Uint8Array[]): Promise<void> {
  // Members of a committee all have one: each is a sender of its own.
  const { nodeId } = await host.call("HostIdentityRequest", {}, 60_000);
  const data = insertCall(toHex(nodeId), nonce++, "heard", tags.map(fromUtf8).join());
  await host.call("HostSubmitTxRequest", { runtimeId, data, wait: true, prove: false }, 60_000);
}

const socket = connect(String(process.env["OASIS_WORKER_HOST"]));
socket.on("close", () => process.exit(0));
const host = new Connection({
  side: "runtime",
  stream: socketDuplex(socket),
  handler: answer,
  clock: systemClock,
  log,
});
host.open();
host.ready();
