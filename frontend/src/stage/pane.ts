// One view in its pane: where it lies, what is drawn over it, what it says while it loads or when it failed.
import type { Affine, Exam, Point, Terms, View } from "../contract";
import { h, svg } from "../dom";
import type { ImageStore, Picture } from "../image/store";
import { say, t } from "../words";
import { apply, imageToPane, invert, type Placement, type Size } from "./geometry";
import { Marks } from "./marks";

export interface Measure {
  from: Point;
  to: Point;
}

export class Pane {
  readonly element: HTMLElement;
  readonly marks: Marks;
  place!: Placement;
  home!: Placement; // as it hung
  size!: Size;
  frame: number;
  blinking: { url: string; map: Affine; label: string } | null = null;
  measures: Measure[] = [];
  cursor: Point | null = null; // in pane pixels, of tools used from the keyboard
  path: Point[] = []; // image points of a polygon or distance being drawn
  private readonly thumb: HTMLImageElement | null;
  private readonly title = h("p", { class: "pane-title" });
  private readonly facts = h("p", { class: "pane-facts" });
  private readonly notice = h("div", { class: "pane-notice" });
  private readonly slices: HTMLInputElement | null = null;
  private told = "";

  constructor(
    readonly view: View,
    readonly exam: Exam,
    readonly store: ImageStore,
    terms: Terms,
    private readonly again: (pane: Pane) => void,
    private readonly scrolled: (pane: Pane) => void,
  ) {
    this.marks = new Marks(view, exam, terms);
    this.frame = Math.floor(view.frames / 2);
    this.thumb = view.thumb && view.frames === 1 && !store.picture(view.image) ? h("img", { src: view.thumb, alt: "", class: "thumb", draggable: "false" }) : null;
    this.thumb?.addEventListener("load", () => this.follow());
    this.thumb?.addEventListener("error", () => this.thumb?.remove());
    this.element = h("div", { class: `pane side-${view.laterality}${exam.current ? "" : " earlier"}`, tabindex: 0, role: "group", "aria-roledescription": t("image"), "data-uid": view.uid });
    this.element.append(...(this.thumb ? [this.thumb] : []), this.marks.element, this.title, this.facts, this.notice);
    if (view.frames > 1) {
      this.slices = h("input", { type: "range", class: "slices", min: 0, max: view.frames - 1, step: 1, "aria-label": t("Slice") });
      this.slices.value = String(this.frame);
      this.slices.addEventListener("input", () => {
        this.frame = Number(this.slices?.value);
        this.scrolled(this);
      });
      this.element.append(this.slices);
    }
  }

  get picture(): Picture | null {
    return this.store.picture(this.view.image);
  }

  /** Whether the reader has moved it since it hung. */
  get moved(): boolean {
    return this.place !== this.home;
  }

  get name(): string {
    const date = this.exam.date ?? "";
    return `${this.view.laterality} ${[this.view.view, ...this.view.modifiers].join(" ")}${this.exam.current ? "" : ` · ${t("prior")} ${date}`}`;
  }

  get map(): Affine {
    return imageToPane(this.place, this.size);
  }

  toImage(at: Point): Point {
    return apply(invert(this.map), at);
  }

  setFrame(frame: number): void {
    this.frame = Math.min(Math.max(frame, 0), this.view.frames - 1);
    if (this.slices) this.slices.value = String(this.frame);
  }

  /** Puts marks, preview and words where the image now lies. */
  follow(): void {
    const map = this.map;
    this.marks.place(map);
    this.drawOwn();
    if (this.thumb?.isConnected && this.thumb.naturalWidth) {
      const [[a, b, c], [d, e, f]] = map;
      const s = this.view.columns / this.thumb.naturalWidth;
      const [x, y] = [c - 0.5 * (a + b), f - 0.5 * (d + e)]; // its border, half a pixel beyond the centre
      this.thumb.style.transform = `matrix(${a * s},${d * s},${b * s},${e * s},${x},${y})`;
    }
  }

