/** What components may have their node do: managers of bundles, volumes and logs (runtime host protocol: local endpoints). */
import { toHex, utf8 } from "#common/bytes.js";
import type { Signer } from "#common/crypto/signature.js";
import { type CodedError, DecodeError, unknown } from "#common/errors/index.js";
import { hash } from "#common/hash.js";
import { LABEL_ATTESTATION_CONTEXT, LabelAttestation } from "#common/tee/label-attestation.js";
import { SortedMap } from "#common/sorted-map.js";
import { componentIdOf, ROFL } from "#runtime/bundle/component.js";
import {
  type AttestLabelsRequest,
  type AttestLabelsResponse,
  type BundleAddRequest,
  type BundleInfo,
  type BundleWriteRequest,
  ENDPOINT,
  type Labels,
  LocalQuery,
  type LogGetRequest,
  type ManagerMethod,
  managers,
  type Nothing,
  type VolumeInfo,
} from "#runtime/component/api.js";
import type { EnclaveCalls } from "#runtime/host/host-handler.js";
import { type HostRpcCallRequest, type HostRpcCallResponse, RPC_KIND } from "#runtime/rhp/messages/index.js";

/** What the node's settings can allow a component. */
export const PERMISSIONS = ["bundle_add", "bundle_remove", "volume_add", "volume_remove", "log_view"] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** Says from whom a managed thing comes: nobody can claim to be somebody else. */
export const LABEL_ORIGIN = "net.oasis.origin";
/** Most labels that one attestation covers. */
const MAX_ATTESTED = 10;
/** Nobody in particular has answered. */
const NO_NODE = new Uint8Array(32);

/** What a component says of a bundle that it adds. */
export type AddedBundle = Pick<BundleAddRequest, "manifestHash" | "labels" | "volumes">;

/** Bundles that components have added; all labels of a filter must be the same. */
export interface ManagedBundles {
  /** Writes a piece of a bundle that is not there yet. @param folder of its origin, a name without paths */
  write(folder: string, name: string, data: Uint8Array, create: boolean): void;
  /** Installs what was written and starts it. @throws CodedError saying what is wrong with it */
  add(folder: string, name: string, bundle: AddedBundle): Promise<void>;
  /** Ends and removes bundles. */
  remove(filter: Labels): Promise<void>;
  list(filter: Labels): BundleInfo[];
}

/** Volumes that components have made. */
export interface ManagedVolumes {
  /** Makes an empty one. @returns its identifier */
  create(labels: Labels): string;
  remove(filter: Labels): void;
  list(filter: Labels): VolumeInfo[];
}

/** What the node keeps of what components have written. */
export interface ComponentLogs {
  /** Lines, oldest first. @param since only what is newer, in seconds since the Unix epoch */
  read(componentId: string, since: bigint): string[];
}

/** What a node lets a component do. */
export interface ComponentManagement {
  readonly permissions: readonly Permission[];
  /** Labels of the component's own bundle. */
  readonly labels: Labels;
  readonly bundles?: ManagedBundles;
  readonly volumes?: ManagedVolumes;
  readonly logs?: ComponentLogs;
  /** Key of the component's enclave, 32 bytes; outside of trusted hardware there is none. */
  readonly rak?: () => Uint8Array | undefined;
}

export interface ManagementCallsOptions {
  readonly runtimeId: Uint8Array;
  /** The component's own name. */
  readonly name: string;
  readonly management: ComponentManagement;
  /** The node's identity. */
  readonly signer: Signer;
  /** Who takes the calls of other endpoints. */
  readonly others: EnclaveCalls;
}

const ENDPOINTS: ReadonlySet<string> = new Set([
  ENDPOINT.bundles,
  ENDPOINT.volumes,
  ENDPOINT.logs,
  ENDPOINT.attestation,
]);
const NOTHING: Nothing = {};

/** Answers the local queries of one component. */
export class ManagementCalls implements EnclaveCalls {
  private readonly origin: string;

  constructor(private readonly options: ManagementCallsOptions) {
    this.origin = `${toHex(options.runtimeId)}-${componentIdOf({ kind: ROFL, name: options.name })}`;
  }

  async call(request: HostRpcCallRequest): Promise<HostRpcCallResponse> {
    if (!ENDPOINTS.has(request.endpoint)) return await this.options.others.call(request);
    if (request.kind !== RPC_KIND.localQuery) throw unknown("endpoint not supported");
    const { method, args } = decoded(() => LocalQuery.decode(request.request, "rpc"), "malformed request");
    return { response: await this.answer(request.endpoint, method, args), node: NO_NODE };
  }

  feedback(request: Parameters<EnclaveCalls["feedback"]>[0]): void {
    if (!ENDPOINTS.has(request.endpoint)) this.options.others.feedback(request);
  }

