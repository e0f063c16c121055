import { expect, test } from "vitest";
import { compared, takeComment, takeOver } from "../src/reading/arbitration";
import type { BlindReading, Finding, Point } from "../src/contract";
import { content, finding } from "./exams";

const reading = (...findings: Finding[]): BlindReading => ({ who: "Dr. One", findings, assessment: { left: "0", right: "1", overall: "0" }, comment: "" });
const square = (x: number): Point[] => [[x, 0], [x + 10, 0], [x + 10, 10], [x, 10]];
const drawn = (id: string, x: number): Finding => finding(id, { origin: "reader", members: [{ view: "LCC", group: null, calcifications: [], outline: square(x) }] });

test("what differs between two readings of a finding", () => {
  const pairs = compared([
    reading(finding("F1", { decision: "accepted" }), finding("F2", { decision: "accepted" }), finding("F3", { decision: "rejected" })),
    reading(finding("F1", { decision: "accepted", category: "2", next_step: "routine" }), finding("F2", { decision: "rejected" }), finding("F3", { decision: "rejected", reason: "skin" })),
  ]);
  expect(pairs.map((each) => each.differs)).toEqual([["category", "next_step"], ["decision"], []]);
});

test("findings that readers drew are the same where they lie over one another, whatever their names", () => {
  const pairs = compared([reading(finding("F1"), drawn("F2", 0), drawn("F3", 100)), reading(finding("F1"), drawn("F2", 105), drawn("F3", 300))]);
  expect(pairs.map(({ findings, differs }) => [findings[0]?.id, findings[1]?.id, differs])).toEqual([
    ["F1", "F1", []],
    ["F2", undefined, ["only"]],
    ["F3", "F2", []],
    [undefined, "F3", ["only"]],
  ]);
});

test("a finding that is taken over replaces the draft's own, keeps its reasons, and is taken once", () => {
  const draft = content(finding("F1"), finding("F2"));
  const theirs = finding("F1", { decision: "accepted", category: "2", edits: [{ field: "category", was: "0", is: "2", reason: "vascular" }] });
  const { content: taken, id } = takeOver(draft, theirs);
  expect([id, taken.findings]).toEqual(["F1", [theirs, draft.findings[1]]]);
  const added = takeOver(taken, drawn("F2", 0));
  expect([added.id, added.content.findings.map((each) => each.id)]).toEqual(["F3", ["F1", "F2", "F3"]]);
  expect(takeOver(added.content, drawn("F2", 5)).id).toBe("F3");
  expect(draft.findings[0]?.category).toBe("0");
});

test("a reading's comment comes after the draft's own, once", () => {
  const draft = content(finding("F1"));
  const taken = takeComment(draft, "Seen by both. ");
  expect(taken.comment).toBe("Seen by both.");
  expect(takeComment(taken, "Seen by both.")).toBe(taken);
  expect(takeComment(taken, "Old films asked for.").comment).toBe("Seen by both.\nOld films asked for.");
});
