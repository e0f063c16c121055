// The stage: panes as hung, what keys and pointer do to them, and one drawing a frame.
import type { Affine, Content, EarlierFinding, Finding, Page, Point, View } from "../contract";
import type { Lut, Window } from "../image/dicom";
import { ImageStore, type Picture } from "../image/store";
import { pyramid } from "../image/pyramid";
import { h } from "../dom";
import { rim } from "../reading/draft";
import { t } from "../words";
import { apply, type Box, boxOf, compose, invert, panBy, showBox, type Size, zoomAt } from "./geometry";
import { arrange, earlierOf, extent, hang, type Hanging, hangings, type Hung, laidRoughly, upsideDown } from "./hanging";
import { rimOfPlace } from "./marks";
import { Pane } from "./pane";
import { type Drawing, type Look, Renderer } from "./renderer";

export type Tool = "pan" | "window" | "measure" | "draw" | "split";

export interface Hooks {
  selected(id: string): void;
  drawn(view: View, polygon: Point[], tool: "draw" | "split"): void;
  told(): void; // hanging, tool or switches changed
  say(text: string): void; // to the status line
}

interface Tone {
  window: Window;
  lut: Lut | null;
}

const LENS = 260; // CSS pixels across
const MAGNIFIED = 2; // times the pane, and never less than the image's own pixels: calcifications need them
const NEAR_END = 10; // CSS pixels within which a click closes a polygon

export class Stage {
  readonly element: HTMLElement;
  readonly hangings: Hanging[];
  readonly store: ImageStore;
  at = 0;
  tool: Tool = "pan";
  marked = true;
  inverted = false;
  magnified = false;
  threshold = 0;
  blinkTimer: ReturnType<typeof setInterval> | undefined;
  panes: Pane[] = [];
  readonly shown = new Set<string>(); // images that have been drawn
  private active = 0;
  private readonly canvas = h("canvas", { "aria-hidden": "true" });
  private readonly holder = h("div", { class: "panes" });
  private readonly renderer: Renderer;
  private readonly tones = new Map<string, Tone>();
  private readonly frameLevels = new Map<string, ReturnType<typeof pyramid>>();
  private content: Content;
  private selectedId: string | null = null;
  private asked = false;
  private stale = false; // the images must be drawn too
  private pointer: { pane: Pane; at: Point } | null = null;
  private quadrant = -1;
  private drawnListeners: (() => void)[] = [];

  constructor(
    private readonly page: Page,
    private readonly hooks: Hooks,
  ) {
    this.content = page.content;
    this.hangings = hangings(page);
    this.element = h("section", { class: "stage", "aria-label": t("Images") }, this.canvas, this.holder);
    this.store = new ImageStore((url) => this.loaded(url));
    this.renderer = new Renderer(this.canvas, () => this.render());
    this.listen();
    new ResizeObserver(() => this.resized()).observe(this.element);
  }

  // --- hanging ------------------------------------------------------------------------------------------

  show(index: number): void {
    if (!this.hangings.length) return;
    this.at = (index + this.hangings.length) % this.hangings.length;
    this.quadrant = -1;
    this.stopBlink();
    this.layOut();
    this.wantImages();
    this.hooks.told();
  }

  private wantImages(): void {
    const here = this.panes.map((pane) => pane.view.image);
    const rest = this.page.exams.filter((exam) => exam.current).flatMap((exam) => exam.views.map((view) => view.image));
    const priors = this.page.exams.filter((exam) => !exam.current).slice(0, 1).flatMap((exam) => exam.views.map((view) => view.image));
    // The others follow while the reader looks: the next step then shows at once.
    this.store.want([...new Set([...here, ...rest, ...priors])]);
  }

  private stageSize(): Size {
    return { width: this.element.clientWidth || 1, height: this.element.clientHeight || 1 };
  }

