import { afterEach, describe, expect, test } from "vitest";
import { reporter } from "../../../examples/oracle/reporter.ts";
import { Answer, events, oracle, QuestionId } from "../../../examples/oracle/runtime.ts";
import { Address } from "#common/address.js";
import { fromUtf8, utf8 } from "#common/bytes.js";
import type { Signer } from "#common/crypto/signature.js";
import { hash } from "#common/hash.js";
import { nullable } from "#common/schema/index.js";
import { deriveSeed } from "#node/identity.js";
import { DEFAULT_SIZE, networkMembers } from "#network/topology.js";
import type { ComponentProgram } from "#runtime/component/index.js";
import { ROFL } from "#runtime/bundle/component.js";
import { ROUND_LATEST } from "#runtime/history/block-history.js";
import { noArguments } from "#runtime/kit/index.js";
import { serveComponent } from "#runtime/component/serve-component.js";
import { DiskLocalStorage } from "#runtime/host/local-storage.js";
import { ProcessHost } from "#runtime/host/process.js";
import { queueStream } from "#runtime/host/queue-stream.js";
import type { ComponentOffer } from "#worker/component/component.js";
import { KeptLog } from "../runtime/support/world.ts";
import { RUNTIME_ID } from "./support/local-network.ts";
import { addressOf, ALICE, ProgramNetwork } from "./support/program-network.ts";

const SECRET = hash(utf8("worker tests"));
const MEMBERS = networkMembers(SECRET, DEFAULT_SIZE).filter(({ kind }) => kind === "compute");

/** Offers a program of the kit that runs beside the node, at the other end of a stream. */
function offer(program: ComponentProgram, log = new KeptLog()): ComponentOffer {
  return {
    name: "reporter",
    provision: (site) =>
      new ProcessHost({
        ...site,
        launcher: {
          launch() {
            const [stream, end] = queueStream();
            let over: () => void = () => undefined;
            const ended = new Promise<void>((resolve) => (over = resolve));
            serveComponent(program, { stream: end, clock: site.clock, log, closed: () => over() });
            return Promise.resolve({ stream, kill: () => stream.close(), ended });
          },
        },
      }),
  };
}

describe("off-chain logic written with the kit", () => {
  let network: ProgramNetwork | undefined;
  afterEach(() => network?.stop());

  test("answers the oracle's questions: each node's reporter with its own key, and the median is the answer", async () => {
    const answers = [30n, 10n, 20n];
    const names = MEMBERS.slice(0, 3).map(({ name }) => name);
    const asked: string[] = [];
    const lookUp = (i: number) => (subject: Uint8Array) => {
      asked.push(fromUtf8(subject));
      return Promise.resolve(answers[i] as bigint);
    };
    network = new ProgramNetwork(oracle, {
      components: ({ name }) => {
        const i = names.indexOf(name);
        return i < 0 ? [] : [offer(reporter(lookUp(i)))];
      },
    });
    // Each node keeps its reporter's seed from the beginning: that of an account with stake.
    for (const name of names) {
      const disk = network.net.disks.get(name) ?? expect.unreachable("no disk");
      const storage = new DiskLocalStorage(disk, RUNTIME_ID);
      storage.set(utf8("rofl.reporter:reporter seed"), deriveSeed(SECRET, `${name}/entity`));
    }
    await network.start();
    await network.sendMessage(ALICE, { tokens: 900n, data: utf8("how warm is it?") });
    const answered = await network.eventsFrom(events.answered, 1n);
    expect(answered.events).toEqual([{ question: 0n, value: 20n, reports: 3 }]);
    expect(asked).toEqual(Array.from(answers, () => "how warm is it?"));
    const { client } = network.net.worker(names[0] as string);
    const component = { kind: ROFL, name: "reporter" };
    const { data } = await client.query(ROUND_LATEST, "account", noArguments.encode(null), component);
    expect(Address.decode(data as Uint8Array)).toEqual(addressOf(MEMBERS[0]?.entity as Signer));
    await expect(client.query(ROUND_LATEST, "nothing", noArguments.encode(null), component)).rejects.toThrow("method");
    expect(await network.query("answer", QuestionId, { question: 0n }, nullable(Answer))).toMatchObject({ value: 20n });
  });
});
