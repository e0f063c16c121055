import { expect, test } from "vitest";
import type { Point } from "../src/contract";
import { addDrawn, decide, faults, followCategory, merge, nextId, placed, remove, rim, setField, setReason, split } from "../src/reading/draft";
import { content, exam, finding, view } from "./exams";

const box = (left: number, top: number, right: number, bottom: number): Point[] => [[left, top], [right, top], [right, bottom], [left, bottom]];

test("a changed term is kept with what it was; changed back, nothing is left", () => {
  const once = setField(content(finding("F1")), "F1", "morphology", "amorphous");
  expect(once.findings[0]?.edits).toEqual([{ field: "morphology", was: "punctate", is: "amorphous", reason: "" }]);
  const twice = setField(once, "F1", "morphology", "round");
  expect(twice.findings[0]?.edits).toEqual([{ field: "morphology", was: "punctate", is: "round", reason: "" }]);
  expect(setField(twice, "F1", "morphology", "punctate").findings[0]?.edits).toEqual([]);
});

test("places are changed within the location, the paragraph is marked as the reader's", () => {
  const changed = setField(setField(content(finding("F1")), "F1", "location.clock", 11), "F1", "sentence", "Mine.");
  expect(changed.findings[0]?.location.clock).toBe(11);
  expect(changed.findings[0]).toMatchObject({ sentence: "Mine.", sentence_edited: true });
  expect(changed.findings[0]?.edits.map((edit) => edit.field)).toEqual(["location.clock"]);
});

const RULES = {
  step_of_category: { "0": "magnification_views", "2": "routine", "3": "short_interval", "4A": "biopsy" },
  step_days: { magnification_views: 14, routine: 365, short_interval: 183, biopsy: 14 },
};

test("the step and its days follow the category, but for a step that the reader chose", () => {
  const as = (draft: ReturnType<typeof content>, category: string) => followCategory(setField(draft, "F1", "category", category), "F1", RULES);
  const benign = as(content(finding("F1")), "2");
  expect(benign.findings[0]).toMatchObject({ next_step: "routine", due_days: 365 });
  expect(benign.findings[0]?.edits.map((edit) => edit.field)).toEqual(["category"]);
  expect(as(benign, "3").findings[0]).toMatchObject({ next_step: "short_interval", due_days: 183 });
  expect(as(benign, "0").findings[0]).toMatchObject({ next_step: "magnification_views", due_days: 14, edits: [] });
  expect(as(benign, "6").findings[0]).toMatchObject({ next_step: "routine", due_days: 365 });
  const own = setReason(setField(benign, "F1", "next_step", "short_interval"), "F1", "next_step", "to be sure");
  const worse = as(own, "4A").findings[0];
  expect(worse?.next_step).toBe("short_interval");
  expect(worse?.edits.find((edit) => edit.field === "next_step")).toEqual({ field: "next_step", was: "biopsy", is: "short_interval", reason: "to be sure" });
  expect(as(own, "3").findings[0]?.edits.map((edit) => edit.field)).toEqual(["category"]);
});

test("nothing is signed with open findings, rejections or categories without a reason", () => {
  let draft = content(finding("F1"), finding("F2"), finding("F3"), finding("F4", { origin: "reader" }));
  draft = decide(draft, "F2", "rejected");
  draft = decide(setField(draft, "F3", "category", "2"), "F3", "accepted");
  draft = decide(draft, "F4", "rejected");
  expect(faults(draft)).toEqual([{ id: "F1", what: "open" }, { id: "F2", what: "reason" }, { id: "F3", what: "edit" }]);
  draft = setReason(setReason(decide(draft, "F1", "accepted"), "F2", null, "skin fold"), "F3", "category", "seen before");
  expect(faults(draft)).toEqual([]);
});

test("a drawn finding takes the calcifications within and measures them", () => {
  const { content: draft, id } = addDrawn(content(finding("F7")), view("L", "CC"), box(295, 480, 325, 520), "screening");
  expect(id).toBe("F8");
  expect(draft.findings[1]).toMatchObject({ origin: "reader", decision: "accepted", laterality: "L", count: 3, span_mm: 2 });
  expect(draft.findings[1]?.members[0]?.calcifications).toEqual(["C0", "C1", "C2"]);
  const empty = addDrawn(content(), view("L", "CC"), box(0, 0, 30, 40), "screening").content.findings[0];
  expect(empty).toMatchObject({ count: 1, span_mm: 5, decision: "open" });
});

test("a drawn finding takes the place that its view tells, but for what the reader chose", () => {
  const found = { quadrant: null, half: "outer", clock: null, depth: "middle", nipple_mm: 30, certainty: "one view" };
  const chosen = setField(content(finding("F1", { origin: "reader", location: { half: "outer", depth: "anterior" } })), "F1", "location.half", "inner").findings[0]!;
  expect(placed(chosen, found)).toEqual({ ...found, half: "inner" });
});

test("a part is split off with its own count; all or nothing is no part", () => {
  const draft = content(finding("F1"));
  const given = split(draft, "F1", view("L", "CC"), box(315, 480, 400, 520));
  expect(given?.content.findings.map((each) => [each.id, each.count, each.members[0]?.calcifications])).toEqual([["F1", 2, ["C0", "C1"]], ["F2", 2, ["C2", "C3"]]]);
  expect(split(draft, "F1", view("L", "CC"), box(0, 0, 900, 900))).toBeNull();
  expect(split(draft, "F1", view("L", "CC"), box(0, 0, 9, 9))).toBeNull();
  expect(draft.findings).toHaveLength(1);
});

test("two findings become one over all their views; two breasts do not", () => {
  const other = finding("F2", { members: [{ view: "LCC", group: null, calcifications: ["C3"], outline: [] }, { view: "LMLO", group: "G1", calcifications: ["C0"], outline: [] }] });
  const joined = merge(content(finding("F1", { members: [{ view: "LCC", group: null, calcifications: ["C0", "C1"], outline: [] }] }), other), "F1", "F2", exam().views);
  expect(joined?.findings).toHaveLength(1);
  expect(joined?.findings[0]).toMatchObject({ id: "F1", count: 3, span_mm: 3 });
  expect(joined?.findings[0]?.members.map((each) => [each.view, each.calcifications])).toEqual([["LCC", ["C0", "C1", "C3"]], ["LMLO", ["C0"]]]);
  expect(merge(content(finding("F1"), finding("F2", { laterality: "R" })), "F1", "F2", exam().views)).toBeNull();
});

test("names are never used twice, removing removes", () => {
  expect(nextId(content(finding("F2"), finding("X1")))).toBe("F3");
  expect(remove(content(finding("F1"), finding("F2")), "F1").findings.map((each) => each.id)).toEqual(["F2"]);
});

test("the rim lies around a lone calcification too", () => {
  const ring = rim({ view: "LCC", group: null, calcifications: ["C0"], outline: [] }, view("L", "CC"));
  expect(Math.min(...ring.map((p) => p[0]))).toBeCloseTo(290);
});