  private async answer(endpoint: string, name: string, args: Uint8Array): Promise<Uint8Array> {
    const of = async <A, R>(method: ManagerMethod<A, R>, carryOut: (args: A) => R | Promise<R>): Promise<Uint8Array> =>
      method.answer.encode(await carryOut(decoded(() => method.args.decode(args, "rpc"), "malformed arguments")));
    const found = Object.values(managers).find((method) => method.endpoint === endpoint && method.name === name);
    switch (found) {
      case managers.bundleWrite:
        return await of(managers.bundleWrite, (request) => this.write(request));
      case managers.bundleAdd:
        return await of(managers.bundleAdd, (request) => this.addBundle(request));
      case managers.bundleRemove:
        return await of(managers.bundleRemove, ({ labels }) => this.removeBundles(labels));
      case managers.bundleList:
        return await of(managers.bundleList, ({ labels }) => ({ bundles: this.bundlesWith("bundle_add", labels) }));
      case managers.volumeAdd:
        return await of(managers.volumeAdd, ({ labels }) => this.addVolume(labels));
      case managers.volumeRemove:
        return await of(managers.volumeRemove, ({ labels }) => this.removeVolumes(labels));
      case managers.volumeList:
        return await of(managers.volumeList, ({ labels }) => this.listVolumes(labels));
      case managers.logGet:
        return await of(managers.logGet, (request) => ({ logs: this.readLog(request) }));
      case managers.attestLabels:
        return await of(managers.attestLabels, (request) => this.attest(request));
      default:
        throw unknown("method not supported");
    }
  }

  private permit(permission: Permission): void {
    if (!this.options.management.permissions.includes(permission)) throw unknown("forbidden");
  }

  private bundles(permission: Permission): ManagedBundles {
    this.permit(permission);
    const { bundles } = this.options.management;
    if (bundles === undefined) throw unknown("endpoint not supported");
    return bundles;
  }

  private volumes(permission: Permission): ManagedVolumes {
    this.permit(permission);
    const { volumes } = this.options.management;
    if (volumes === undefined) throw unknown("endpoint not supported");
    return volumes;
  }

  /** Labels with the component's own origin, whatever it says of that itself. */
  private own(labels: Labels): Labels {
    return labels.clone().set(LABEL_ORIGIN, this.origin);
  }

  /** The origin as the name of a folder. */
  private get folder(): string {
    return toHex(hash(utf8(this.origin)));
  }

  private write({ temporaryName, create, data }: BundleWriteRequest): Nothing {
    this.bundles("bundle_add").write(this.folder, temporaryName, data, create);
    return NOTHING;
  }

  private async addBundle(request: BundleAddRequest): Promise<Nothing> {
    const { temporaryName, manifestHash, labels, volumes } = request;
    const bundles = this.bundles("bundle_add");
    const known = volumes.size === 0 ? [] : this.ownVolumes();
    for (const [, id] of volumes) {
      if (!known.some((volume) => volume.id === id)) throw unknown(`volume '${id}' not found`);
    }
    await bundles.add(this.folder, temporaryName, { manifestHash, labels: this.own(labels), volumes });
    return NOTHING;
  }

  private ownVolumes(): { readonly id: string }[] {
    return this.options.management.volumes?.list(this.own(SortedMap.text())) ?? [];
  }

  private async removeBundles(labels: Labels): Promise<Nothing> {
    await this.bundles("bundle_remove").remove(this.own(labels));
    return NOTHING;
  }

  private bundlesWith(permission: Permission, labels: Labels): BundleInfo[] {
    return this.bundles(permission).list(this.own(labels));
  }

  private addVolume(labels: Labels): { id: string } {
    return { id: this.volumes("volume_add").create(this.own(labels)) };
  }

  private listVolumes(labels: Labels): { volumes: VolumeInfo[] } {
    return { volumes: this.volumes("volume_add").list(this.own(labels)) };
  }

  private removeVolumes(labels: Labels): Nothing {
    this.volumes("volume_remove").remove(this.own(labels));
    return NOTHING;
  }

  private readLog({ labels, componentId, since }: LogGetRequest): string[] {
    const bundles = this.bundlesWith("log_view", labels);
    const { logs } = this.options.management;
    if (logs === undefined) throw unknown("endpoint not supported");
    if (!componentId.startsWith(`${ROFL}.`)) throw unknown("RONL component not allowed");
    const accessible = bundles.some(({ components }) =>
      components.some(({ name }) => componentIdOf({ kind: ROFL, name }) === componentId),
    );
    if (!accessible) throw unknown("component not found");
    return logs.read(componentId, since);
  }

  private attest({ labels: names }: AttestLabelsRequest): AttestLabelsResponse {
    const { management, signer } = this.options;
    if (names.length === 0) throw unknown("no labels specified");
    if (names.length > MAX_ATTESTED) throw unknown(`too many labels specified (max: ${MAX_ATTESTED})`);
    const labels = SortedMap.text<string>();
    // A label that is not there and one that is empty are the same.
    for (const name of names) labels.set(name, management.labels.get(name) ?? "");
    const rak = management.rak?.();
    if (rak === undefined) throw unknown("failed to retrieve component RAK");
    const attestation = LabelAttestation.encode({ labels, rak });
    const signature = signer.sign(LABEL_ATTESTATION_CONTEXT, attestation);
    return { attestation, nodeId: signer.publicKey, signature };
  }
}

/** Whether all labels of a filter are among those of a thing. */
export function hasLabels(labels: Labels, filter: Labels): boolean {
  return Array.from(filter).every(([name, value]) => labels.get(name) === value);
}

function decoded<T>(decode: () => T, what: string): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError) throw malformed(what, error);
    throw error;
  }
}

function malformed(what: string, error: DecodeError): CodedError {
  return unknown(`${what}: ${error.message}`);
}
