// Two versions of a draft that grew from one: what only one side changed is taken, the rest is for the reader to choose.
import type { Content, Finding } from "../contract";

export interface Difference {
  path: string; // "F1.morphology", "F3", "comment"
  base: unknown;
  mine: unknown;
  theirs: unknown;
}

export interface Merged {
  content: Content; // theirs, with what only I changed
  conflicts: Difference[];
}

type Flat = Map<string, unknown>;

/** A draft as paths and values; a finding that exists has "id" with its place among the others. */
function flatten(content: Content): Flat {
  const flat: Flat = new Map();
  for (const finding of content.findings)
    for (const [name, value] of Object.entries(finding)) if (name !== "id") flat.set(`${finding.id}.${name}`, value);
  flat.set("assessment", content.assessment);
  flat.set("next_steps", content.next_steps);
  flat.set("comment", content.comment);
  return flat;
}

const same = (a: unknown, b: unknown): boolean => a === b || stable(a) === stable(b);

/** JSON with sorted names: the server may give them in another order. */
function stable(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  ) ?? "undefined";
}

export function equal(a: Content, b: Content): boolean {
  return same(a, b);
}

/** Fields that follow from others: never asked about. */
const DERIVED = new Set(["assessment", "next_steps"]);

export function threeWay(base: Content, mine: Content, theirs: Content): Merged {
  const [b, m, o] = [flatten(base), flatten(mine), flatten(theirs)];
  const conflicts: Difference[] = [];
  let content = theirs;
  const ids = (of: Content): Set<string> => new Set(of.findings.map((each) => each.id));
  const [inBase, inMine, inTheirs] = [ids(base), ids(mine), ids(theirs)];
  const whole = new Set<string>();

  for (const id of new Set([...inBase, ...inMine, ...inTheirs])) {
    const [hasB, hasM, hasO] = [inBase.has(id), inMine.has(id), inTheirs.has(id)];
    if (hasM && hasO && hasB) continue;
    whole.add(id);
    const [atB, atM, atO] = [find(base, id), find(mine, id), find(theirs, id)];
    if (hasM && hasO && same(atM, atO)) continue;
    if (same(atB, atO)) content = put(content, id, atM); // only I added or removed it
    else if (!same(atB, atM)) conflicts.push({ path: id, base: atB, mine: atM, theirs: atO });
  }
  for (const path of new Set([...b.keys(), ...m.keys(), ...o.keys()])) {
    const id = path.split(".")[0] as string;
    if (whole.has(id)) continue;
    const [was, is, other] = [b.get(path), m.get(path), o.get(path)];
    if (same(is, other) || same(was, is)) continue;
    if (same(was, other) || DERIVED.has(path)) content = choose(content, path, is);
    else conflicts.push({ path, base: was, mine: is, theirs: other });
  }
  return { content, conflicts };
}

/** Takes a value for a path. */
export function choose(content: Content, path: string, value: unknown): Content {
  const [id, field] = path.split(".") as [string, string | undefined];
  if (field) return { ...content, findings: content.findings.map((each) => (each.id === id ? { ...each, [field]: value } : each)) };
  if (id in content && id !== "findings") return { ...content, [id]: value };
  return put(content, id, value as Finding | undefined);
}

const find = (content: Content, id: string): Finding | undefined => content.findings.find((each) => each.id === id);

function put(content: Content, id: string, finding: Finding | undefined): Content {
  const rest = content.findings.filter((each) => each.id !== id);
  if (!finding) return { ...content, findings: rest };
  const at = content.findings.findIndex((each) => each.id === id);
  return { ...content, findings: at < 0 ? [...rest, finding] : content.findings.map((each) => (each.id === id ? finding : each)) };
}