  private layOut(): void {
    const hanging = this.hangings[this.at];
    if (!hanging) return;
    const { grid, pane: size, scale } = arrange(hanging, this.stageSize());
    const focused = this.holder.contains(document.activeElement);
    this.panes = [];
    const alone = grid.flat().filter(Boolean).length === 1;
    const elements: HTMLElement[] = [];
    grid.forEach((row, r) =>
      row.forEach((hung, c) => {
        if (!hung) return;
        const pane = this.makePane(hung, size);
        pane.home = pane.place = hang(hung.view, size, scale, alone, this.turned(hung.view, pane.picture));
        Object.assign(pane.element.style, { left: `${c * (size.width + 2)}px`, top: `${r * (size.height + 2)}px`, width: `${size.width}px`, height: `${size.height}px` });
        this.panes.push(pane);
        elements.push(pane.element);
      }),
    );
    this.holder.replaceChildren(...elements);
    this.activate(Math.min(this.active, this.panes.length - 1), focused);
    this.mark();
  }

  private makePane(hung: Hung, size: Size): Pane {
    const pane = new Pane(hung.view, hung.exam, this.store, this.page.terms, (each) => this.store.want([each.view.image], true), () => this.mark());
    pane.size = size;
    pane.element.addEventListener("focus", () => this.activate(this.panes.indexOf(pane), false));
    return pane;
  }

  private turned(view: View, picture: Picture | null): boolean {
    return picture ? upsideDown(view, picture.header.orientation) : false;
  }

  /** Lays out anew; what the reader moved keeps its middle, and its size beside the others. */
  private resized(): void {
    const before = this.panes;
    this.layOut();
    for (const pane of this.panes) {
      const same = before.find((each) => each.view === pane.view && each.exam === pane.exam);
      if (!same) continue;
      pane.measures = same.measures;
      pane.setFrame(same.frame);
      pane.blinking = same.blinking;
      if (same.moved) {
        const ratio = pane.place.zoom / same.home.zoom;
        pane.place = { ...same.place, zoom: same.place.zoom * ratio };
      }
    }
    this.mark();
  }

  /** Back to how it hung. */
  reset(): void {
    this.tones.clear();
    this.inverted = false;
    this.quadrant = -1;
    for (const pane of this.panes) pane.measures = [];
    this.stopBlink();
    this.layOut();
    this.hooks.told();
  }

  // --- panes --------------------------------------------------------------------------------------------

  get current(): Pane | undefined {
    return this.panes[this.active];
  }

  activate(index: number, focus = true): void {
    if (index < 0) return;
    this.active = index;
    this.panes.forEach((pane, k) => pane.element.classList.toggle("active", k === index && this.panes.length > 1));
    if (focus) this.current?.element.focus({ preventScroll: true });
  }

  /** The active view alone, and back to where it hung before. */
  private before = 0;
  alone(): void {
    const pane = this.current;
    if (!pane) return;
    const here = this.hangings[this.at];
    if (here?.id.startsWith("single-")) return this.show(this.before);
    const index = this.hangings.findIndex((each) => each.id === `single-${pane.view.uid}`);
    if (index < 0) return;
    this.before = this.at;
    this.show(index);
  }

  zoom(factor: number, pane = this.current, at?: Point): void {
    if (!pane) return;
    pane.place = zoomAt(pane.place, pane.size, at ?? pane.cursor ?? [pane.size.width / 2, pane.size.height / 2], factor);
    this.render();
  }

  pan(dx: number, dy: number, pane = this.current): void {
    if (!pane) return;
    if (pane.cursor && this.tool !== "pan" && this.tool !== "window") {
      pane.cursor = [clamp(pane.cursor[0] - dx, 0, pane.size.width), clamp(pane.cursor[1] - dy, 0, pane.size.height)];
    } else if (this.magnified && this.pointer?.pane === pane) {
      this.pointer = { pane, at: [clamp(this.pointer.at[0] - dx, 0, pane.size.width), clamp(this.pointer.at[1] - dy, 0, pane.size.height)] };
    } else pane.place = panBy(pane.place, dx, dy);
    this.render();
  }

  /** One pixel of the image on one pixel of the screen. */
  oneToOne(): void {
    const pane = this.current;
    if (!pane) return;
    const at: Point = this.pointer?.pane === pane ? this.pointer.at : [pane.size.width / 2, pane.size.height / 2];
    this.zoom(1 / (window.devicePixelRatio || 1) / pane.place.zoom, pane, at);
  }

