import type { RuntimeHost } from "#runtime/host/host.js";
import { Component, type ComponentFleet, type ComponentOffer, type ComponentSurroundings } from "./component.js";

/** All off-chain logic beside one runtime on one node; more may come and go while the node runs. */
export class Components implements ComponentFleet {
  private readonly running = new Map<string, Component>();
  private readonly ending = new Set<Promise<void>>();
  private started = false;
  private stopped = false;

  /**
   * @param offers those that are there from the beginning
   * @param surroundings what all of them have in common
   */
  constructor(
    offers: readonly ComponentOffer[],
    private readonly surroundings: ComponentSurroundings,
  ) {
    for (const offer of offers) this.add(offer);
  }

  /** The host of a component; undefined when there is none of that name. */
  host(name: string): RuntimeHost | undefined {
    return this.running.get(name)?.host;
  }

  /** Runs one more; one of the same name is left as it is. */
  add(offer: ComponentOffer): void {
    if (this.stopped || this.running.has(offer.name)) return;
    const { log } = this.surroundings;
    const component = new Component({ ...this.surroundings, ...offer, fleet: this, log: log.child(offer.name) });
    this.running.set(offer.name, component);
    if (this.started) component.start();
  }

  /** Ends one for good; resolves when nothing of it is left. */
  async remove(name: string): Promise<void> {
    const component = this.running.get(name);
    this.running.delete(name);
    if (component === undefined) return;
    const ended = component.stop().finally(() => this.ending.delete(ended));
    this.ending.add(ended);
    await ended;
  }

  /** Starts all that are there, and from now on each that is added. */
  start(): void {
    this.started = true;
    for (const component of this.running.values()) component.start();
  }

  /** Ends all; resolves when nothing of them is left. */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(Array.from(this.running.values(), (component) => component.stop()));
    await Promise.all(this.ending);
  }
}