  /** Says what it is and how it is shown; called often, writes only what changed. */
  tell(window: { center: number; width: number } | null, reduced: number): void {
    const loading = this.store.get(this.view.image);
    const title = this.blinking ? this.blinking.label : this.name;
    const slice = this.view.frames > 1 ? `${t("slice {n} of {all}", { n: this.frame + 1, all: this.view.frames })} · ` : "";
    const zoom = t("{n} %", { n: Math.round(this.place.zoom * (globalThis.devicePixelRatio || 1) * 100) });
    const tone = window ? ` · C ${round(window.center)} W ${round(window.width)}` : "";
    const facts = `${slice}${zoom}${tone}${reduced ? ` · ${t("shown at 1/{n} of its resolution", { n: 2 ** reduced })}` : ""}`;
    const state = loading.state === "loading" ? `loading${Math.round(loading.share * 20)}` : loading.state;
    const told = `${title}|${facts}|${state}|${loading.state === "failed" ? say(loading.reason) : ""}|${Boolean(this.blinking)}`;
    if (told === this.told) return;
    this.told = told;
    this.title.textContent = title;
    this.facts.textContent = facts;
    this.element.classList.toggle("blinking", Boolean(this.blinking));
    this.element.setAttribute("aria-label", `${title}${loading.state === "failed" ? `, ${t("not shown")}` : ""}`);
    if (loading.state === "ready") this.thumb?.remove();
    this.notice.hidden = loading.state === "ready";
    if (loading.state === "failed") {
      this.notice.replaceChildren(
        h("p", { role: "alert" }, h("strong", {}, t("{view} cannot be shown.", { view: this.view.label })), ` ${t("Why: {reason}.", { reason: say(loading.reason) })}`),
        h("button", { type: "button", class: "quiet", click: () => this.again(this) }, t("Load again")),
      );
    } else if (loading.state !== "ready")
      this.notice.replaceChildren(h("p", {}, loading.state === "loading" && loading.share > 0 ? t("Loading, {n} %", { n: Math.round(loading.share * 100) }) : t("Loading")));
  }

  /** Distances, the polygon being drawn, the cursor and the scale of one centimetre. */
  drawOwn(): void {
    const { own } = this.marks;
    own.replaceChildren();
    const map = this.map;
    for (const { from, to } of this.measures) {
      const [a, b] = [apply(map, from), apply(map, to)];
      const mm = Math.hypot(from[0] - to[0], from[1] - to[1]) * this.view.pixel_mm;
      own.append(
        svg("line", { class: "measure", x1: a[0], y1: a[1], x2: b[0], y2: b[1] }),
        svg("text", { class: "measured", x: b[0] + 6, y: b[1] - 6 }, t("{n} mm", { n: mm.toFixed(1) })),
      );
    }
    if (this.path.length) own.append(svg("polyline", { class: "drawing", points: [...this.path.map((p) => apply(map, p)), ...(this.cursor ? [this.cursor] : [])].map((p) => p.join(",")).join(" ") }));
    if (this.cursor) {
      const [x, y] = this.cursor;
      own.append(svg("path", { class: "cursor", d: `M${x - 14} ${y}H${x - 4}M${x + 4} ${y}H${x + 14}M${x} ${y - 14}V${y - 4}M${x} ${y + 4}V${y + 14}` }));
    }
    const cm = (10 / this.view.pixel_mm) * this.place.zoom;
    if (cm < this.size.height * 0.8) {
      const x = this.view.laterality === "R" ? 12 : this.size.width - 12;
      const y = this.size.height / 2;
      own.append(svg("path", { class: "ruler", d: `M${x - 4} ${y - cm / 2}H${x + 4}M${x} ${y - cm / 2}V${y + cm / 2}M${x - 4} ${y + cm / 2}H${x + 4}` }));
      own.append(svg("text", { class: "ruler-name", x: this.view.laterality === "R" ? x + 8 : x - 8, y: y + 4, "text-anchor": this.view.laterality === "R" ? "start" : "end" }, t("{n} cm", { n: 1 })));
    }
  }
}

function round(value: number): string {
  return Math.abs(value) < 10 ? value.toFixed(2) : String(Math.round(value));
}