  /** As large as in the body, if the screen's own scale is known. */
  trueSize(pixelsPerMm: number): void {
    for (const pane of this.panes) pane.place = zoomAt(pane.place, pane.size, [pane.size.width / 2, pane.size.height / 2], (pane.view.pixel_mm * pixelsPerMm) / pane.place.zoom);
    this.render();
  }

  /** The next quarter of the breast, filling the pane; after the fourth the whole again. */
  nextQuadrant(): void {
    const pane = this.current;
    if (!pane) return;
    this.quadrant = this.quadrant >= 3 ? -1 : this.quadrant + 1;
    const all = extent(pane.view);
    if (this.quadrant < 0) {
      pane.place = showBox(pane.place, pane.size, all, 0.02);
      return this.render();
    }
    const [midX, midY] = [(all.left + all.right) / 2, (all.top + all.bottom) / 2];
    const [lapX, lapY] = [(all.right - all.left) * 0.05, (all.bottom - all.top) * 0.05];
    const right = this.quadrant % 2 === 1;
    const below = this.quadrant > 1;
    const box: Box = {
      left: right ? midX - lapX : all.left,
      right: right ? all.right : midX + lapX,
      top: below ? midY - lapY : all.top,
      bottom: below ? all.bottom : midY + lapY,
    };
    pane.place = showBox(pane.place, pane.size, box, 0.02);
    this.hooks.say(t("Quarter {n} of 4", { n: this.quadrant + 1 }));
    this.render();
  }

  scroll(by: number, pane = this.current): void {
    if (!pane || pane.view.frames < 2) return;
    pane.setFrame(pane.frame + by);
    this.mark();
  }

  // --- tone ---------------------------------------------------------------------------------------------

  private tone(pane: Pane, picture: Picture): Tone {
    let tone = this.tones.get(pane.view.uid);
    if (!tone) {
      const lut = picture.header.windows.length ? null : (picture.luts[0] ?? null);
      tone = { window: lut ? { center: 0.5, width: 1, name: lut.name } : { ...picture.window }, lut };
      this.tones.set(pane.view.uid, tone);
    }
    return tone;
  }

  /** Brighter or darker, harder or softer, in shares of the width. */
  adjust(brighter: number, harder: number, pane = this.current): void {
    const picture = pane?.picture;
    if (!pane || !picture) return;
    // The same change to all that hang: sides are compared at one tone.
    for (const each of this.panes) {
      const shown = each.picture;
      if (!shown) continue;
      const tone = this.tone(each, shown);
      const sign = shown.header.inverse !== this.inverted ? -1 : 1;
      const width = Math.max(tone.window.width * Math.exp(-harder), tone.lut ? 0.01 : 2);
      tone.window = { ...tone.window, center: tone.window.center - sign * brighter * tone.window.width, width };
    }
    this.render();
  }

  /** The next window or table that the images state. */
  nextWindow(): void {
    for (const pane of this.panes) {
      const picture = pane.picture;
      if (!picture) continue;
      const choices: Tone[] = [
        ...picture.header.windows.map((window) => ({ window: { ...window }, lut: null })),
        ...picture.luts.map((lut) => ({ window: { center: 0.5, width: 1, name: lut.name }, lut })),
      ];
      if (!choices.length) choices.push({ window: { ...picture.window }, lut: null });
      const now = this.tone(pane, picture);
      const at = choices.findIndex((each) => each.lut === now.lut && (each.lut !== null || each.window.center === now.window.center));
      const next = choices[(at + 1) % choices.length] as Tone;
      this.tones.set(pane.view.uid, next);
      if (pane === this.current) this.hooks.say(next.window.name ? t("Window {name}", { name: next.window.name }) : t("Window {n} of {all}", { n: ((at + 1) % choices.length) + 1, all: choices.length }));
    }
    this.render();
  }

  invert(): void {
    this.inverted = !this.inverted;
    this.hooks.told();
    this.render();
  }

  // --- marks --------------------------------------------------------------------------------------------

  setContent(content: Content): void {
    this.content = content;
    this.mark(false);
  }

  toggleMarks(): void {
    this.marked = !this.marked;
    this.hooks.told();
    this.mark(false);
  }

  setThreshold(value: number): void {
    this.threshold = clamp(value, 0, 1);
    this.hooks.told();
    this.mark(false);
  }

