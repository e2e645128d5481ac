/** Runtime bundles as files: ZIP archives of which nothing is believed until it has been checked (runtime bundles). */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, rmSync, writeFileSync } from "node:fs";
import { Transform, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32 } from "node:zlib";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { ZipFile as ZipWriter } from "yazl";
import { verifySigstruct } from "#common/tee/sigstruct.js";
import { EvidenceRejected } from "#common/tee/evidence-rejected.js";
import { concatBytes, equalBytes } from "#common/bytes.js";
import { DecodeError, InvalidInput, reasonOf } from "#common/errors/index.js";
import { componentIdOf } from "#runtime/bundle/component.js";
import { BundleRefused, demandBundle } from "#runtime/bundle/errors.js";
import {
  checkFileName,
  checkFiles,
  checkManifest,
  componentsOf,
  type Manifest,
  MANIFEST_NAME,
  manifestHash,
  MAX_FILES,
  MAX_MANIFEST_BYTES,
  parseManifest,
  printManifest,
} from "#runtime/bundle/manifest.js";

/** Most bytes of all files together, once unpacked, unless told otherwise. */
export const DEFAULT_UNPACKED_BYTES = 1 << 30;
/** Largest signature file of an enclave, in bytes. */
const MAX_SIGNATURE_BYTES = 4096;
/** What kind of thing a Unix mode tells of. */
const TYPE_BITS = 0xf000;
const TYPE_FILE = 0x8000;
/** Time of every entry: the same files make the same archive. */
const ENTRY_TIME = new Date(Date.UTC(1980, 0, 1));

/** One file of a bundle, checked. */
export interface BundleFile {
  readonly name: string;
  /** Unpacked, in bytes. */
  readonly size: number;
  readonly digest: Uint8Array;
}

/** An SGX enclave of a bundle. */
export interface BundleEnclave {
  /** Identifier of its component. */
  readonly component: string;
  /** Measurement, 32 bytes. */
  readonly mrEnclave: Uint8Array;
  /** Hash of its signer's key, 32 bytes; undefined when nobody signed it. */
  readonly mrSigner: Uint8Array | undefined;
}

/** A bundle that has been read through and found to be sound. */
export interface Bundle {
  readonly manifest: Manifest;
  /** Hash of the manifest, 32 bytes: the bundle's name. */
  readonly hash: Uint8Array;
  readonly files: readonly BundleFile[];
  readonly enclaves: readonly BundleEnclave[];
}

export interface ReadBundleOptions {
  /** Most bytes of all files together, once unpacked. */
  readonly maxBytes?: number;
  /** Where the content of a file goes while it is checked; nowhere when absent. */
  readonly sink?: (name: string) => Writable;
}

/** What is learnt of a file while it passes through. */
interface Digests {
  readonly size: number;
  readonly digest: Uint8Array;
  /** SHA-256: of an enclave's program it is the measurement. */
  readonly measurement: Uint8Array;
  /** The content, when it is no longer than a signature. */
  readonly head: Uint8Array | undefined;
}

/** Unpacks one entry, never more of it than is left. */
async function inflate(
  zip: ZipFile,
  entry: Entry,
  left: number,
  openSink: ReadBundleOptions["sink"],
): Promise<Digests> {
  const [digest, measurement] = [createHash("sha512-256"), createHash("sha256")];
  const head: Uint8Array[] = [];
  const source = await zip.openReadStreamPromise(entry);
  const sink = openSink?.(entry.fileName);
  let size = 0;
  let checksum = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _, done) {
      size += chunk.length;
      if (size > left) {
        done(new BundleRefused(`"${entry.fileName}" is larger than what is left of the limit`));
        return;
      }
      checksum = crc32(chunk, checksum);
      digest.update(chunk);
      measurement.update(chunk);
      if (size <= MAX_SIGNATURE_BYTES || entry.fileName === MANIFEST_NAME) head.push(chunk);
      done(null, sink === undefined ? undefined : chunk);
    },
  });
  if (sink === undefined) {
    measure.resume();
    await pipeline(source, measure);
  } else await pipeline(source, measure, sink);
  demandBundle(checksum === entry.crc32, `"${entry.fileName}" has another checksum than the archive says`);
  const whole = size <= MAX_SIGNATURE_BYTES || entry.fileName === MANIFEST_NAME ? concatBytes(...head) : undefined;
  return {
    size,
    digest: new Uint8Array(digest.digest()),
    measurement: new Uint8Array(measurement.digest()),
    head: whole,
  };
}

/** Links, devices and pipes are no files; an archive that was not made on Unix does not say what its entries are. */
function isPlain({ externalFileAttributes }: Entry): boolean {
  const type = (externalFileAttributes >>> 16) & TYPE_BITS;
  return type === 0 || type === TYPE_FILE;
}

/** Refuses what an entry says about itself before any of it is unpacked. */
function checkEntry(entry: Entry, position: number, seen: ReadonlySet<string>, left: number): void {
  const { fileName, uncompressedSize } = entry;
  demandBundle(position < MAX_FILES, `more than ${MAX_FILES} files`);
  if (position === 0) demandBundle(fileName === MANIFEST_NAME, `the first entry is not ${MANIFEST_NAME}`);
  else checkFileName(fileName);
  demandBundle(!seen.has(fileName), `"${fileName}" is there twice`);
  demandBundle(isPlain(entry), `"${fileName}" is a link or a device, not a file`);
  demandBundle(!entry.isEncrypted(), `"${fileName}" is encrypted`);
  const limit = position === 0 ? Math.min(left, MAX_MANIFEST_BYTES) : left;
  demandBundle(
    uncompressedSize <= limit,
    `"${fileName}" has ${uncompressedSize} bytes, ${limit} are left of the limit`,
  );
}

