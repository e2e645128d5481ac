import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toHex } from "#common/bytes.js";
import { Sandbox } from "#platform/sandbox.js";
import { encodeFrame } from "#runtime/rhp/framing.js";
import { bodyOf, Message, MESSAGE_TYPE } from "#runtime/rhp/messages/index.js";
import { hasBubblewrap } from "./support/bubblewrap.ts";
import { bundleRuntime } from "./support/bundle.ts";
import { hosted, PATIENCE_MS } from "./support/hosted.ts";

const hasCompiler = existsSync("/usr/bin/cc");
if (!hasCompiler) process.stderr.write("SKIPPED: a runtime as a native program needs /usr/bin/cc\n");

const folder = mkdtempSync(join(tmpdir(), "qanat-elf-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A C string that holds a frame. */
const bytes = (frame: Uint8Array): string => `"${toHex(frame).replaceAll(/../g, "\\x$&")}"`;

const info = encodeFrame(
  Message.encode({
    id: 0n,
    messageType: MESSAGE_TYPE.response,
    body: bodyOf("RuntimeInfoResponse", {
      protocolVersion: { major: 5, minor: 1, patch: 0 },
      runtimeVersion: { major: 7, minor: 8, patch: 9 },
      features: { keyManagerQuotePolicyUpdates: false, keyManagerStatusUpdates: false, endorsedCapabilityTee: false },
    }),
  }),
);
const pong = encodeFrame(Message.encode({ id: 1n, messageType: MESSAGE_TYPE.response, body: bodyOf("Empty", {}) }));

/** Answers the introduction and one ping; links with the maths library so that it needs more than the C library. */
const PROGRAM = `
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
static const char info[] = ${bytes(info)};
static const char pong[] = ${bytes(pong)};
static void take(int fd) {
  uint8_t head[4], body[65536];
  size_t have = 0;
  while (have < 4) { ssize_t n = read(fd, head + have, 4 - have); if (n <= 0) exit(0); have += n; }
  size_t length = (size_t)head[0] << 24 | head[1] << 16 | head[2] << 8 | head[3];
  for (have = 0; have < length;) { ssize_t n = read(fd, body, sizeof body < length - have ? sizeof body : length - have); if (n <= 0) exit(0); have += n; }
}
int main(int argc, char **argv) {
  struct sockaddr_un at = { .sun_family = AF_UNIX };
  strncpy(at.sun_path, getenv("OASIS_WORKER_HOST"), sizeof at.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&at, sizeof at) != 0) return 2;
  take(fd);
  if (cos((double)argc) > 2 || write(fd, info, sizeof info - 1) < 0) return 3;
  take(fd);
  if (write(fd, pong, sizeof pong - 1) < 0) return 4;
  for (;;) take(fd);
}
`;

describe.skipIf(!hasCompiler)("a native program that speaks the Runtime Host Protocol", () => {
  let program = "";
  beforeAll(() => {
    program = join(folder, "runtime");
    writeFileSync(`${program}.c`, PROGRAM);
    execFileSync("/usr/bin/cc", ["-o", program, `${program}.c`, "-lm"]);
  });

  for (const way of ["process", "sandbox"] as const) {
    test.skipIf(way === "sandbox" && !hasBubblewrap)(`is hosted in a ${way}`, async () => {
      const { host, log } = hosted(program, way === "sandbox" ? { sandbox: Sandbox.open() } : {});
      await host.start();
      expect(host.info?.runtimeVersion).toEqual({ major: 7, minor: 8, patch: 9 });
      await host.call("RuntimePingRequest", {}, PATIENCE_MS);
      await host.stop();
      expect(log.lines).toEqual([]);
    });
  }
});

describe("a runtime of the kit whose host", () => {
  let script = "";
  beforeAll(async () => {
    script = await bundleRuntime("examples/kv/process.ts");
  });

  /** Starts the runtime with a host that does something, and resolves with how the runtime ended. */
  async function withHost(act: (socket: Socket) => void): Promise<number | null> {
    const path = join(folder, `${Math.random()}.sock`);
    const server = createServer(act);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const child = spawn(process.execPath, [script], { env: { OASIS_WORKER_HOST: path }, stdio: "ignore" });
    const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
    server.close();
    return code;
  }

  test("closes the connection ends with status 0", async () => {
    expect(await withHost((socket) => socket.end())).toBe(0);
  });

  test("announces a message of more than 32 MiB closes the connection and ends with status 0", async () => {
    expect(await withHost((socket) => socket.write(Buffer.from("02000001", "hex")))).toBe(0);
  });

  test("is not there ends at once with status 1", async () => {
    const child = spawn(process.execPath, [script], {
      env: { OASIS_WORKER_HOST: join(folder, "nobody") },
      stdio: "ignore",
    });
    expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(1);
  });
});
