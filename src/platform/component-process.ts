import { connect } from "node:net";
import { InvalidInput } from "#common/errors/index.js";
import type { ComponentProgram } from "#runtime/component/define-component.js";
import { serveComponent } from "#runtime/component/serve-component.js";
import { systemClock } from "./clock.js";
import { HOST_SOCKET } from "./host-socket.js";
import { jsonLog } from "./log.js";
import { socketDuplex } from "./streams-unix.js";

/**
 * Runs off-chain logic for the node that started this process, and ends the process when the node is gone. Everything
 * that Node.js has may be used: timers, promises, the network.
 *
 * @throws InvalidInput when no node started this process
 */
export function startComponent(program: ComponentProgram): void {
  const path = process.env[HOST_SOCKET];
  if (path === undefined) throw new InvalidInput(HOST_SOCKET, "not set; a component is started by its node");
  const stream = socketDuplex(connect(path));
  const log = jsonLog((line) => void process.stderr.write(line));
  serveComponent(program, { stream, clock: systemClock, log, closed: () => process.exit(0) });
}