/** What a signer of an enclave signed must be the enclave that the bundle brings. */
function checkEnclaves(manifest: Manifest, files: ReadonlyMap<string, Digests>): BundleEnclave[] {
  const enclaves: BundleEnclave[] = [];
  for (const component of componentsOf(manifest)) {
    const { sgx } = component;
    const mrEnclave = files.get(sgx?.executable ?? "")?.measurement;
    if (sgx === undefined || mrEnclave === undefined) continue;
    const id = componentIdOf(component);
    if (sgx.signature === "") {
      enclaves.push({ component: id, mrEnclave, mrSigner: undefined });
      continue;
    }
    const signature = files.get(sgx.signature)?.head;
    demandBundle(signature !== undefined, `${id}: the SGX signature is larger than any`);
    const signed = readSigstruct(signature, id);
    demandBundle(equalBytes(signed.mrEnclave, mrEnclave), `${id}: signature of another enclave`);
    enclaves.push({ component: id, mrEnclave, mrSigner: signed.mrSigner });
  }
  return enclaves;
}

function readSigstruct(bytes: Uint8Array, id: string): ReturnType<typeof verifySigstruct> {
  try {
    return verifySigstruct(bytes);
  } catch (error) {
    if (error instanceof EvidenceRejected) throw new BundleRefused(`${id}: ${error.message}`);
    throw error;
  }
}

function readManifest(bytes: Uint8Array | undefined): Manifest {
  demandBundle(bytes !== undefined, "it is empty");
  try {
    return parseManifest(bytes);
  } catch (error) {
    if (error instanceof DecodeError) throw new BundleRefused(`manifest: ${error.message}`);
    throw error;
  }
}

async function readEntries(zip: ZipFile, { maxBytes, sink }: ReadBundleOptions): Promise<Map<string, Digests>> {
  const files = new Map<string, Digests>();
  let left = maxBytes ?? DEFAULT_UNPACKED_BYTES;
  for await (const entry of zip.eachEntry()) {
    checkEntry(entry, files.size, new Set(files.keys()), left);
    const isManifest = files.size === 0;
    const digests = await inflate(zip, entry, left, isManifest ? undefined : sink);
    files.set(entry.fileName, digests);
    left -= digests.size;
    if (!isManifest) continue;
    // A manifest that is refused spares the work of unpacking what it names.
    checkManifest(readManifest(digests.head));
  }
  return files;
}

/**
 * Reads a bundle through and checks all of it.
 *
 * @throws BundleRefused saying what is wrong with it
 * @throws InvalidInput when there is no such file
 */
export async function readBundle(path: string, options: ReadBundleOptions = {}): Promise<Bundle> {
  let zip: ZipFile;
  try {
    zip = await openPromise(path, {
      autoClose: false,
      strictFileNames: true,
      validateEntrySizes: true,
      lazyEntries: true,
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw new InvalidInput("bundle", `${path} does not exist`);
    throw new BundleRefused(reasonOf(error));
  }
  try {
    const all = await readEntries(zip, options);
    const manifest = readManifest(all.get(MANIFEST_NAME)?.head);
    all.delete(MANIFEST_NAME);
    checkFiles(manifest, new Map([...all].map(([name, { digest }]) => [name, digest])));
    const enclaves = checkEnclaves(manifest, all);
    const files = [...all].map(([name, { size, digest }]) => ({ name, size, digest }));
    return { manifest, hash: manifestHash(manifest), files, enclaves };
  } catch (error) {
    // What the archive library refuses (names, sizes, checksums) and broken compression is the archive's fault.
    if (error instanceof BundleRefused || isSystemError(error)) throw error;
    throw new BundleRefused(reasonOf(error));
  } finally {
    zip.close();
  }
}

/** Trouble of this machine, e.g. a full disk, is not the bundle's. */
function isSystemError(error: unknown): boolean {
  return typeof (error as NodeJS.ErrnoException).syscall === "string";
}

/**
 * Writes a bundle. The same manifest and files make the same archive, to the byte.
 *
 * @param files path of each file of this machine by its name in the bundle
 * @throws BundleRefused when the result would not be sound; nothing is left behind then
 */
export async function writeBundle(
  path: string,
  manifest: Manifest,
  files: ReadonlyMap<string, string>,
): Promise<Bundle> {
  checkManifest(manifest);
  const zip = new ZipWriter();
  const options = { mtime: ENTRY_TIME, mode: 0o100600, forceDosTimestamp: true };
  zip.addBuffer(Buffer.from(printManifest(manifest)), MANIFEST_NAME, options);
  for (const name of [...files.keys()].sort()) {
    checkFileName(name);
    zip.addFile(files.get(name) as string, name, options);
  }
  // Claims the path at once and for this user only.
  writeFileSync(path, "", { mode: 0o600 });
  const written = pipeline(zip.outputStream, createWriteStream(path, { mode: 0o600 }));
  zip.end();
  try {
    await written;
    return await readBundle(path, { maxBytes: Number.MAX_SAFE_INTEGER });
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

/** Digest of a file of this machine, as a manifest lists it. */
export async function digestOfFile(path: string): Promise<Uint8Array> {
  const digest = createHash("sha512-256");
  await pipeline(createReadStream(path), digest);
  return new Uint8Array(digest.digest());
}
