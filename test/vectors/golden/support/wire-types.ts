/// <reference types="vite/types/importMeta.d.ts" />
import type { Schema } from "#common/schema/index.js";

/** Every module that may declare wire types. */
const modules = import.meta.glob<Record<string, unknown>>(
  [
    "/src/common/**/*.ts",
    "/src/mkvs/**/*.ts",
    "/src/p2p/**/*.ts",
    "/src/runtime/**/*.ts",
    "/src/consensus/transaction/*.ts",
    "/src/consensus/app/*.ts",
    "/src/consensus/genesis/*.ts",
    "/src/consensus/services/*/{types,events,params,rpc,state}.ts",
    "/src/consensus/services/*/{types,events,params,rpc}/*.ts",
    "!**/*.d.ts",
  ],
  { eager: true },
);

export interface WireType {
  /** The layer, or the service: one file of golden bytes each. */
  readonly area: string;
  /** Where it is declared and its export. */
  readonly name: string;
  readonly schema: Schema<unknown>;
}

function isSchema(value: unknown): value is Schema<unknown> {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  const { typeName, description, encode, decode } = value as Partial<Schema<unknown>>;
  return (
    typeof typeName === "string" &&
    typeof description === "object" &&
    typeof encode === "function" &&
    typeof decode === "function"
  );
}

function areaOf(path: string): string {
  const [, service] = /^\/src\/consensus\/services\/([^/]+)\//.exec(path) ?? [];
  const [, layer, part] = /^\/src\/([^/]+)\/([^/]+)/.exec(path) ?? [];
  return (
    service ?? (layer === "consensus" || layer === "runtime" ? `${layer}-${part?.replace(/\.ts$/, "")}` : `${layer}`)
  );
}

/** Every exported wire type once, in the order of paths and exports. */
export function wireTypes(): WireType[] {
  const seen = new Set<unknown>();
  const out: WireType[] = [];
  for (const path of Object.keys(modules).sort()) {
    const exported = modules[path] as Record<string, unknown>;
    for (const key of Object.keys(exported).sort()) {
      const schema = exported[key];
      if (!isSchema(schema) || seen.has(schema)) continue;
      seen.add(schema);
      out.push({ area: areaOf(path), name: `${path.slice(1).replace(/\.ts$/, "")} ${key}`, schema });
    }
  }
  return out;
}
