import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { utf8 } from "#common/bytes.js";
import { connectGrpc, type GrpcChannel } from "#platform/grpc-client.js";
import { createClient } from "#common/rpc/index.js";
import { Call, CallOutput } from "#runtime/kit/call.js";
import { text } from "#common/schema/index.js";
import { runtimeClientMethods } from "#worker/client/rpc.js";
import { RUNTIME_ID } from "../../unit/runtime/support/node.ts";
import { Qanat } from "../network/support/qanat.ts";

const folder = mkdtempSync(join(tmpdir(), "qanat-dev-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A runtime that counts its calls and names its own edition. */
function source(edition: string, count = '(ctx.state.getText("count") ?? "") + "i"'): string {
  return `import { defineRuntime, method, noArguments, text } from "qanat/runtime";
import { punctuation } from "./punctuation";
const tell = method({
  args: noArguments,
  result: text({ max: 1000 }),
  execute(ctx) {
    const count: string = ${count};
    ctx.state.putText("count", count);
    return "${edition}" + punctuation + count;
  },
});
export const edited = defineRuntime({ version: { major: 0, minor: 0, patch: 0 }, methods: { tell } });
`;
}

let qanat: Qanat | undefined;
let channel: GrpcChannel | undefined;
afterEach(async () => {
  channel?.close();
  await qanat?.dispose();
  qanat = undefined;
});

describe("qanat dev", () => {
  test("runs an author's runtime, takes over what is saved and keeps the state", async () => {
    const file = join(folder, "edited.ts");
    const other = join(folder, "punctuation.ts");
    writeFileSync(other, 'export const punctuation = ": ";\n');
    writeFileSync(file, source("first"));
    const running = new Qanat("dev", file, "--json", "--port", "0");
    qanat = running;
    const ready = await running.event("ready");
    channel = connectGrpc(String(ready["grpc"]));
    const client = createClient(runtimeClientMethods, channel);
    let nonce = 0n;
    const tell = async (): Promise<string> => {
      const data = Call.encode({ sender: utf8("a"), nonce: nonce++, method: "tell", args: Uint8Array.of(0xf6) });
      const output = CallOutput.decode((await client.SubmitTx({ runtimeId: RUNTIME_ID, data })) ?? new Uint8Array(0));
      return output.type === "Success" ? text({ max: 1000 }).decode(output.value) : `error: ${output.value}`;
    };
    expect(await tell()).toBe("first: i");

    const save = async (path: string, content: string, event: string): Promise<void> => {
      const before = running.events.length;
      writeFileSync(path, content);
      await running.event(event, (found) => running.events.indexOf(found) >= before);
    };
    const started = performance.now();
    await save(file, source("second"), "reload");
    expect(await tell()).toBe("second: ii");
    process.stderr.write(`dev: a round with the new code ${Math.round(performance.now() - started)} ms after saving\n`);

    await save(other, 'export const punctuation = " - ";\n', "reload");
    expect(await tell()).toBe("second - iii");

    // What does not build changes nothing.
    await save(file, source("third").replace("return", "retrun"), "build-failed");
    expect(await tell()).toBe("second - iiii");
    await save(file, source("fourth"), "reload");
    expect(await tell()).toBe("fourth - iiiii");

    // Code that does not do the same everywhere is found out by the committee.
    await save(file, source("fifth", "`${Math.random()}`"), "reload");
    const data = Call.encode({ sender: utf8("a"), nonce: nonce++, method: "tell", args: Uint8Array.of(0xf6) });
    await client.SubmitTxNoWait({ runtimeId: RUNTIME_ID, data });
    await running.event("discrepancy");
    running.kill("SIGTERM");
    expect((await running.exited).code).toBe(0);
  });

  test("a file that exports no runtime, or is not there, is refused in words", async () => {
    const nowhere = new Qanat("dev", join(folder, "nowhere.ts"), "--json");
    expect((await nowhere.exited).stderr).toContain("does not exist");
    const broken = join(folder, "broken.ts");
    writeFileSync(broken, "const = 1;");
    const exit = await new Qanat("dev", broken, "--json").exited;
    expect(exit.code).toBe(1);
    expect(exit.stderr).toContain("broken.ts:1:7");
  });
});
