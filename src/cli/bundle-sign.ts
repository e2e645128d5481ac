import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHex } from "#common/bytes.js";
import { InvalidInput } from "#common/errors/index.js";
import { hash } from "#common/hash.js";
import { SortedMap } from "#common/sorted-map.js";
import { signSigstruct, usualDescription } from "#common/tee/build-sigstruct.js";
import { verifySigstruct } from "#common/tee/sigstruct.js";
import { type Bundle, type BundleFile, readBundle, writeBundle } from "#platform/bundle-archive.js";
import { generateEnclaveKey, readEnclaveKey } from "#platform/enclave-key.js";
import { type Component, componentIdOf, filesOf, type SgxMetadata } from "#runtime/bundle/component.js";
import { componentsOf, type Manifest } from "#runtime/bundle/manifest.js";
import { tellBundle } from "./bundle.js";
import { onOutput } from "./colours.js";

export interface SignBundleOptions {
  readonly key: string;
  readonly component: string;
  readonly buildDate?: string;
  readonly productId?: number;
  readonly securityVersion?: number;
  readonly debug: boolean;
}

/** The enclave of a component. @throws InvalidInput when it has none */
function enclaveOf({ manifest, enclaves }: Bundle, id: string): { mrEnclave: Uint8Array; sgx: SgxMetadata } {
  const component = componentsOf(manifest).find((found) => componentIdOf(found) === id);
  if (component === undefined) {
    const all = componentsOf(manifest).map(componentIdOf).join(", ");
    throw new InvalidInput("--component", `the bundle has no component ${id}, only ${all}`);
  }
  const measured = enclaves.find((enclave) => enclave.component === id);
  if (component.sgx === undefined || measured === undefined) {
    throw new InvalidInput("--component", `${id} has no SGX enclave; nothing else in a bundle is signed`);
  }
  return { mrEnclave: measured.mrEnclave, sgx: component.sgx };
}

/** The manifest with another signature of one component; one that nobody names any more is left out. */
function signedManifest(manifest: Manifest, id: string, name: string, digest: Uint8Array): Manifest {
  const resign = (component: Component): Component =>
    componentIdOf(component) === id && component.sgx !== undefined
      ? { ...component, sgx: { ...component.sgx, signature: name } }
      : component;
  const { sgx } = manifest;
  // Bundles of the old form name the on-chain component's files at their top.
  const legacy = sgx !== undefined && id === "ronl" ? { sgx: { ...sgx, signature: name } } : {};
  const signed = { ...manifest, ...legacy, components: manifest.components.map(resign) };
  const before = new Set(namesOf(manifest));
  const named = new Set(namesOf(signed));
  const digests = SortedMap.text<Uint8Array>();
  for (const [file, old] of manifest.digests ?? []) if (!before.has(file) || named.has(file)) digests.set(file, old);
  digests.set(name, digest);
  return { ...signed, digests };
}

function namesOf(manifest: Manifest): string[] {
  return componentsOf(manifest).flatMap((component) => filesOf(component).map((file) => file.name));
}

const today = (): string => new Date().toISOString().slice(0, 10);

/** A file of the bundle that can hold the signature: that of the one before, or one with a name of its own. */
function signatureName(sgx: SgxMetadata, files: readonly BundleFile[]): string {
  if (sgx.signature !== "") return sgx.signature;
  const name = `${sgx.executable}.sig`;
  if (files.some((file) => file.name === name)) {
    throw new InvalidInput("bundle", `"${name}" is there already, and is no signature of the component`);
  }
  return name;
}

/** `qanat bundle sign INPUT OUTPUT`: signs the SGX enclave of a component. */
export async function signBundle(input: string, output: string, options: SignBundleOptions): Promise<void> {
  const { key, component, debug, buildDate = today(), productId = 0, securityVersion = 0 } = options;
  const signer = readEnclaveKey(key);
  const folder = mkdtempSync(join(tmpdir(), "qanat-sign-"));
  try {
    // Names were checked before a sink is asked for: they are flat.
    const bundle = await readBundle(input, {
      sink: (name) => createWriteStream(join(folder, name), { flags: "wx", mode: 0o600 }),
    });
    const { mrEnclave, sgx } = enclaveOf(bundle, component);
    const usual = usualDescription(mrEnclave, { buildDate, debug });
    const signature = signSigstruct({ ...usual, productId, securityVersion }, signer);
    const name = signatureName(sgx, bundle.files);
    writeFileSync(join(folder, name), signature, { mode: 0o600 });
    const manifest = signedManifest(bundle.manifest, component, name, hash(signature));
    const names = [...(manifest.digests?.keys() ?? [])];
    const files = new Map(names.map((file) => [file, join(folder, file)]));
    tellBundle(await writeBundle(output, manifest, files), false);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `qanat bundle key FILE`: makes the key of a signer of enclaves. */
export function makeEnclaveKey(file: string): void {
  const signer = generateEnclaveKey(file);
  const probe = signSigstruct(usualDescription(new Uint8Array(32), { buildDate: today(), debug: true }), signer);
  process.stdout.write(`${onOutput.green("made")}: ${file}\nsigner  ${toHex(verifySigstruct(probe).mrSigner)}\n`);
}
