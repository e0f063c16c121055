// Which views hang where. Right and left back to back, chest walls together, all at one scale
// (the customary hanging: right breast at the reader's left, as if facing the woman).
import type { Affine, Exam, Page, Side, View } from "../contract";
import { t } from "../words";
import { type Box, boxOf, type Placement, type Size } from "./geometry";

export interface Hung {
  view: View;
  exam: Exam;
}

export type Grid = (Hung | null)[][]; // rows of panes

export interface Hanging {
  id: string;
  name: string;
  grids: Grid[]; // other arrangements of the same; the one that shows them largest is taken
}

const ORDER = ["CC", "MLO"];

/** All hangings of the page's exams, in the order that one key steps through. */
export function hangings(page: Pick<Page, "exams">): Hanging[] {
  const now = page.exams.find((exam) => exam.current) ?? page.exams[0];
  if (!now) return [];
  const priors = page.exams.filter((exam) => exam !== now);
  const list: Hanging[] = [];
  const hung = (exam: Exam, side: Side, view: string): Hung | null => {
    const found = plain(exam).find((each) => each.laterality === side && each.view === view);
    return found ? { view: found, exam } : null;
  };
  const pair = (exam: Exam, view: string): (Hung | null)[] => [hung(exam, "R", view), hung(exam, "L", view)];
  const add = (id: string, name: string, ...grids: Grid[]): void => {
    const kept = grids.map((grid) => tidy(grid)).filter((grid) => grid.length);
    if (kept.length) list.push({ id, name, grids: kept });
  };

  const pairs = ORDER.map((view) => pair(now, view)).filter((row) => row.some(Boolean));
  if (pairs.length > 1) add("all", t("All views"), [pairs.flat()], pairs);
  else if (pairs[0]) add("all", t("All views"), [pairs[0]]);
  for (const side of ["R", "L"] as const) {
    const both = ORDER.map((view) => hung(now, side, view));
    if (both.every(Boolean)) add(`side-${side}`, `${side} CC, ${side} MLO`, [both]);
  }
  const singles = [...now.views].sort((a, b) => rank(a) - rank(b));
  for (const view of singles)
    if (singles.length > 1 || !list.length) add(`single-${view.uid}`, view.label, [[{ view, exam: now }]]);

  for (const prior of priors.slice(0, 1)) {
    for (const view of ORDER) {
      const current = pair(now, view);
      const before = pair(prior, view);
      if (current.some(Boolean) && before.some(Boolean))
        add(`prior-${view}`, t("{view} with prior", { view }), [current, before], [
          [before[0] ?? null, current[0] ?? null, current[1] ?? null, before[1] ?? null],
        ]);
    }
  }
  for (const prior of priors.slice(0, 1)) {
    for (const side of ["R", "L"] as const) {
      const current = ORDER.map((view) => hung(now, side, view));
      const before = ORDER.map((view) => hung(prior, side, view));
      const beside = current.flatMap((each, k) => (side === "R" ? [before[k] ?? null, each] : [each, before[k] ?? null]));
      if (current.some(Boolean) && before.some(Boolean)) add(`prior-side-${side}`, t("{view} with prior", { view: `${side} CC, ${side} MLO` }), [current, before], [beside]);
    }
  }
  for (const view of singles) {
    for (const prior of priors) {
      const before = plain(prior).find((each) => each.laterality === view.laterality && each.view === view.view);
      if (!before || view.modifiers.length) continue;
      const [a, b] = [{ view, exam: now }, { view: before, exam: prior }];
      // The prior lies away from the other breast, as a reader expects: outside.
      add(`pair-${view.uid}-${prior.id}`, t("{view} with prior {date}", { view: view.label, date: prior.date ?? "" }).trim(), [view.laterality === "R" ? [b, a] : [a, b]], [[a], [b]]);
    }
  }
  return list;
}

/** The newest earlier view of the same projection, for a view as it is taken of every breast. */
export function earlierOf(page: Pick<Page, "exams">, view: View): Hung | null {
  if (view.modifiers.length) return null;
  for (const exam of page.exams) {
    const found = exam.current ? undefined : plain(exam).find((each) => each.laterality === view.laterality && each.view === view.view);
    if (found) return { view: found, exam };
  }
  return null;
}

function plain(exam: Exam): View[] {
  const standard = exam.views.filter((view) => !view.modifiers.length);
  return standard.length ? standard : exam.views;
}

function rank(view: View): number {
  const at = ORDER.indexOf(view.view);
  return (view.modifiers.length ? 100 : 0) + (at < 0 ? 10 : at) + (view.laterality === "R" ? 0 : 0.5);
}

