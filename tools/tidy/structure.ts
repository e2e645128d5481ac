import type { Import } from "./imports.ts";
import { CONSENSUS_ORDER, ENTRIES, LAYERS, LOWER_SLOTS, SERVICES, UPPER_SLOTS } from "./layers.ts";
import type { Fault, Tree } from "./tree.ts";

/** Imports must lead somewhere: a checker that skips what it cannot follow proves nothing. */
export function checkResolved(imports: readonly Import[]): Fault[] {
  return imports.flatMap((i) =>
    i.target.kind === "unresolved" ? [fault(i, "unresolvable", `${i.specifier}: ${i.target.reason}`)] : [],
  );
}

/** Layers import downward only, by `#layer/` paths, and each has its own list of packages. */
export function checkLayers(tree: Tree, imports: readonly Import[]): Fault[] {
  const faults: Fault[] = [];
  for (const source of tree.product) {
    const name = layerOf(source.path);
    if (source.path.split("/").length < 3 || LAYERS[name] === undefined) {
      faults.push({ path: source.path, line: 0, rule: "layers", message: `${name} is not a layer` });
    }
  }
  for (const i of imports) {
    if (i.from.path.startsWith("src/")) faults.push(...layerFaults(i));
  }
  return faults;
}

function layerFaults(i: Import): Fault[] {
  const from = layerOf(i.from.path);
  const layer = LAYERS[from];
  if (layer === undefined) return [];
  if (i.target.kind === "builtin" && !layer.builtins) {
    return [fault(i, "layers", `${from} may not use ${i.specifier}: only platform and cli touch Node.js`)];
  }
  if (i.target.kind === "package" && !layer.packages.includes(i.target.name)) {
    return [fault(i, "layers", `${from} may not use the package ${i.target.name}`)];
  }
  // Which file the kernels are is a condition of the package, not an import: platform stands above all who use it.
  if (i.target.kind !== "files" || i.specifier === "#kernels") return [];
  return i.target.paths.flatMap((path) => {
    if (!path.startsWith("src/")) return [fault(i, "layers", `${i.specifier} leaves src`)];
    const to = layerOf(path);
    if (to === from) return from === "consensus" ? consensusFaults(i, path) : [];
    if (i.specifier.startsWith(".")) return [fault(i, "layers", `write #${path.slice(4).replace(/\.ts$/, ".js")}`)];
    const below = LAYERS[to];
    if (below !== undefined && below.rank < layer.rank) return [];
    return [fault(i, "layers", `${from} may not import ${to}: imports go downward only`)];
  });
}

function consensusFaults(i: Import, path: string): Fault[] {
  const [from, to] = [consensusPart(i.from.path), consensusPart(path)];
  if (from === to) return [];
  const [high, low] = [CONSENSUS_ORDER[from], CONSENSUS_ORDER[to]];
  if (high === undefined) return [fault(i, "consensus order", `${from} has no place in the order`)];
  if (low !== undefined && low < high) return [];
  return [fault(i, "consensus order", `consensus/${from} may not import consensus/${to}`)];
}

/** Each service has the same slots; other services see only its nouns. */
export function checkServices(tree: Tree, imports: readonly Import[]): Fault[] {
  const faults: Fault[] = [];
  for (const path of tree.files.keys()) {
    if (!path.startsWith(SERVICES_FOLDER)) continue;
    const message = misplaced(path);
    if (message !== undefined) faults.push({ path, line: 0, rule: "service slots", message });
  }
  for (const i of imports) {
    if (i.target.kind !== "files" || !i.from.path.startsWith("src/")) continue;
    for (const path of i.target.paths) faults.push(...serviceFaults(i, path));
    if (slotOf(i.from.path)?.slot === "logic" && i.target.paths.includes(CONTEXT)) {
      faults.push(fault(i, "service slots", "logic is pure functions: it does not see the Context"));
    }
  }
  return faults;
}

const SERVICES_FOLDER = "src/consensus/services/";
const CONTEXT = "src/consensus/app/context.ts";

const APP_FOLDER = "src/consensus/app/";

interface Slot {
  readonly service: string;
  readonly slot: string;
  readonly half: "index" | "lower" | "upper";
}

function slotOf(path: string): Slot | undefined {
  if (!path.startsWith(SERVICES_FOLDER)) return undefined;
  const [service = "", file = ""] = path.slice(SERVICES_FOLDER.length).split("/");
  if (!SERVICES.includes(service)) return undefined;
  const slot = file.replace(/\.ts$/, "");
  if (slot === "index") return { service, slot, half: "index" };
  return { service, slot, half: UPPER_SLOTS.includes(slot) ? "upper" : "lower" };
}

