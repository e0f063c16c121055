// What a reader may do to a draft. Every function gives a new content and leaves the old as it was.
import type { Content, Finding, Location, Member, Point, Table, Terms, View } from "../contract";
import { grow, hull, inside, span } from "../stage/geometry";

export type Field = "morphology" | "distribution" | "typical_kind" | "category" | "next_step" | "due_days" | "count" | "span_mm" | "sentence" | `location.${"quadrant" | "half" | "clock" | "depth"}`;

/** Changes that are not signed without a reason. */
export const REASONED: ReadonlySet<string> = new Set(["category", "next_step", "typical_kind"]);

export function change(content: Content, id: string, act: (finding: Finding) => Finding): Content {
  return { ...content, findings: content.findings.map((each) => (each.id === id ? act(each) : each)) };
}

export function decide(content: Content, id: string, decision: Finding["decision"]): Content {
  return change(content, id, (finding) => ({ ...finding, decision }));
}

export function valueOf(finding: Finding, field: Field): string | number | null {
  if (field.startsWith("location.")) return finding.location[field.slice(9) as keyof Location] as string | number | null ?? null;
  return finding[field as keyof Finding] as string | number | null;
}

/**
 * Sets a term, number, category or step. What it was at first is kept: a field changed twice has one entry, one changed
 * back has none. The paragraph stays as it is; a changed finding is an accepted one.
 */
export function setField(content: Content, id: string, field: Field, value: string | number | null): Content {
  return change(content, id, (finding) => {
    const before = valueOf(finding, field);
    if (before === value) return finding;
    const changed: Finding = field.startsWith("location.")
      ? { ...finding, location: { ...finding.location, [field.slice(9)]: value } }
      : { ...finding, [field]: value };
    if (field === "sentence") return { ...changed, sentence_edited: true };
    return { ...changed, edits: edited(finding, field, before, value) };
  });
}

/**
 * The step that the category asks for, with its usual days, unless the reader chose another one herself. Hers is then
 * a change against the step of the new category, and none where the two are the same.
 */
export function followCategory(content: Content, id: string, terms: Pick<Terms, "step_days" | "step_of_category">): Content {
  return change(content, id, (finding) => {
    const step = terms.step_of_category?.[finding.category];
    const days = step === undefined ? undefined : terms.step_days?.[step];
    if (step === undefined) return finding;
    const own = finding.edits.find((edit) => edit.field === "next_step");
    if (own && finding.next_step !== step) return { ...finding, edits: finding.edits.map((edit) => (edit === own ? { ...own, was: step } : edit)) };
    if (!own && finding.next_step === step) return finding;
    const edits = finding.edits.filter((edit) => edit !== own && edit.field !== "due_days");
    return { ...finding, next_step: step, due_days: days ?? finding.due_days, edits };
  });
}

function edited(finding: Finding, field: string, before: string | number | null, value: string | number | null): Finding["edits"] {
  const earlier = finding.edits.find((edit) => edit.field === field);
  const rest = finding.edits.filter((edit) => edit !== earlier);
  const was = earlier ? String(earlier.was) : words(before);
  if (was === words(value)) return rest;
  return [...rest, { field, was, is: words(value), reason: earlier?.reason ?? "" }];
}

const words = (value: string | number | null): string => (value === null ? "" : String(value));

export function setReason(content: Content, id: string, field: string | null, reason: string): Content {
  return change(content, id, (finding) =>
    field === null
      ? { ...finding, reason }
      : { ...finding, edits: finding.edits.map((edit) => (edit.field === field ? { ...edit, reason } : edit)) },
  );
}

/** The next free name of a finding. */
export function nextId(content: Content): string {
  const numbers = content.findings.map((each) => Number(/^F(\d+)$/.exec(each.id)?.[1] ?? 0));
  return `F${Math.max(0, ...numbers) + 1}`;
}

/**
 * A finding that the reader drew in one view, with the calcifications that lie in it. Where fewer than two were found
 * there, only the reader knows how many she sees: it stays to be decided until she says.
 */
export function addDrawn(content: Content, view: View, polygon: Point[], mode: string): { content: Content; id: string } {
  const id = nextId(content);
  const within = view.calcifications.filter((each) => inside(polygon, [each.x, each.y]));
  const points = within.length > 1 ? within.map((each): Point => [each.x, each.y]) : polygon;
  const screening = mode !== "diagnostic";
  const finding: Finding = {
    id,
    origin: "reader",
    decision: within.length > 1 ? "accepted" : "open",
    reason: "",
    laterality: view.laterality,
    members: [{ view: view.uid, group: null, calcifications: within.map((each) => each.id), outline: polygon.map(rounded) }],
    morphology: null,
    distribution: within.length === 1 ? null : "grouped",
    typical_kind: null,
    count: Math.max(within.length, 1),
    span_mm: within.length === 1 ? null : Number((span(points) * view.pixel_mm).toFixed(2)),
    location: { quadrant: null, half: null, clock: null, depth: null, nipple_mm: nippleMm(view, points), certainty: "unknown", orientation_assumed: false },
    category: screening ? "0" : "4A",
    next_step: screening ? "magnification_views" : "biopsy",
    due_days: 14,
    sentence: "",
    sentence_edited: false,
    change: null,
    edits: [],
  };
  return { content: { ...content, findings: [...content.findings, finding] }, id };
}

/** Where the server finds that the reader drew it; what she chose of the place herself stays. */
export function placed(finding: Finding, found: Location): Location {
  const chosen = Object.keys(found).filter((key) => finding.edits.some((edit) => edit.field === `location.${key}`));
  return { ...found, ...Object.fromEntries(chosen.map((key) => [key, finding.location[key as keyof Location]])) };
}

