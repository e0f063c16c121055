// Two blind readings beside one another: which findings are the same, what differs, and taking one over.
import type { BlindReading, Content, Finding } from "../contract";
import { boxOf } from "../stage/geometry";
import { nextId } from "./draft";

export interface Pair {
  findings: [Finding | null, Finding | null]; // of the first reading and of the second
  differs: string[]; // fields that differ; "only" where one reading lacks the finding
}

const FIELDS = ["category", "next_step", "due_days", "morphology", "distribution", "typical_kind", "count"] as const;

/** The findings of both readings, the same ones together: the first's order, then what only the second has. */
export function compared([first, second]: BlindReading[]): Pair[] {
  if (!first || !second) return [];
  const rest = [...second.findings];
  const pairs = first.findings.map((one): Pair => {
    const at = rest.findIndex((other) => same(one, other));
    const other = at < 0 ? null : (rest.splice(at, 1)[0] as Finding);
    return { findings: [one, other], differs: differences(one, other) };
  });
  return [...pairs, ...rest.map((other): Pair => ({ findings: [null, other], differs: differences(other, null) }))];
}

function differences(one: Finding, other: Finding | null): string[] {
  // A finding that one rejects and the other does not have at all is none for both.
  if (!other) return one.decision === "rejected" ? [] : ["only"];
  if (one.decision !== other.decision) return ["decision"];
  return one.decision === "rejected" ? [] : FIELDS.filter((field) => one[field] !== other[field]);
}

/** The engine's by name; those that readers drew where they lie over one another. */
function same(one: Finding, other: Finding): boolean {
  if (one.origin === "calcscope" || other.origin === "calcscope") return one.origin === other.origin && one.id === other.id;
  return one.members.some((mine) =>
    other.members.some((theirs) => {
      if (mine.view !== theirs.view) return false;
      if (mine.calcifications.some((name) => theirs.calcifications.includes(name))) return true;
      const [a, b] = [boxOf(mine.outline), boxOf(theirs.outline)];
      return a !== null && b !== null && a.left <= b.right && b.left <= a.right && a.top <= b.bottom && b.top <= a.bottom;
    }),
  );
}

/** The draft with a reading's finding in the place of its own one, or added where it has none. */
export function takeOver(content: Content, finding: Finding): { content: Content; id: string } {
  const own = content.findings.find((each) => same(each, finding));
  if (own) return { content: { ...content, findings: content.findings.map((each) => (each === own ? { ...finding, id: own.id } : each)) }, id: own.id };
  const id = content.findings.some((each) => each.id === finding.id) ? nextId(content) : finding.id;
  return { content: { ...content, findings: [...content.findings, { ...finding, id }] }, id };
}

/** The draft with a reading's comment after its own; as it was where it holds it already. */
export function takeComment(content: Content, comment: string): Content {
  const own = content.comment.trimEnd();
  if (own.includes(comment.trim())) return content;
  return { ...content, comment: own ? `${own}\n${comment.trim()}` : comment.trim() };
}
