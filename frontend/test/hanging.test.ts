import { expect, test } from "vitest";
import { apply, imageToPane } from "../src/stage/geometry";
import { arrange, chestAtLeft, earlierOf, hang, hangings, laidRoughly, mirrored, upsideDown } from "../src/stage/hanging";
import { exam, speakEnglish, view } from "./exams";

speakEnglish();

const names = (grid: ({ view: { label: string } } | null)[][] | undefined): string[][] | undefined => grid?.map((row) => row.map((each) => each?.view.label ?? "-"));

test("first all four, then each breast, then each view, then the priors", () => {
  const list = hangings({ exams: [exam(), exam(false)] });
  expect(list.map((each) => each.id).slice(0, 11)).toEqual(["all", "side-R", "side-L", "single-RCC", "single-LCC", "single-RMLO", "single-LMLO", "prior-CC", "prior-MLO", "prior-side-R", "prior-side-L"]);
  expect(names(list[0]?.grids[0])).toEqual([["RCC", "LCC", "RMLO", "LMLO"]]);
  expect(names(list[0]?.grids[1])).toEqual([["RCC", "LCC"], ["RMLO", "LMLO"]]);
});

test("priors lie below, or outside of the current views", () => {
  const prior = hangings({ exams: [exam(), exam(false)] }).find((each) => each.id === "prior-CC");
  expect(prior?.grids[0]?.map((row) => row.map((each) => each?.exam.current))).toEqual([[true, true], [false, false]]);
  expect(prior?.grids[1]?.[0]?.map((each) => [each?.view.label, each?.exam.current])).toEqual([["RCC", false], ["RCC", true], ["LCC", true], ["LCC", false]]);
});

test("one view alone hangs alone; a missing view leaves its place free", () => {
  expect(hangings({ exams: [exam(true, [view("L", "CC")])] }).map((each) => names(each.grids[0]))).toEqual([[["LCC"]]]);
  const three = hangings({ exams: [exam(true, [view("L", "CC"), view("L", "MLO"), view("R", "MLO")])] });
  expect(names(three[0]?.grids[1])).toEqual([["-", "LCC"], ["RMLO", "LMLO"]]);
  expect(hangings({ exams: [] })).toEqual([]);
});

test("magnification views are no standard views, and are seen one by one", () => {
  const views = [...exam().views, view("L", "CC", { uid: "LCCM", modifiers: ["magnification"], label: "LCC magnification" })];
  const list = hangings({ exams: [exam(true, views)] });
  expect(names(list[0]?.grids[0])).toEqual([["RCC", "LCC", "RMLO", "LMLO"]]);
  expect(list.at(-1)?.name).toBe("LCC magnification");
});

test("views stored the other way round are mirrored", () => {
  const turned = view("L", "CC", { outline: view("R", "CC").outline, nipple: view("R", "CC").nipple });
  expect([chestAtLeft(view("L", "CC")), chestAtLeft(view("R", "CC")), chestAtLeft(turned)]).toEqual([true, false, false]);
  expect([mirrored(view("L", "CC")), mirrored(view("R", "CC")), mirrored(turned)]).toEqual([false, false, true]);
});

test("the head, or the outer side, comes to the top", () => {
  expect(upsideDown(view("L", "MLO"), ["A", "FR"])).toBe(false);
  expect(upsideDown(view("L", "MLO"), ["A", "HL"])).toBe(true);
  expect(upsideDown(view("L", "CC"), ["A", "R"])).toBe(false);
  expect(upsideDown(view("L", "CC"), ["A", "L"])).toBe(true);
  expect(upsideDown(view("L", "CC"), [])).toBe(false);
});

test("chest walls meet in the middle, at one scale, also of pixels of two sizes", () => {
  const views = [view("R", "CC"), view("L", "CC", { pixel_mm: 0.05 })];
  const list = hangings({ exams: [exam(true, views)] });
  const { pane, scale } = arrange(list[0] as never, { width: 802, height: 400 });
  const [right, left] = views.map((each) => ({ each, place: hang(each, pane, scale, false, false) }));
  const edge = (given: typeof right, x: number): number => apply(imageToPane((given as NonNullable<typeof right>).place, pane), [x, 0])[0];
  expect(edge(right, 999.5)).toBeCloseTo(pane.width, 6);
  expect(edge(left, -0.5)).toBeCloseTo(0, 6);
  expect((right?.place.zoom ?? 0) / 0.1).toBeCloseTo((left?.place.zoom ?? 0) / 0.05, 9);
});

test("four beside one another on a wide stage, two by two on an upright one", () => {
  const all = hangings({ exams: [exam()] })[0] as never;
  expect(arrange(all, { width: 1600, height: 700 }).grid).toHaveLength(1);
  expect(arrange(all, { width: 700, height: 900 }).grid).toHaveLength(2);
});

test("an earlier view that nothing registered lies under by chest wall, nipple and millimetres", () => {
  const now = view("R", "CC");
  const before = view("R", "CC", { pixel_mm: 0.05, columns: 2000, rows: 2400, nipple: [790, 1300], outline: now.outline.map(([x, y]) => [2 * x, 2 * y]) });
  const map = laidRoughly(now, before);
  expect(apply(map, now.nipple as [number, number])[1]).toBeCloseTo(1300);
  expect(apply(map, [999.5, 0])[0]).toBeCloseTo(1999.5); // the chest wall
  expect(apply(map, [899.5, 0])[0]).toBeCloseTo(1799.5); // ten millimetres from it
  const turned = { ...view("L", "CC"), laterality: "R" as const }; // stored the other way round
  expect(apply(laidRoughly(now, turned), [899.5, 0])[0]).toBeCloseTo(99.5);
});

test("the newest earlier exam with the view is the one to blink with", () => {
  const [old, newer] = [{ ...exam(false), id: "old" }, { ...exam(false, [view("L", "CC")]), id: "newer" }];
  const page = { exams: [exam(), newer, old] };
  expect([view("L", "CC"), view("R", "CC")].map((each) => earlierOf(page, each)?.exam.id)).toEqual(["newer", "old"]);
  expect(earlierOf(page, view("L", "CC", { modifiers: ["magnification"] }))).toBeNull();
});