  private mark(image = true): void {
    for (const pane of this.panes) pane.marks.update(this.content, { shown: this.marked && !pane.blinking, threshold: this.threshold, selected: this.selectedId, slice: pane.view.frames > 1 ? pane.frame : null, readings: this.page.readings ?? [], earlier: this.page.earlier_findings ?? [] });
    this.render(image);
  }

  select(id: string | null): void {
    this.selectedId = id;
    this.mark(false);
  }

  /** Goes to a finding: its views, each with the finding in the middle. */
  goTo(finding: Finding): void {
    this.selectedId = finding.id;
    const has = (hanging: Hanging): number =>
      finding.members.filter((member) => hanging.grids[0]?.flat().some((hung) => hung?.exam.current && hung.view.uid === member.view)).length;
    const here = this.hangings[this.at];
    const most = Math.max(0, ...this.hangings.map(has));
    const compared = finding.members.some((member) => this.page.maps.some((each) => each.view === member.view));
    const best = [...(compared ? [`prior-side-${finding.laterality}`] : []), `side-${finding.laterality}`, "all"].map((id) => this.hangings.findIndex((each) => each.id === id)).find((k) => k >= 0 && has(this.hangings[k] as Hanging) === most);
    const fallback = this.hangings.findIndex((each) => has(each) === most);
    // A hanging that shows the finding stays, so that a comparison goes on; of all four it is enlarged to one breast.
    if (!here || !has(here) || here.id === "all") this.at = best ?? Math.max(fallback, 0);
    this.stopBlink();
    this.layOut();
    const shown: { pane: Pane; member: Finding["members"][number] }[] = [];
    for (const pane of this.panes) {
      const member = pane.exam.current ? finding.members.find((each) => each.view === pane.view.uid) : undefined;
      const box = member && boxOf(rim(member, pane.view));
      if (!box) continue;
      const slices = pane.view.calcifications.filter((each) => member.calcifications.includes(each.id) && each.slice != null).map((each) => each.slice as number);
      if (slices.length) pane.setFrame(slices.sort((a, b) => a - b)[Math.floor(slices.length / 2)] as number);
      pane.place = showBox(pane.place, pane.size, box, 0.5, 2);
      shown.push({ pane, member });
    }
    // All at one scale in mm, as they hang.
    const scale = Math.min(...shown.map(({ pane }) => pane.place.zoom / pane.view.pixel_mm));
    for (const { pane, member } of shown) {
      pane.place = { ...pane.place, zoom: scale * pane.view.pixel_mm };
      this.follow(pane, member);
    }
    if (shown[0]) this.activate(this.panes.indexOf(shown[0].pane), this.holder.contains(document.activeElement));
    this.wantImages();
    this.hooks.told();
    this.mark();
  }

  /** The registered prior beside a view goes to the same place, at the same scale. */
  private follow(pane: Pane, member: Finding["members"][number]): void {
    for (const earlier of this.panes) {
      if (earlier.exam.current) continue;
      const found = this.mapOf(pane.view, earlier.view.uid);
      const box = found && boxOf(rim(member, pane.view).map((p) => apply(found.map, p)));
      if (!box) continue;
      const zoom = (pane.place.zoom / pane.view.pixel_mm) * earlier.view.pixel_mm;
      earlier.place = { ...earlier.place, x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2, zoom };
    }
  }

