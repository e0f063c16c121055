import { expect, test } from "vitest";
import type { Point } from "../src/contract";
import { apply, boxOf, compose, grow, hull, imageToPane, inside, invert, panBy, showBox, span, zoomAt } from "../src/stage/geometry";

const pane = { width: 400, height: 300 };
const place = { x: 50, y: 60, zoom: 2, flipX: true, flipY: false };
const near = (a: Point, b: Point): void => a.forEach((value, k) => expect(value).toBeCloseTo(b[k] as number, 9));

test("the image point in the middle lies in the middle of the pane, mirrored or not", () => {
  near(apply(imageToPane(place, pane), [50, 60]), [200, 150]);
  near(apply(imageToPane(place, pane), [51, 61]), [198, 152]);
});

test("a map and its inverse, and two maps in turn, give back the point", () => {
  const map = imageToPane(place, pane);
  near(apply(invert(map), apply(map, [13, 7])), [13, 7]);
  near(apply(compose(invert(map), map), [13, 7]), [13, 7]);
  expect(() => invert([[1, 2, 0], [2, 4, 0]])).toThrow("no inverse");
});

test("zooming keeps the image point under the pointer", () => {
  const at: Point = [37, 250];
  const before = apply(invert(imageToPane(place, pane)), at);
  const zoomed = zoomAt(place, pane, at, 3);
  near(apply(invert(imageToPane(zoomed, pane)), at), before);
  expect(zoomed.zoom).toBe(6);
});

test("panning moves what is seen with the pointer", () => {
  const moved = panBy(place, 10, -4);
  near(apply(imageToPane(moved, pane), [50, 60]), [210, 146]);
});

test("a box is shown whole, in the middle, and not larger than asked", () => {
  const shown = showBox(place, pane, { left: 0, top: 0, right: 100, bottom: 50 }, 0, 40);
  expect([shown.x, shown.y, shown.zoom]).toEqual([50, 25, 4]);
  expect(showBox(place, pane, { left: 0, top: 0, right: 1, bottom: 1 }, 0, 4).zoom).toBe(4);
});

test("points within and without a polygon that is not convex", () => {
  const horseshoe: Point[] = [[0, 0], [9, 0], [9, 9], [6, 9], [6, 3], [3, 3], [3, 9], [0, 9]];
  expect(inside(horseshoe, [1, 8])).toBe(true);
  expect(inside(horseshoe, [4.5, 6])).toBe(false);
});

test("a hull holds all points, a grown one lies around them, one point becomes a ring", () => {
  const points: Point[] = [[0, 0], [4, 0], [4, 3], [0, 3], [2, 1]];
  expect(hull(points)).toHaveLength(4);
  expect(points.every((p) => inside(grow(points, 1), p))).toBe(true);
  expect(boxOf(grow([[5, 5]], 2))).toEqual({ left: 3, top: 3, right: 7, bottom: 7 });
  expect(span(points)).toBe(5);
  expect(boxOf([])).toBeNull();
});
