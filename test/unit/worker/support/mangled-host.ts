import { systemEntropy } from "#platform/entropy.js";
import type { HostEnvironment } from "#runtime/host/host-handler.js";
import { HostHandler } from "#runtime/host/host-handler.js";
import type { RunningRuntime } from "#runtime/host/launcher.js";
import { ProcessHost } from "#runtime/host/process.js";
import { queueStream } from "#runtime/host/queue-stream.js";
import { Dispatcher, type RuntimeProgram } from "#runtime/kit/index.js";
import { Connection } from "#runtime/rhp/connection.js";
import { Message } from "#runtime/rhp/messages/index.js";
import type { Duplex } from "#runtime/rhp/transport.js";
import type { HostSite } from "#worker/options.js";

/** What a runtime does instead of sending a message. */
export interface Line {
  send(bytes: Uint8Array): void;
  /** Ends the connection, as a process does that dies. */
  close(): void;
  /** Does something after a while, in milliseconds of the network's time. */
  later(ms: number, action: () => void): void;
}

/** Decides what becomes of a message that a runtime sends; sends it itself if it is to be sent. */
export type Mangle = (message: Message, frame: Uint8Array, line: Line) => void;

function mangledStream(inner: Duplex, mangle: Mangle, line: Line): Duplex {
  return {
    send: (frame) => mangle(Message.decode(frame.subarray(4), "rpc"), frame, line),
    open: (receiver) => inner.open(receiver),
    close: () => inner.close(),
  };
}

/** Hosts a program as if it were a process, with somebody between it and its host who damages what it says. */
export function mangledHost(site: HostSite, program: RuntimeProgram, mangle: Mangle): ProcessHost {
  const environment: HostEnvironment = site.environment;
  const launch = async (): Promise<RunningRuntime> => {
    const [stream, end] = queueStream();
    const handler = new HostHandler(environment);
    const dispatcher = new Dispatcher(program, {
      openTree: (root) => site.port.openTree(root),
      ask: (kind, value) => handler.ask(kind, value),
    });
    const line: Line = {
      send: (bytes) => end.send(bytes),
      close: () => end.close(),
      later: (ms, action) => void site.clock.setTimer(ms, action),
    };
    const runtime = new Connection({
      side: "runtime",
      stream: mangledStream(end, mangle, line),
      handler: (request) => dispatcher.handle(request),
      clock: site.clock,
      log: site.log,
    });
    runtime.open();
    runtime.ready();
    return { stream, kill: () => runtime.close(), ended: Promise.resolve() };
  };
  return new ProcessHost({ ...site, launcher: { launch }, entropy: systemEntropy });
}