  /** Goes to what an earlier exam shows, with the same place of this exam beside it; false where its images are not here. */
  goToEarlier(finding: EarlierFinding): boolean {
    const earlierOf = (hanging: Hanging, uid: string): boolean => hanging.grids[0]?.flat().some((hung) => hung && !hung.exam.current && hung.view.uid === uid) ?? false;
    for (const place of finding.places) {
      const beside = (hanging: Hanging): boolean => earlierOf(hanging, place.prior_view) && hanging.id.startsWith(`pair-${place.view}-`);
      const at = [beside, (hanging: Hanging) => earlierOf(hanging, place.prior_view)].map((fits) => this.hangings.findIndex(fits)).find((k) => k >= 0);
      if (at === undefined) continue;
      this.marked = true;
      this.show(at);
      const index = this.panes.findIndex((pane) => !pane.exam.current && pane.view.uid === place.prior_view);
      const pane = this.panes[index];
      const points = pane && rimOfPlace(place, pane.view.pixel_mm);
      const box = points && boxOf(points);
      if (!pane || !box) continue;
      pane.place = showBox(pane.place, pane.size, box, 0.8, 2);
      const now = this.panes.find((each) => each.exam.current && each.view.uid === place.view);
      const back = now && boxOf(points.map((p) => apply(invert(place.map), p)));
      if (now && back) {
        // At the same scale in mm as the earlier view.
        const zoom = (pane.place.zoom / pane.view.pixel_mm) * now.view.pixel_mm;
        now.place = { ...now.place, x: (back.left + back.right) / 2, y: (back.top + back.bottom) / 2, zoom };
      }
      this.activate(index, false);
      this.mark();
      return true;
    }
    return false;
  }

  goToBox(view: View, box: Box): void {
    let index = this.panes.findIndex((pane) => pane.view.uid === view.uid);
    if (index < 0) {
      const at = this.hangings.findIndex((each) => each.id === `single-${view.uid}`);
      this.show(at < 0 ? 0 : at);
      index = this.panes.findIndex((pane) => pane.view.uid === view.uid);
    }
    const pane = this.panes[index];
    if (!pane) return;
    pane.place = showBox(pane.place, pane.size, box, 0.5, 2);
    this.activate(index, false);
    this.render();
  }

  // --- blink --------------------------------------------------------------------------------------------

  /** The map to an earlier view: near the selected finding where one is registered there. */
  private mapOf(view: View, prior?: string): { prior: Hung; map: Affine } | null {
    const finding = this.content.findings.find((each) => each.id === this.selectedId);
    const places = (finding?.change as { places?: { view: string; prior_view: string; map: Affine }[] } | null)?.places ?? [];
    for (const place of [...places, ...this.page.maps]) {
      if (place.view !== view.uid || (prior !== undefined && place.prior_view !== prior)) continue;
      for (const exam of this.page.exams) {
        const found = exam.views.find((each) => each.uid === place.prior_view);
        if (found && !exam.current) return { prior: { view: found, exam }, map: place.map };
      }
    }
    return null;
  }

  blink(): void {
    let some = false;
    const on = !this.panes.some((pane) => pane.blinking);
    for (const pane of this.panes) {
      pane.blinking = null;
      if (!on || !pane.exam.current) continue;
      const registered = this.mapOf(pane.view);
      const prior = registered?.prior ?? earlierOf(this.page, pane.view);
      if (!prior) continue;
      some = true;
      this.store.want([prior.view.image]);
      const label = `${t("PRIOR")} ${prior.view.laterality} ${prior.view.view} ${prior.exam.date ?? ""}`.trim();
      pane.blinking = registered
        ? { url: prior.view.image, map: registered.map, label }
        : { url: prior.view.image, map: laidRoughly(pane.view, prior.view), label: `${label} · ${t("by chest wall and nipple, not registered")}` };
    }
    if (on && !some) this.hooks.say(t("No prior of these views."));
    this.hooks.told();
    this.mark();
  }

  autoBlink(): void {
    if (this.blinkTimer !== undefined) return this.stopBlink();
    this.blink();
    this.blinkTimer = setInterval(() => this.blink(), 1000);
  }

  stopBlink(): void {
    clearInterval(this.blinkTimer);
    this.blinkTimer = undefined;
    for (const pane of this.panes) pane.blinking = null;
    this.mark();
  }

  // --- tools --------------------------------------------------------------------------------------------

  setTool(tool: Tool): void {
    this.tool = this.tool === tool ? "pan" : tool;
    for (const pane of this.panes) {
      pane.path = [];
      pane.cursor = null;
    }
    const pane = this.current;
    if (pane && this.tool !== "pan" && this.tool !== "window") {
      pane.cursor = [pane.size.width / 2, pane.size.height / 2];
      pane.element.focus({ preventScroll: true });
    }
    this.element.dataset.tool = this.tool;
    this.hooks.told();
    this.render();
  }

