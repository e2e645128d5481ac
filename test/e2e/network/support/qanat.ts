import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

const BIN = resolve(import.meta.dirname, "../../../../dist/qanat.mjs");

/** One line of `--json` output. */
export interface Event {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** A `qanat` process and what it prints. */
export class Qanat {
  readonly events: Event[] = [];
  readonly exited: Promise<Exit>;
  private readonly child: ChildProcess;
  private stderr = "";
  private readonly listening = new Set<() => void>();
  private readonly waiting: { test: (event: Event) => boolean; resolve: (event: Event) => void }[] = [];
  private over: Exit | undefined;

  constructor(...args: string[]) {
    this.child = spawn(process.execPath, [BIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    this.child.stderr?.on("data", (data: Buffer) => {
      this.stderr += data.toString();
      for (const listener of this.listening) listener();
    });
    if (this.child.stdout !== null) {
      createInterface({ input: this.child.stdout }).on("line", (line) => this.take(line));
    }
    this.exited = new Promise((done) => {
      this.child.once("close", (code, signal) => {
        this.over = { code, signal, stderr: this.stderr };
        done(this.over);
      });
    });
  }

  private take(line: string): void {
    // A killed process may leave half a line.
    if (!line.startsWith("{") || !line.endsWith("}")) return;
    const event = JSON.parse(line) as Event;
    this.events.push(event);
    for (const waiter of this.waiting) if (waiter.test(event)) waiter.resolve(event);
  }

  /** The first event, past or future, that passes a test; rejects when the process ends without one. */
  async event(name: string, test: (event: Event) => boolean = () => true): Promise<Event> {
    const matches = (event: Event): boolean => event.event === name && test(event);
    const past = this.events.find(matches);
    if (past !== undefined) return past;
    const found = new Promise<Event>((done) => this.waiting.push({ test: matches, resolve: done }));
    const ended = this.exited.then(({ code, signal, stderr }) => {
      throw new Error(`qanat ended (code ${code}, signal ${signal}) without the event ${name}: ${stderr}`);
    });
    ended.catch(() => undefined);
    return Promise.race([found, ended]);
  }

  /** Resolves when the process has complained so, or has ended. */
  async complaint(pattern: RegExp): Promise<void> {
    const found = new Promise<void>((done) => {
      const look = (): void => {
        if (!pattern.test(this.stderr)) return;
        this.listening.delete(look);
        done();
      };
      this.listening.add(look);
      look();
    });
    await Promise.race([found, this.exited]);
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends the process if it still runs. */
  async dispose(): Promise<void> {
    if (this.over !== undefined) return;
    this.child.kill("SIGKILL");
    await this.exited;
  }
}