function misplaced(path: string): string | undefined {
  const [service = "", file = "", ...deeper] = path.slice(SERVICES_FOLDER.length).split("/");
  if (file === "")
    return service === "index.ts" || service === "README.md" ? undefined : "no slot for it beside the services";
  if (!SERVICES.includes(service)) return `${service} is not a service; services are ${SERVICES.join(", ")}`;
  if (deeper.length === 0 && (file === "README.md" || file === "index.ts")) return undefined;
  const slot = deeper.length === 0 ? file.replace(/\.ts$/, "") : file;
  if (LOWER_SLOTS.includes(slot) || UPPER_SLOTS.includes(slot)) return undefined;
  return `${slot} is not a slot of a service; slots are ${[...LOWER_SLOTS, ...UPPER_SLOTS].join(", ")}`;
}

function serviceFaults(i: Import, path: string): Fault[] {
  const to = slotOf(path);
  if (to === undefined) return [];
  const from = slotOf(i.from.path);
  const same = from?.service === to.service;
  if (to.half === "index") {
    if (from === undefined) return [];
    return [fault(i, "service slots", `${from.service}/${from.slot} may not import an assembled service`)];
  }
  if (to.half === "upper") {
    if (same && from.half !== "lower") return [];
    // Views at a height and pure functions are what everything above the services uses of them.
    if ((to.slot === "queries" || to.slot === "logic") && from === undefined && !i.from.path.startsWith(APP_FOLDER))
      return [];
    return [
      fault(
        i,
        "service slots",
        `${to.service}/${to.slot} is upper half: only ${to.service}'s own index and upper half import it`,
      ),
    ];
  }
  if (from === undefined || from.half !== "lower" || same) return [];
  if (SERVICES.indexOf(to.service) < SERVICES.indexOf(from.service)) return [];
  return [
    fault(i, "service slots", `lower half of ${from.service} may not import ${to.service}, which stands to its right`),
  ];
}

/** No file may reach itself again by imports: each strongly connected group is reported once, with its files. */
export function checkCycles(imports: readonly Import[]): Fault[] {
  const edges = new Map<string, Import[]>();
  for (const i of imports) {
    if (!i.from.path.startsWith("src/") || i.target.kind !== "files") continue;
    edges.set(i.from.path, [...(edges.get(i.from.path) ?? []), i]);
  }
  const next = (path: string): string[] =>
    (edges.get(path) ?? []).flatMap((i) => (i.target.kind === "files" ? i.target.paths : []));
  return stronglyConnected([...edges.keys()].sort(), next).map((group) => {
    const first = [...group].sort()[0] ?? "";
    const line = (edges.get(first) ?? []).find(
      (i) => i.target.kind === "files" && i.target.paths.some((p) => group.includes(p)),
    )?.line;
    return {
      path: first,
      line: line ?? 0,
      rule: "import cycle",
      message: shortestCycle(first, group, next).join(" -> "),
    };
  });
}

/** Tarjan's algorithm; groups of one file count only when the file imports itself. */
function stronglyConnected(paths: readonly string[], next: (path: string) => string[]): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const groups: string[][] = [];
  const visit = (path: string): number => {
    const index = order.size;
    order.set(path, index);
    stack.push(path);
    let least = index;
    for (const target of next(path)) {
      if (!order.has(target)) least = Math.min(least, visit(target));
      else if (stack.includes(target)) least = Math.min(least, order.get(target) ?? index);
    }
    low.set(path, least);
    if (least === index) {
      const group = stack.splice(stack.indexOf(path));
      if (group.length > 1 || next(path).includes(path)) groups.push(group);
    }
    return least;
  };
  for (const path of paths) if (!order.has(path)) visit(path);
  return groups;
}

function shortestCycle(start: string, group: readonly string[], next: (path: string) => string[]): string[] {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    for (const target of next(path)) {
      if (target === start) return [...trail(path, cameFrom), start];
      if (!group.includes(target) || cameFrom.has(target)) continue;
      cameFrom.set(target, path);
      queue.push(target);
    }
  }
  return [...group, start];
}

function trail(path: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const before = cameFrom.get(path);
  return before === undefined ? [path] : [...trail(before, cameFrom), path];
}

/** Source files that no entry reaches. */
export function checkDeadFiles(tree: Tree, imports: readonly Import[], entries: readonly string[]): Fault[] {
  const edges = new Map<string, string[]>();
  for (const i of imports) {
    if (i.target.kind === "files") edges.set(i.from.path, [...(edges.get(i.from.path) ?? []), ...i.target.paths]);
  }
  const alive = new Set<string>();
  const queue = [...tree.files.keys()].filter(
    (path) => entries.includes(path) || ENTRIES.some((entry) => entry.test(path)),
  );
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (alive.has(path)) continue;
    alive.add(path);
    queue.push(...(edges.get(path) ?? []));
  }
  return tree.product
    .filter((source) => !alive.has(source.path) && !source.path.endsWith(".d.ts"))
    .map(({ path }) => ({ path, line: 0, rule: "dead file", message: "nothing imports it" }));
}

function layerOf(path: string): string {
  return path.split("/")[1] ?? "";
}

function consensusPart(path: string): string {
  return (path.split("/")[2] ?? "").replace(/\.ts$/, "");
}

function fault(i: Import, rule: string, message: string): Fault {
  return { path: i.from.path, line: i.line, rule, message };
}
