// Points, affine maps and polygons. Image points are 0-based pixel centres; pane points are CSS pixels from the
// pane's upper left corner.
import type { Affine, Point } from "../contract";

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface Size {
  width: number;
  height: number;
}

/** How an image lies in its pane: the image point in the middle, CSS pixels an image pixel, and mirrors. */
export interface Placement {
  x: number;
  y: number;
  zoom: number;
  flipX: boolean;
  flipY: boolean;
}

export function apply([[a, b, c], [d, e, f]]: Affine, [x, y]: Point): Point {
  return [a * x + b * y + c, d * x + e * y + f];
}

/** First `inner`, then `outer`. */
export function compose(outer: Affine, inner: Affine): Affine {
  const [[a, b, c], [d, e, f]] = outer;
  const [[g, h, i], [j, k, l]] = inner;
  return [
    [a * g + b * j, a * h + b * k, a * i + b * l + c],
    [d * g + e * j, d * h + e * k, d * i + e * l + f],
  ];
}

export function invert([[a, b, c], [d, e, f]]: Affine): Affine {
  const det = a * e - b * d;
  if (Math.abs(det) < 1e-12) throw new Error("the map has no inverse");
  return [
    [e / det, -b / det, (b * f - c * e) / det],
    [-d / det, a / det, (c * d - a * f) / det],
  ];
}

export function imageToPane(place: Placement, pane: Size): Affine {
  const sx = place.flipX ? -place.zoom : place.zoom;
  const sy = place.flipY ? -place.zoom : place.zoom;
  return [
    [sx, 0, pane.width / 2 - sx * place.x],
    [0, sy, pane.height / 2 - sy * place.y],
  ];
}

export function boxOf(points: Point[]): Box | null {
  if (!points.length) return null;
  const xs = points.map((p) => p[0]);
  const ys = points.map((p) => p[1]);
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

/** Zooms about a pane point, which keeps its image point. */
export function zoomAt(place: Placement, pane: Size, at: Point, factor: number, least = 0.01, most = 40): Placement {
  const zoom = Math.min(Math.max(place.zoom * factor, least), most);
  const [x, y] = apply(invert(imageToPane(place, pane)), at);
  const moved = { ...place, zoom };
  const [u, v] = apply(invert(imageToPane(moved, pane)), at);
  return { ...moved, x: moved.x + x - u, y: moved.y + y - v };
}

/** Moves the image by CSS pixels. */
export function panBy(place: Placement, dx: number, dy: number): Placement {
  const sx = place.flipX ? -place.zoom : place.zoom;
  const sy = place.flipY ? -place.zoom : place.zoom;
  return { ...place, x: place.x - dx / sx, y: place.y - dy / sy };
}

/** Shows a box of the image in the middle, with a margin, no larger than `most` CSS pixels an image pixel. */
export function showBox(place: Placement, pane: Size, box: Box, margin = 0.2, most = 4): Placement {
  const wide = Math.max(box.right - box.left, 1);
  const high = Math.max(box.bottom - box.top, 1);
  const zoom = Math.min((pane.width * (1 - margin)) / wide, (pane.height * (1 - margin)) / high, most);
  return { ...place, zoom, x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
}

/** Even-odd rule; points on the edge may fall to either side. */
export function inside(polygon: Point[], [x, y]: Point): boolean {
  let is = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [xi, yi] = polygon[i] as Point;
    const [xj, yj] = polygon[j] as Point;
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) is = !is;
  }
  return is;
}

/** Convex hull, counter-clockwise in a plane with y up (Andrew 1979, monotone chain). */
export function hull(points: Point[]): Point[] {
  const sorted = [...points].sort((p, q) => p[0] - q[0] || p[1] - q[1]);
  if (sorted.length < 3) return sorted;
  const half = (all: Point[]): Point[] => {
    const chain: Point[] = [];
    for (const p of all) {
      while (chain.length >= 2 && turn(chain.at(-2) as Point, chain.at(-1) as Point, p) <= 0) chain.pop();
      chain.push(p);
    }
    chain.pop();
    return chain;
  };
  return [...half(sorted), ...half(sorted.reverse())];
}

function turn(o: Point, a: Point, b: Point): number {
  return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);
}

/** The polygon moved outwards by `by`, so that a hull does not cut through the marks it holds. */
export function grow(points: Point[], by: number): Point[] {
  const rim = 8;
  const around = points.flatMap(([x, y]) =>
    Array.from({ length: rim }, (_, k): Point => {
      const angle = (2 * Math.PI * k) / rim;
      return [x + by * Math.cos(angle), y + by * Math.sin(angle)];
    }),
  );
  return hull(around);
}

/** Greatest distance between two points, in the points' own unit. */
export function span(points: Point[]): number {
  let most = 0;
  for (const [i, p] of points.entries())
    for (const q of points.slice(i + 1)) most = Math.max(most, Math.hypot(p[0] - q[0], p[1] - q[1]));
  return most;
}