const rounded = ([x, y]: Point): Point => [Math.round(x * 10) / 10, Math.round(y * 10) / 10];

function nippleMm(view: View, points: Point[]): number | null {
  if (!view.nipple || !points.length) return null;
  const x = points.reduce((sum, p) => sum + p[0], 0) / points.length;
  const y = points.reduce((sum, p) => sum + p[1], 0) / points.length;
  return Number((Math.hypot(x - view.nipple[0], y - view.nipple[1]) * view.pixel_mm).toFixed(1));
}

/** Moves what lies within the polygon of one view into a finding of its own; null where that is all or nothing. */
export function split(content: Content, id: string, view: View, polygon: Point[]): { content: Content; id: string } | null {
  const finding = content.findings.find((each) => each.id === id);
  const member = finding?.members.find((each) => each.view === view.uid);
  if (!finding || !member) return null;
  const at = new Map(view.calcifications.map((each) => [each.id, each]));
  const taken = member.calcifications.filter((name) => {
    const speck = at.get(name);
    return speck && inside(polygon, [speck.x, speck.y]);
  });
  if (!taken.length || taken.length === member.calcifications.length) return null;
  const rest = member.calcifications.filter((name) => !taken.includes(name));
  const newId = nextId(content);
  const part = (names: string[]): Member => ({ view: view.uid, group: null, calcifications: names, outline: outlineOf(names, view) });
  const lasting = measured({ ...finding, members: finding.members.map((each) => (each === member ? part(rest) : each)) }, [view]);
  // The paragraph and the comparison were of the whole; neither holds for a part.
  const cut: Finding = { ...lasting, sentence_edited: false, change: null, edits: note(finding, "split", id, `${id} + ${newId}`) };
  const off = measured({ ...cut, id: newId, origin: "reader", members: [part(taken)] }, [view]);
  return { content: { ...content, findings: content.findings.flatMap((each) => (each === finding ? [cut, off] : [each])) }, id: newId };
}

/** Two findings of one breast as one, which keeps the first one's name and words; null where they are of two breasts. */
export function merge(content: Content, id: string, other: string, views: View[]): Content | null {
  const one = content.findings.find((each) => each.id === id);
  const two = content.findings.find((each) => each.id === other);
  if (!one || !two || one === two || one.laterality !== two.laterality) return null;
  const members: Member[] = one.members.map((each) => ({ ...each }));
  for (const member of two.members) {
    const same = members.findIndex((each) => each.view === member.view);
    const view = views.find((each) => each.uid === member.view);
    if (same < 0) members.push({ ...member });
    else {
      const mine = members[same] as Member;
      const names = [...new Set([...mine.calcifications, ...member.calcifications])];
      const points = hull([...mine.outline, ...member.outline]);
      members[same] = { view: member.view, group: null, calcifications: names, outline: view && names.length > 1 ? hull([...points, ...outlineOf(names, view)]) : points };
    }
  }
  const joined: Finding = measured({ ...one, members, sentence_edited: false, change: null, edits: note(one, "merged", id, `${id} + ${other}`) }, views);
  return { ...content, findings: content.findings.filter((each) => each !== two).map((each) => (each === one ? joined : each)) };
}

function note(finding: Finding, field: string, was: string, is: string): Finding["edits"] {
  return [...finding.edits, { field, was, is, reason: "" }];
}

/** Count and extent anew from the calcifications: the largest over the views, as the report has it. */
function measured(finding: Finding, views: View[]): Finding {
  let count = 0;
  let most = 0;
  for (const member of finding.members) {
    count = Math.max(count, member.calcifications.length);
    const view = views.find((each) => each.uid === member.view);
    if (!view) continue;
    const named = new Set(member.calcifications);
    const points = view.calcifications.filter((each) => named.has(each.id)).map((each): Point => [each.x, each.y]);
    most = Math.max(most, span(points) * view.pixel_mm);
  }
  if (!count) return finding;
  return { ...finding, count, span_mm: count > 1 ? Number((most || finding.span_mm || 0).toFixed(2)) : null };
}

export function outlineOf(names: string[], view: View): Point[] {
  const named = new Set(names);
  const points = view.calcifications.filter((each) => named.has(each.id)).flatMap((each): Point[] => (each.outline.length ? each.outline : [[each.x, each.y]]));
  return hull(points);
}

/** What is drawn around a finding in a view: its outline, a little wider than its calcifications. */
export function rim(member: Member, view: View): Point[] {
  const points = member.outline.length ? member.outline : outlineOf(member.calcifications, view);
  return points.length ? grow(points, 0.8 / view.pixel_mm) : [];
}

export function remove(content: Content, id: string): Content {
  return { ...content, findings: content.findings.filter((each) => each.id !== id) };
}

/** What stands against signing, in the panel's words. */
export function faults(content: Content): { id: string; what: "open" | "reason" | "edit" }[] {
  return content.findings.flatMap((each): { id: string; what: "open" | "reason" | "edit" }[] => {
    if (each.decision === "open") return [{ id: each.id, what: "open" }];
    if (each.decision === "rejected") return each.origin === "calcscope" && !each.reason.trim() ? [{ id: each.id, what: "reason" }] : [];
    return each.edits.some((edit) => REASONED.has(edit.field) && !edit.reason.trim()) ? [{ id: each.id, what: "edit" }] : [];
  });
}

/** A term in words; the identifier itself where the terms lack it. */
export function display(terms: Terms, table: Table, id: string | null | undefined): string {
  if (!id) return "";
  return terms[table][id] ?? id.replaceAll("_", " ");
}
