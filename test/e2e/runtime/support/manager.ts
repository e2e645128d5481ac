/**
 * Off-chain logic that brings more of it: whenever somebody inserts "install", it adds the bundle whose path is the value,
 * makes a volume, and inserts what it has got.
 */
import { readFileSync } from "node:fs";
import { fromHex, fromUtf8, toHex, utf8 } from "qanat/runtime";
import { type ComponentHost, defineComponent, managers, onTag } from "qanat/runtime/component";
import { startComponent } from "qanat/runtime/process";
import { SortedMap } from "#common/sorted-map.js";
import { insertCall } from "./hosted.ts";

const CHUNK = 1 << 20;
const NONE = SortedMap.text<string>();
let nonce = 0;

async function install(host: ComponentHost, path: string, hash: string): Promise<string> {
  const bytes = new Uint8Array(readFileSync(path));
  for (let at = 0; at < bytes.length; at += CHUNK) {
    const data = bytes.slice(at, at + CHUNK);
    await host.manage(managers.bundleWrite, { temporaryName: "new", create: at === 0, data });
  }
  const { id } = await host.manage(managers.volumeAdd, { labels: NONE });
  const volumes = SortedMap.text<string>().set("data", id);
  await host.manage(managers.bundleAdd, { temporaryName: "new", manifestHash: fromHex(hash), labels: NONE, volumes });
  const { bundles } = await host.manage(managers.bundleList, { labels: NONE });
  return bundles.map(({ components }) => components.length).join();
}

startComponent(
  defineComponent({
    version: { major: 0, minor: 3, patch: 0 },
    events: [
      onTag({
        tag: "kv_insertion.install",
        async handle(host, _, { block }) {
          const header = block?.header;
          if (header === undefined) return;
          const [path, hash] = await host.readState(header, (state) =>
            fromUtf8(state.get(utf8("install")) ?? new Uint8Array(0)).split(" "),
          );
          const done = await install(host, path ?? "", hash ?? "");
          await host.submit(insertCall(toHex(await host.nodeId()), nonce++, "managed", done));
        },
      }),
    ],
  }),
);
