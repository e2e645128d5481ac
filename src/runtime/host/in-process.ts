import type { RuntimeProgram } from "../kit/define-runtime.js";
import { Dispatcher } from "../kit/dispatcher.js";
import type { HostPort } from "../kit/host-port.js";
import { Connection } from "../rhp/connection.js";
import { HostHandler } from "./host-handler.js";
import type { RunningRuntime, RuntimeLauncher } from "./launcher.js";
import { queueStream } from "./queue-stream.js";
import { SupervisedHost, type SupervisedSite } from "./supervised.js";

export interface InProcessHostOptions extends SupervisedSite {
  readonly program: RuntimeProgram;
  /** How the program reads state. */
  readonly port: HostPort;
}

/** Makes both ends of a new stream and lets the runtime listen at one of them. */
class ProgramLauncher implements RuntimeLauncher {
  constructor(private readonly options: InProcessHostOptions) {}

  launch(): Promise<RunningRuntime> {
    const { program, port, environment, clock, log } = this.options;
    const [stream, runtimeEnd] = queueStream();
    const handler = new HostHandler(environment);
    const dispatcher = new Dispatcher(program, {
      openTree: (root) => port.openTree(root),
      executed: (tree) => port.executed?.(tree),
      ask: (kind, value) => handler.ask(kind, value),
    });
    const runtime = new Connection({
      side: "runtime",
      stream: runtimeEnd,
      handler: (request) => dispatcher.handle(request),
      clock,
      log: log.child("runtime"),
    });
    runtime.open();
    runtime.ready();
    return Promise.resolve({ stream, kill: () => runtime.close(), ended: Promise.resolve() });
  }
}

/**
 * Hosts a runtime of the kit in this process. Every message is encoded, framed and decoded as over a socket, so what
 * works here works in a process of its own. There are no pings: a program that hangs would keep us from sending them.
 */
export class InProcessHost extends SupervisedHost {
  constructor(options: InProcessHostOptions) {
    super({ ...options, launcher: new ProgramLauncher(options) });
  }
}
