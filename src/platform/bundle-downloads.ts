/** Bundles that a node fetches by their hash from the registries it is configured with (runtime bundles: registries). */
import { createWriteStream, rmSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { equalBytes, toHex } from "#common/bytes.js";
import { Fault, InvalidInput, reasonOf } from "#common/errors/index.js";
import type { Clock, Timer } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import { readBundle } from "./bundle-archive.js";
import type { BundleStore } from "./bundle-store.js";
import { temporaryFolder } from "./temporary-folder.js";

/** Pause after which bundles that could not be had are tried again, in milliseconds. */
const RETRY_MS = 15 * 60_000;
/** Longest time of one request, in milliseconds. */
const REQUEST_MS = 60_000;
/** Longest answer of a registry, which is the bundle's place. */
const MAX_PLACE_BYTES = 2048;

export interface BundleDownloadsOptions {
  /** Registries, the first to be asked first; see `registryUrl`. */
  readonly registries: readonly URL[];
  readonly store: BundleStore;
  /** Largest archive that is fetched, in bytes. */
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Told when a bundle has been installed. */
  readonly arrived: () => void;
}

/**
 * Reads the address of a registry.
 *
 * @param option that it comes from
 * @throws InvalidInput when it is no address of the web, or holds a password, which would come into logs
 */
export function registryUrl(option: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new InvalidInput(option, `expected an http or https address, got "${text}"`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new InvalidInput(option, `the address of ${url.host} must hold no user name and no password`);
  }
  return url;
}

/** An address as it may be logged: what follows the path may let whoever has it in. */
function shown({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

/** The body of an answer, which ends with a fault when it is longer than allowed. */
async function* limited({ url, body }: Response, limit: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > limit) throw new Fault(`${shown(new URL(url))} sends more than ${limit} bytes`);
    yield chunk;
  }
}

/** Fetches bundles that are wanted, one after the other, and installs them when they are what they should be. */
export class BundleDownloads {
  private readonly wanted = new Map<string, Uint8Array>();
  private readonly cancelled = new AbortController();
  private busy = false;
  private working: Promise<void> = Promise.resolve();
  private retry: Timer | undefined;

  constructor(private readonly options: BundleDownloadsOptions) {}

  /** Says that a bundle is needed. @param hash of its manifest, 32 bytes */
  want(hash: Uint8Array): void {
    const { registries } = this.options;
    const id = toHex(hash);
    if (registries.length === 0 || this.cancelled.signal.aborted || this.wanted.has(id)) return;
    this.wanted.set(id, hash);
    this.work();
  }

  /** Ends what is under way; nothing is fetched any more. */
  async stop(): Promise<void> {
    this.cancelled.abort();
    this.retry?.cancel();
    await this.working;
  }

  private work(): void {
    if (this.busy) return;
    this.busy = true;
    this.working = this.fetchAll().catch((error: unknown) => {
      this.busy = false;
      this.options.log.error("fetching bundles failed", { error: reasonOf(error) });
    });
  }

  private async fetchAll(): Promise<void> {
    const { clock } = this.options;
    const tried = new Set<string>();
    for (let next = this.untried(tried); next !== undefined; next = this.untried(tried)) {
      const [id, hash] = next;
      tried.add(id);
      await this.obtain(id, hash);
    }
    // Nothing is awaited from the last look on: whatever is wanted afterwards is seen by another run.
    this.busy = false;
    if (this.wanted.size === 0 || this.cancelled.signal.aborted) return;
    this.retry?.cancel();
    this.retry = clock.setTimer(RETRY_MS, () => this.work());
  }

  private untried(tried: ReadonlySet<string>): readonly [id: string, hash: Uint8Array] | undefined {
    if (this.cancelled.signal.aborted) return undefined;
    return Array.from(this.wanted).find(([id]) => !tried.has(id));
  }

  private async obtain(id: string, hash: Uint8Array): Promise<void> {
    const { store, log, arrived } = this.options;
    // One that is here and still wanted does not bring the version that its deployment says: another copy would not.
    const isHere = store.list().some((bundle) => equalBytes(bundle.hash, hash));
    if (!isHere && !(await this.fetchFromAny(hash))) return;
    this.wanted.delete(id);
    if (isHere) return;
    log.info("bundle fetched", { bundle: id });
    arrived();
  }

  private async fetchFromAny(hash: Uint8Array): Promise<boolean> {
    const { registries, log } = this.options;
    for (const registry of registries) {
      try {
        await this.fetchFrom(registry, hash);
        return true;
      } catch (error) {
        if (this.cancelled.signal.aborted) return false;
        const about = { bundle: toHex(hash), registry: shown(registry) };
        log.error("bundle was not fetched", { ...about, error: reasonOf(error) });
      }
    }
    return false;
  }

  private async get(url: URL): Promise<Response> {
    const signal = AbortSignal.any([this.cancelled.signal, AbortSignal.timeout(REQUEST_MS)]);
    let response: Response;
    try {
      response = await fetch(url, { signal });
    } catch (cause) {
      // What `fetch` throws says only that it failed; its own cause says why.
      const reason = reasonOf((cause as Error).cause ?? cause);
      throw new Fault(`${shown(url)}: ${reason}`, { cause });
    }
    if (response.status === 200) return response;
    // Of an answer that nobody reads the connection would be kept.
    await response.body?.cancel();
    throw new Fault(`${shown(url)} answers with status ${response.status}`);
  }

  /** A registry answers a hash with the place of the bundle, which may be anywhere. */
  private async fetchFrom(registry: URL, hash: Uint8Array): Promise<void> {
    const { store, maxBytes } = this.options;
    const base = registry.href.endsWith("/") ? registry : new URL(`${registry.href}/`);
    const answer = await this.get(new URL(toHex(hash), base));
    const chunks: Uint8Array[] = [];
    for await (const chunk of limited(answer, MAX_PLACE_BYTES)) chunks.push(chunk);
    const place = registryUrl("place of the bundle", Buffer.concat(chunks).toString("utf8").trim());
    const folder = temporaryFolder("qanat-bundle-");
    try {
      const file = join(folder, "bundle.orc");
      await pipeline(Readable.from(limited(await this.get(place), maxBytes)), createWriteStream(file, { mode: 0o600 }));
      // Only what has the hash that was asked for comes into the store.
      const found = (await readBundle(file)).hash;
      if (!equalBytes(found, hash)) throw new Fault(`${shown(place)} is bundle ${toHex(found)}`);
      await store.install(file);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