  toggleMagnifier(): void {
    this.magnified = !this.magnified;
    const pane = this.current;
    if (this.magnified && pane && this.pointer?.pane !== pane) this.pointer = { pane, at: [pane.size.width / 2, pane.size.height / 2] };
    this.hooks.told();
    this.render();
  }

  /** Puts a point at the cursor (keyboard) or where the pointer is. */
  point(pane = this.current, at?: Point): void {
    const where = at ?? pane?.cursor;
    if (!pane || !where || this.tool === "pan" || this.tool === "window") return;
    const p = pane.toImage(where);
    if (this.tool === "measure") {
      const start = pane.path[0];
      if (start) {
        pane.measures.push({ from: start, to: p });
        this.hooks.say(t("{n} mm", { n: (Math.hypot(start[0] - p[0], start[1] - p[1]) * pane.view.pixel_mm).toFixed(1) }));
        pane.path = [];
      } else pane.path = [p];
    } else {
      const first = pane.path[0];
      if (first && pane.path.length > 2) {
        const [x, y] = apply(pane.map, first);
        if (Math.hypot(x - where[0], y - where[1]) < NEAR_END) return this.close(pane);
      }
      pane.path.push(p);
    }
    this.render();
  }

  /** Ends the polygon. */
  close(pane = this.current): void {
    if (!pane || (this.tool !== "draw" && this.tool !== "split")) return;
    const polygon = pane.path;
    const { tool } = this;
    if (polygon.length < 3) return this.hooks.say(t("An outline needs three points or more."));
    pane.path = [];
    if (!pane.exam.current) return this.hooks.say(t("Findings are drawn in the current exam."));
    this.setTool("pan");
    this.hooks.drawn(pane.view, polygon, tool);
  }

  /** Takes back the last point, or leaves the tool. */
  undoPoint(): void {
    const pane = this.panes.find((each) => each.path.length);
    if (pane) pane.path.pop();
    else this.current?.measures.pop();
    this.render();
  }

  escape(): boolean {
    if (this.tool !== "pan") {
      this.setTool("pan");
      return true;
    }
    if (this.magnified) {
      this.toggleMagnifier();
      return true;
    }
    return false;
  }

  // --- pointer ------------------------------------------------------------------------------------------

  private paneAt(event: MouseEvent): Pane | undefined {
    const element = (event.target as Element).closest(".pane");
    return this.panes.find((pane) => pane.element === element);
  }

