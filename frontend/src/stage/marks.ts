// Marks over an image, as an SVG of our own: outlines keep their thin lines at every zoom, names stay beside them.
import type { Affine, BlindReading, Content, EarlierFinding, EarlierPlace, Exam, Finding, Point, Terms, View } from "../contract";
import { svg } from "../dom";
import { display, rim } from "../reading/draft";
import { apply, boxOf, grow, hull, invert } from "./geometry";

export interface MarkState {
  shown: boolean;
  threshold: number;
  selected: string | null;
  slice: number | null; // the frame shown of a tomosynthesis, else null
  readings: BlindReading[]; // both, for a third reader
  earlier: EarlierFinding[];
}

interface Label {
  element: SVGGElement;
  at: Point;
}

const NEAR = 2; // slices from its own in which a calcification of a tomosynthesis is drawn

/** Around what an earlier exam shows, in the earlier view's pixels; around the place alone where nothing is outlined. */
export function rimOfPlace(place: EarlierPlace, pixel_mm: number): Point[] {
  const points = hull(place.outlines.flat());
  if (points.length > 2) return grow(points, 0.8 / pixel_mm);
  const by = Math.max(place.error_mm, 2) / pixel_mm;
  return Array.from({ length: 24 }, (_, k): Point => [place.x + by * Math.cos((k * Math.PI) / 12), place.y + by * Math.sin((k * Math.PI) / 12)]);
}

export class Marks {
  readonly element = svg("svg", { class: "marks", "aria-hidden": "true", focusable: "false" });
  private readonly scaled = svg("g");
  private readonly named = svg("g");
  readonly own = svg("g"); // what the reader draws and measures, in pane pixels
  private labels: Label[] = [];

  constructor(
    private readonly view: View,
    private readonly exam: Exam,
    private readonly terms: Terms,
  ) {
    this.element.append(this.scaled, this.named, this.own);
  }

  /** Draws anew what is marked. */
  update(content: Content, state: MarkState): void {
    this.scaled.replaceChildren();
    this.named.replaceChildren();
    this.labels = [];
    if (!state.shown) return;
    const selected = this.exam.current ? content.findings.find((each) => each.id === state.selected) : undefined;
    const chosen = new Set(selected?.members.find((each) => each.view === this.view.uid)?.calcifications);
    const visible = this.view.calcifications.filter(
      (each) => each.probability >= state.threshold && (state.slice === null || each.slice == null || Math.abs(each.slice - state.slice) <= NEAR),
    );
    this.lines("calcification", visible.filter((each) => !chosen.has(each.id)).map((each) => each.outline));
    this.lines("calcification chosen", visible.filter((each) => chosen.has(each.id)).map((each) => each.outline));
    if (this.exam.current) for (const finding of content.findings) this.finding(finding, finding === selected);
    else for (const group of this.view.groups) this.outlined("prior", group.outline, group.id);
    if (this.exam.current) state.readings.forEach((reading, k) => this.reading(reading, k));
    for (const finding of state.earlier) for (const place of finding.places) this.earlier(finding, place);
    for (const mimic of this.view.mimics) {
      this.lines("mimic", mimic.outline?.length ? [mimic.outline] : []);
      this.label("mimic", display(this.terms, "mimics", mimic.kind), [mimic.x, mimic.y]);
    }
  }

  /** What one of two readers let stand, a little outside the draft's own marks, so that all are seen. */
  private reading(reading: BlindReading, k: number): void {
    for (const finding of reading.findings)
      for (const member of finding.members) {
        if (member.view !== this.view.uid || finding.decision === "rejected") continue;
        this.outlined(`reading reading-${k + 1}`, grow(rim(member, this.view), (0.7 * (k + 1)) / this.view.pixel_mm), `${k + 1}: ${finding.id} ${finding.category}`, k + 1);
      }
  }

  /** What an earlier exam shows: where it lay there, and the same place in this exam. */
  private earlier(finding: EarlierFinding, place: EarlierPlace): void {
    const there = this.view.uid === place.prior_view;
    if (!there && !(this.exam.current && this.view.uid === place.view)) return;
    const points = rimOfPlace(place, this.view.pixel_mm);
    const back = invert(place.map);
    this.outlined("gone", there ? points : points.map((p) => apply(back, p)), finding.id);
  }

  private finding(finding: Finding, selected: boolean): void {
    for (const member of finding.members) {
      if (member.view !== this.view.uid) continue;
      const kind = `finding ${finding.decision}${selected ? " selected" : ""}`;
      this.outlined(kind, rim(member, this.view), finding.decision === "rejected" ? `${finding.id} ×` : finding.id);
    }
  }

  /** With its name above it; or below it, in the given line, where the one above is the draft's. */
  private outlined(kind: string, points: Point[], name: string, below = 0): void {
    const box = boxOf(points);
    if (!box) return;
    this.lines(`halo ${kind}`, [points]);
    this.lines(kind, [points]);
    const end = points.reduce((a, b) => (b[1] < a[1] === !below ? b : a));
    this.label(kind, name, end, below ? 2 + 14 * below : -6);
  }

  private lines(kind: string, polygons: Point[][]): void {
    const d = polygons
      .filter((points) => points.length > 1)
      .map((points) => `M${points.map(([x, y]) => `${x} ${y}`).join("L")}Z`)
      .join("");
    if (d) this.scaled.append(svg("path", { class: kind, d }));
  }

  private label(kind: string, name: string, at: Point, y = -6): void {
    const text = svg("text", { x: 0, y, "text-anchor": "middle" }, name);
    const element = svg("g", { class: `label ${kind}` }, text);
    this.named.append(element);
    this.labels.push({ element, at });
  }

  /** Follows the image. */
  place(map: Affine): void {
    const [[a, b, c], [d, e, f]] = map;
    this.scaled.setAttribute("transform", `matrix(${a} ${d} ${b} ${e} ${c} ${f})`);
    for (const { element, at } of this.labels) {
      const [x, y] = apply(map, at);
      element.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    }
  }
}