/** Without rows and columns in which nothing hangs. */
function tidy(grid: Grid): Grid {
  const rows = grid.filter((row) => row.some(Boolean));
  const wide = Math.max(0, ...rows.map((row) => row.length));
  const kept = Array.from({ length: wide }, (_, k) => k).filter((k) => rows.some((row) => row[k]));
  return rows.map((row) => kept.map((k) => row[k] ?? null));
}

/** True where the chest wall lies at the image's left border, as the outline and the nipple show it. */
export function chestAtLeft(view: View): boolean {
  const box = boxOf(view.outline);
  if (view.nipple && box) return view.nipple[0] > (box.left + box.right) / 2;
  if (box) return box.left < view.columns - 1 - box.right;
  return view.laterality === "L";
}

/** Whether the image must be mirrored so that the chest walls meet in the middle. */
export function mirrored(view: View): boolean {
  return chestAtLeft(view) !== (view.laterality === "L");
}

/**
 * Where an earlier view of the same projection lies under a view that no finding has registered: the same distance from
 * the chest wall, the nipple (or the breast's middle) at the same height, millimetre on millimetre.
 */
export function laidRoughly(view: View, prior: View): Affine {
  const scale = view.pixel_mm / prior.pixel_mm;
  const wall = (of: View): number => (chestAtLeft(of) ? -0.5 : of.columns - 0.5);
  const away = chestAtLeft(view) === chestAtLeft(prior) ? scale : -scale;
  const middle = (of: View): number => {
    const box = boxOf(of.outline);
    return box ? (box.top + box.bottom) / 2 : (of.rows - 1) / 2;
  };
  const [y, before] = view.nipple && prior.nipple ? [view.nipple[1], prior.nipple[1]] : [middle(view), middle(prior)];
  return [
    [away, 0, wall(prior) - away * wall(view)],
    [0, scale, before - scale * y],
  ];
}

/**
 * Whether the image must be turned upside down: the head, or the outer side in a CC, belongs at the top. From Patient
 * Orientation's direction of the columns (PS3.3 C.7.6.1.1.1); false where it is not stated.
 */
export function upsideDown(view: View, orientation: string[]): boolean {
  const down = orientation[1];
  if (!down) return false;
  if (view.view.endsWith("CC")) return down.startsWith(view.laterality);
  return down.startsWith("H");
}

/** The breast with a small margin, up to the chest wall; the whole image where no outline is known. */
export function extent(view: View): Box {
  const box = boxOf(view.outline);
  if (!box) return { left: -0.5, top: -0.5, right: view.columns - 0.5, bottom: view.rows - 0.5 };
  const margin = 0.02 * view.rows;
  return {
    left: chestAtLeft(view) ? -0.5 : Math.max(box.left - margin, -0.5),
    right: chestAtLeft(view) ? Math.min(box.right + margin, view.columns - 0.5) : view.columns - 0.5,
    top: Math.max(box.top - margin, -0.5),
    bottom: Math.min(box.bottom + margin, view.rows - 0.5),
  };
}

/** CSS pixels a millimetre at which each view of the grid fits its pane. */
export function commonScale(grid: Grid, pane: Size): number {
  const scales = grid.flat().flatMap((hung) => {
    if (!hung) return [];
    const box = extent(hung.view);
    const mm = hung.view.pixel_mm;
    return [Math.min(pane.width / ((box.right - box.left) * mm), pane.height / ((box.bottom - box.top) * mm))];
  });
  return scales.length ? Math.min(...scales) : 1;
}

/** The arrangement that shows the views largest on a stage of this size, with its panes' size. */
export function arrange(hanging: Hanging, stage: Size, gap = 2): { grid: Grid; pane: Size; scale: number } {
  const options = hanging.grids.map((grid) => {
    const columns = grid[0]?.length ?? 1;
    const pane = {
      width: Math.max((stage.width - gap * (columns - 1)) / columns, 1),
      height: Math.max((stage.height - gap * (grid.length - 1)) / grid.length, 1),
    };
    return { grid, pane, scale: commonScale(grid, pane) };
  });
  return options.reduce((best, each) => (each.scale > best.scale * 1.02 ? each : best));
}

/** Where a view lies in its pane at `scale` CSS pixels a millimetre: its chest wall at the pane's inner border. */
export function hang(view: View, pane: Size, scale: number, alone: boolean, flipY: boolean): Placement {
  const zoom = scale * view.pixel_mm;
  const flipX = mirrored(view);
  const box = extent(view);
  const y = (box.top + box.bottom) / 2;
  if (alone) return { x: (box.left + box.right) / 2, y, zoom, flipX, flipY };
  const half = pane.width / 2 / zoom;
  const x = chestAtLeft(view) ? -0.5 + half : view.columns - 0.5 - half;
  return { x, y, zoom, flipX, flipY };
}