  private within(pane: Pane, event: MouseEvent): Point {
    const box = pane.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  private listen(): void {
    const { holder } = this;
    let drag: { pane: Pane; x: number; y: number; tone: boolean; moved: boolean; free: boolean } | null = null;
    const touches = new Map<number, Point>();
    holder.addEventListener("contextmenu", (event) => event.preventDefault());
    holder.addEventListener("pointerdown", (event) => {
      const pane = this.paneAt(event);
      if (!pane || (event.target as Element).closest("button, input")) return;
      pane.element.focus({ preventScroll: true });
      this.activate(this.panes.indexOf(pane), false);
      holder.setPointerCapture(event.pointerId);
      touches.set(event.pointerId, this.within(pane, event));
      const tone = event.button === 2 || (event.button === 0 && this.tool === "window");
      const pans = event.button === 1 || this.tool === "pan" || tone;
      drag = { pane, x: event.clientX, y: event.clientY, tone, moved: false, free: !pans && this.tool !== "measure" };
      if (!pans) this.point(pane, this.within(pane, event));
      event.preventDefault();
    });
    holder.addEventListener("pointermove", (event) => {
      const over = drag?.pane ?? this.paneAt(event);
      if (!over) return;
      const at = this.within(over, event);
      if (this.magnified) this.pointer = { pane: over, at };
      else this.pointer = { pane: over, at };
      if (over.cursor || over.path.length) over.cursor = at;
      if (drag) {
        if (touches.size === 2) {
          // Two fingers: their distance is the zoom.
          const others = [...touches].filter(([id]) => id !== event.pointerId).map(([, p]) => p);
          const was = touches.get(event.pointerId);
          const other = others[0];
          if (was && other) this.zoom(Math.hypot(at[0] - other[0], at[1] - other[1]) / Math.max(Math.hypot(was[0] - other[0], was[1] - other[1]), 1), over, other);
          touches.set(event.pointerId, at);
          return;
        }
        const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
        if (!drag.moved && Math.hypot(dx, dy) < 3) return this.render();
        drag.moved = true;
        if (drag.free) {
          const last = over.path.at(-1);
          const p = over.toImage(at);
          if (last && Math.hypot(last[0] - p[0], last[1] - p[1]) * over.place.zoom > 4) over.path.push(p);
        } else if (drag.tone) this.adjust(-dy / 300, dx / 300, over);
        else if (this.tool === "pan" || event.buttons === 4) {
          over.place = panBy(over.place, dx, dy);
        }
        if (!drag.free) [drag.x, drag.y] = [event.clientX, event.clientY];
      }
      if (drag || this.magnified || over.path.length || over.cursor) this.render();
    });
    const end = (event: PointerEvent): void => {
      touches.delete(event.pointerId);
      if (drag && !drag.moved && !drag.tone && this.tool === "pan" && event.type === "pointerup") this.pick(drag.pane, this.within(drag.pane, event));
      if (drag?.free && drag.moved && drag.pane.path.length > 6) this.close(drag.pane);
      if (drag && drag.moved && this.tool === "measure" && drag.pane.path.length === 1 && event.type === "pointerup") this.point(drag.pane, this.within(drag.pane, event));
      drag = null;
    };
    holder.addEventListener("pointerup", end);
    holder.addEventListener("pointercancel", end);
    holder.addEventListener("dblclick", (event) => {
      if (this.tool === "draw" || this.tool === "split") this.close(this.paneAt(event));
      else if (this.tool === "pan" && this.paneAt(event)) this.alone();
    });
    holder.addEventListener(
      "wheel",
      (event) => {
        const pane = this.paneAt(event);
        if (!pane) return;
        event.preventDefault();
        this.activate(this.panes.indexOf(pane), false);
        if (pane.view.frames > 1 && !event.ctrlKey) this.scroll(Math.sign(event.deltaY), pane);
        else this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), pane, this.within(pane, event));
      },
      { passive: false },
    );
  }

  /** Selects the finding that was clicked. */
  private pick(pane: Pane, at: Point): void {
    if (!pane.exam.current || !this.marked) return;
    const p = pane.toImage(at);
    for (const finding of this.content.findings) {
      const member = finding.members.find((each) => each.view === pane.view.uid);
      const box = member && boxOf(rim(member, pane.view));
      if (box && p[0] >= box.left && p[0] <= box.right && p[1] >= box.top && p[1] <= box.bottom) return this.hooks.selected(finding.id);
    }
  }

  // --- drawing ------------------------------------------------------------------------------------------

  private loaded(url: string): void {
    for (const pane of this.panes)
      if (pane.view.image === url && pane.picture) {
        const flipY = this.turned(pane.view, pane.picture);
        if (flipY !== pane.place.flipY) {
          pane.place = { ...pane.place, flipY };
          pane.home = { ...pane.home, flipY };
        }
        if (pane.view.frames !== pane.picture.frames.length) pane.setFrame(Math.min(pane.frame, pane.picture.frames.length - 1));
      }
    if (this.store.picture(url) && !this.panes.some((pane) => pane.view.image === url)) this.prepare(url);
    this.render();
  }

  /** An image that does not hang yet goes to the graphics card when there is nothing else to do. */
  private prepare(url: string): void {
    const idle = window.requestIdleCallback ?? ((act: () => void) => setTimeout(act, 50));
    idle(() => {
      const picture = this.store.picture(url);
      if (picture && picture.frames.length === 1) this.renderer.ready(`${url}#0`, () => picture.levels);
    });
  }

  /** Resolves when what was asked for has been drawn. */
  drawn(): Promise<void> {
    return new Promise((resolve) => {
      this.drawnListeners.push(resolve);
      this.render(false);
    });
  }

  /** Draws in the next frame; marks alone need no new images. */
  render(image = true): void {
    this.stale ||= image;
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.draw(this.stale);
      this.stale = false;
      for (const resolve of this.drawnListeners.splice(0)) resolve();
    });
  }

  private draw(images: boolean): void {
    const drawings: Drawing[] = [];
    const lenses: Drawing[] = []; // over everything, also beyond their pane
    for (const pane of this.panes) {
      if (images) this.queue(pane, drawings, lenses);
      const picture = pane.picture;
      const lens = this.magnified && this.pointer?.pane === pane ? this.pointer.at : null;
      // Marks lie where they are in the image, not where the magnifier shows it: none within it.
      pane.marks.element.style.maskImage = lens ? `radial-gradient(circle ${LENS / 2}px at ${lens[0]}px ${lens[1]}px, transparent 99%, #000 100%)` : "";
      pane.follow();
      pane.tell(picture ? this.tone(pane, picture).window : null, picture ? this.renderer.reduced(this.keyOf(pane)) : 0);
    }
    if (!images) return;
    this.renderer.draw([...drawings, ...lenses]);
    for (const pane of this.panes) if (pane.picture) this.shown.add(pane.view.image);
  }

  private queue(pane: Pane, drawings: Drawing[], lenses: Drawing[]): void {
    const rect = this.rectOf(pane);
    const inverse = invert(pane.map);
    const drawing = this.drawingOf(pane, rect, inverse, false);
    if (drawing) drawings.push(drawing);
    if (this.magnified && this.pointer?.pane === pane) {
      const [x, y] = this.pointer.at;
      const times = Math.max(MAGNIFIED, 1 / (pane.place.zoom * (window.devicePixelRatio || 1)));
      const to: Affine = compose(inverse, [
        [1 / times, 0, x - LENS / 2 / times],
        [0, 1 / times, y - LENS / 2 / times],
      ]);
      const lens = this.drawingOf(pane, { x: rect.x + x - LENS / 2, y: rect.y + y - LENS / 2, width: LENS, height: LENS }, to, true);
      if (lens) lenses.push(lens);
    }
  }

  /** Waits for the graphics card: what was drawn is on the canvas when this returns. For measuring. */
  finish(): void {
    this.renderer.finish();
  }

  private rectOf(pane: Pane): { x: number; y: number; width: number; height: number } {
    return { x: pane.element.offsetLeft, y: pane.element.offsetTop, width: pane.size.width, height: pane.size.height };
  }

  private keyOf(pane: Pane): string {
    return `${pane.view.image}#${pane.view.frames > 1 ? pane.frame : 0}`;
  }

  private drawingOf(pane: Pane, rect: Drawing["rect"], toImage: Affine, round: boolean): Drawing | null {
    const { blinking } = pane;
    const picture = blinking ? this.store.picture(blinking.url) : pane.picture;
    if (!picture) return null;
    const tone = blinking ? this.earlierTone(blinking.url, picture) : this.tone(pane, picture);
    const { header, offset } = picture;
    const frame = blinking || picture.frames.length === 1 ? 0 : pane.frame;
    const key = blinking ? `${blinking.url}#0` : this.keyOf(pane);
    const look: Look = {
      voi: header.voi,
      center: tone.window.center,
      width: tone.window.width,
      slope: header.slope,
      intercept: header.intercept - offset * header.slope,
      inverse: header.inverse !== this.inverted,
      padding: header.padding === null ? null : header.padding + offset,
      lut: tone.lut,
    };
    return { key, levels: () => this.levelsOf(picture, key, frame), rect, toImage: blinking ? compose(blinking.map, toImage) : toImage, look, round };
  }

  private earlierTone(url: string, picture: Picture): Tone {
    const view = this.page.exams.flatMap((exam) => exam.views).find((each) => each.image === url);
    const known = view && this.tones.get(view.uid);
    if (known) return known;
    const lut = picture.header.windows.length ? null : (picture.luts[0] ?? null);
    return { window: lut ? { center: 0.5, width: 1, name: "" } : picture.window, lut };
  }

  private levelsOf(picture: Picture, key: string, frame: number): ReturnType<typeof pyramid> {
    if (frame === 0) return picture.levels;
    let levels = this.frameLevels.get(key);
    if (!levels) {
      levels = pyramid(picture.frames[frame] as Uint16Array, picture.header.columns, picture.header.rows);
      if (this.frameLevels.size > 24) this.frameLevels.delete(this.frameLevels.keys().next().value as string);
      this.frameLevels.set(key, levels);
    }
    return levels;
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
