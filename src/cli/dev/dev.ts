import { InvalidInput, reasonOf } from "#common/errors/index.js";
import type { Log } from "#common/ports/log.js";
import { ProcessLauncher } from "#platform/runtime-launcher.js";
import type { Sandbox } from "#platform/sandbox.js";
import type { RuntimeLauncher } from "#runtime/host/launcher.js";
import { ProcessHost } from "#runtime/host/process.js";
import { runNet } from "../net/net.js";
import type { NetOptions } from "../net/options.js";
import { openSandbox, type Provisioner } from "../net/runtime-host.js";
import { type Built, ProgramBuilder } from "./program.js";
import { onError } from "../colours.js";

/** What happened to the author's program. */
type Change =
  | { readonly event: "reload"; readonly build_ms: number }
  | { readonly event: "build-failed" | "start-failed"; readonly problems: readonly string[] };

const TROUBLE = {
  "build-failed": "does not build, the program before it goes on",
  "start-failed": "does not start, it is tried again until you save another",
};

function tell(change: Change, json: boolean): void {
  if (json) process.stdout.write(`${JSON.stringify(change)}\n`);
  else if (change.event === "reload") {
    process.stderr.write(`\n${onError.green("reloaded")}: built in ${change.build_ms} ms; the state is kept\n`);
  } else {
    const lines = change.problems.map((problem) => `  ${problem}`).join("\n");
    process.stderr.write(`\n${onError.red(TROUBLE[change.event])}:\n${lines}\n`);
  }
}

/** Hosts of one program that can be replaced while they run. */
class ReloadedHosts {
  private readonly hosts: ProcessHost[] = [];

  constructor(private path: string) {}

  readonly provision = (sandbox: Sandbox | undefined, log: Log): ReturnType<Provisioner> => {
    return ({ name }, site) => {
      // Each start takes whatever program is the latest.
      const launcher: RuntimeLauncher = {
        launch: () => new ProcessLauncher({ path: this.path, sandbox, log: log.child(`${name}/runtime`) }).launch(),
      };
      const host = new ProcessHost({ ...site, launcher });
      this.hosts.push(host);
      return host;
    };
  };

  /** Resolves when the new program runs, or has failed to, everywhere. Returns what kept it from running. */
  async replace(path: string): Promise<string[]> {
    this.path = path;
    const outcomes = await Promise.all(this.hosts.map(restart));
    return [...new Set(outcomes.flatMap((outcome) => outcome ?? []))];
  }
}

/** Starts whatever is the latest program; the reason when it does not start. */
async function restart(host: ProcessHost): Promise<string | undefined> {
  const events = host.watch();
  try {
    await host.abort(true);
    for await (const event of events) {
      if (event.type === "started") return undefined;
      if (event.type === "failed-to-start") return reasonOf(event.error);
    }
    return undefined;
  } finally {
    await events.return?.();
  }
}

async function firstBuild(builder: ProgramBuilder): Promise<string> {
  const built = await builder.build();
  if (built.ok) return built.path;
  throw new InvalidInput("file", `does not build:\n${built.problems.join("\n")}`);
}

/** Builds after each change, one build after the other. */
function followChanges(builder: ProgramBuilder, hosts: ReloadedHosts, json: boolean): void {
  let work: Promise<void> = Promise.resolve();
  const take = async (built: Built): Promise<void> => {
    if (!built.ok) tell({ event: "build-failed", problems: built.problems }, json);
    else if (built.changed) {
      const problems = await hosts.replace(built.path);
      const change: Change = { event: "reload", build_ms: built.ms };
      tell(problems.length === 0 ? change : { event: "start-failed", problems }, json);
    }
  };
  builder.watch(() => {
    work = work.then(async () => take(await builder.build()));
  });
}

/** `qanat dev FILE`: a local network that runs the author's runtime, anew whenever it is saved. */
export async function runDev(file: string, options: NetOptions): Promise<void> {
  const builder = ProgramBuilder.open(file);
  try {
    const hosts = new ReloadedHosts(await firstBuild(builder));
    followChanges(builder, hosts, options.json);
    const provisioner: Provisioner = (kind, log) =>
      hosts.provision(kind === "sandbox" ? openSandbox() : undefined, log);
    const fixed = { quietLoad: true, runtime: [], keys: [], ownValidators: false };
    // Without `patience`: the author mends what does not start, and the network waits for that.
    await runNet({ ...options, ...fixed }, provisioner);
  } finally {
    builder.close();
  }
}
