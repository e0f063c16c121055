import { expect, test } from "vitest";
import { change, decide, remove, setField } from "../src/reading/draft";
import { choose, equal, threeWay } from "../src/reading/merging";
import { content, finding } from "./exams";

const base = content(finding("F1"), finding("F2"));

test("what only one side changed is taken without asking", () => {
  const mine = decide(base, "F1", "accepted");
  const theirs = { ...setField(base, "F2", "morphology", "round"), comment: "theirs" };
  const { content: merged, conflicts } = threeWay(base, mine, theirs);
  expect(conflicts).toEqual([]);
  expect(merged.findings.map((each) => [each.decision, each.morphology])).toEqual([["accepted", "punctate"], ["open", "round"]]);
  expect(merged.comment).toBe("theirs");
});

test("what both changed otherwise is asked about, and either can be taken", () => {
  const { content: merged, conflicts } = threeWay(base, decide(base, "F1", "accepted"), decide(base, "F1", "rejected"));
  expect(conflicts.map(({ path, mine, theirs }) => [path, mine, theirs])).toEqual([["F1.decision", "accepted", "rejected"]]);
  expect(choose(merged, "F1.decision", "accepted").findings[0]?.decision).toBe("accepted");
});

test("the same change on both sides is none to ask about", () => {
  const changed = decide(base, "F1", "accepted");
  expect(threeWay(base, changed, structuredClone(changed)).conflicts).toEqual([]);
});

test("findings that one side added or removed", () => {
  const mine = content(...base.findings, finding("F3"));
  expect(threeWay(base, mine, base).content.findings.map((each) => each.id)).toEqual(["F1", "F2", "F3"]);
  expect(threeWay(base, base, mine).content.findings).toHaveLength(3);
  expect(threeWay(base, remove(base, "F2"), base).content.findings.map((each) => each.id)).toEqual(["F1"]);
  const gone = threeWay(base, change(base, "F2", (each) => ({ ...each, count: 9 })), remove(base, "F2"));
  expect(gone.conflicts.map((each) => each.path)).toEqual(["F2"]);
  expect(choose(gone.content, "F2", gone.conflicts[0]?.mine).findings).toHaveLength(2);
});

test("what follows from the findings is never asked about", () => {
  const mine = { ...base, assessment: { left: "2", right: "1", overall: "2" } };
  const theirs = { ...base, assessment: { left: "4A", right: "1", overall: "4A" } };
  expect(threeWay(base, mine, theirs).conflicts).toEqual([]);
});

test("the order of names in JSON makes no difference", () => {
  expect(equal(base, JSON.parse(JSON.stringify({ comment: "", next_steps: [], assessment: base.assessment, findings: base.findings })))).toBe(true);
});
