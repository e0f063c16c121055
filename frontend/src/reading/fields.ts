// What a reader may change of a finding, and how its values are said.
import type { Table, Terms } from "../contract";
import { t, type Word, word } from "../words";
import { display, type Field } from "./draft";

export interface Choice {
  field: Field;
  label: Word;
  table: Table;
  empty: boolean;
}

export const CHOICES: Choice[] = [
  { field: "morphology", label: word("Morphology"), table: "morphology", empty: true },
  { field: "distribution", label: word("Distribution"), table: "distribution", empty: true },
  { field: "typical_kind", label: word("Typically benign kind"), table: "typical_kinds", empty: true },
  { field: "location.quadrant", label: word("Quadrant"), table: "quadrants", empty: true },
  { field: "location.half", label: word("Half"), table: "halves", empty: true },
  { field: "location.depth", label: word("Depth"), table: "depths", empty: true },
  { field: "category", label: word("Category"), table: "categories", empty: false },
  { field: "next_step", label: word("Next step"), table: "steps", empty: false },
];

export const NUMBER = word("Number");
export const EXTENT = word("Extent, mm");
export const CLOCK = word("Clock");
export const DUE = word("Due in days");

const NAMES = new Map<string, Word>([
  ...CHOICES.map((each) => [each.field, each.label] as const),
  ["count", NUMBER],
  ["span_mm", EXTENT],
  ["due_days", DUE],
  ["location.clock", CLOCK],
  ["location", word("Place in the breast")],
  ["split", word("Split")],
  ["merged", word("Merged")],
  ["decision", word("Decision")],
  ["reason", word("Reason")],
  ["sentence", word("Paragraph for the report")],
  ["members", word("Where it is marked")],
  ["edits", word("Reasons of the changes")],
  ["comment", word("Comment")],
]);

const DECISIONS = new Map<string, Word>([
  ["open", word("to decide")],
  ["accepted", word("accepted")],
  ["rejected", word("rejected")],
]);

/** A field's name; of one that nobody chooses, its identifier. */
export function fieldName(field: string): string {
  const name = NAMES.get(field);
  return name ? t(name) : field.replaceAll("_", " ");
}

export function decisionWords(decision: string): string {
  const said = DECISIONS.get(decision);
  return said ? t(said) : decision;
}

/** A value as the page shows it where the reader chooses it. */
export function valueWords(terms: Terms, field: string, value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  if (field === "decision") return decisionWords(String(value));
  const choice = CHOICES.find((each) => each.field === field);
  if (!choice || choice.table === "categories") return String(value);
  // Of a step what is to be done; how and when stands in the report.
  return choice.table === "steps" ? (stepWords(terms, String(value)).split(/[;:]/)[0] as string) : display(terms, choice.table, String(value));
}

/** A step in a few words: its text has gaps for side and date. */
export function stepWords(terms: Terms, code: string): string {
  return (terms.steps[code] ?? code.replaceAll("_", " ")).replace(/,? ?\{due\}/g, "").replace(/ ?(of )?(the )?\{side\}/g, "").replace(/\s+([.,;:])/g, "$1").replace(/\.$/, "");
}
