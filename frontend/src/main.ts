// The reading page: images, findings and the draft, put together.
import "./viewer.css";
import { type Content, type Finding, type Page, type Preview, readPage } from "./contract";
import { h } from "./dom";
import { type Command, Keys, shown } from "./keys";
import { takeComment, takeOver } from "./reading/arbitration";
import { addDrawn, change, decide, faults, type Field, followCategory, merge, placed, remove, rim, setField, setReason, split } from "./reading/draft";
import { askConflict, askToSign, calibrate, showKeys, tell } from "./reading/dialogs";
import { Panel } from "./reading/panel";
import { Sync } from "./reading/sync";
import { boxOf } from "./stage/geometry";
import { Stage, type Tool } from "./stage/stage";
import { say, speak, t, why } from "./words";

const SCREEN = "calcscope.pixels-per-mm"; // of this screen; nothing of a patient is ever stored
const LETTERS = "calcscope.single-letter-keys";
const CSS_INCH = 96 / 25.4;

class Reading {
  private content: Content;
  private selected: string | null = null;
  private request = crypto.randomUUID?.() ?? uuid();
  private busy = false;
  private readonly stage: Stage;
  private readonly panel: Panel;
  private readonly sync: Sync;
  private readonly line = h("p", { class: "line", role: "status" });
  private readonly hangingSelect = h("select", { id: "hanging" });
  private readonly threshold = h("input", { type: "range", id: "threshold", min: 0, max: 1, step: 0.01, "aria-describedby": "threshold-note" });
  private readonly thresholdValue = h("output", { for: "threshold" });
  private readonly changed = new Set<string>(); // findings changed in this page, even where they were changed back
  private readonly switches: { button: HTMLButtonElement; on: () => boolean }[] = [];
  private readonly keys: Keys;

  constructor(
    private readonly page: Page,
    root: HTMLElement,
  ) {
    this.content = page.content;
    this.stage = new Stage(page, {
      selected: (id) => this.select(id, false),
      drawn: (view, polygon, tool) => this.drawn(view.uid, polygon, tool),
      told: () => this.told(),
      say: (text) => void (this.line.textContent = text),
    });
    this.panel = new Panel(page, {
      select: (id) => this.select(this.selected === id ? null : id, true),
      decide: (id, decision) => this.edit(decide(this.content, id, this.content.findings.find((each) => each.id === id)?.decision === decision ? "open" : decision)),
      set: (id, field, value) => this.set(id, field, value),
      reason: (id, field, reason) => this.edit(setReason(this.content, id, field, reason), false),
      restore: (id) => this.edit(change(this.content, id, (finding) => ({ ...finding, sentence_edited: false }))),
      copy: (id) => void this.copy(id),
      split: (id) => {
        this.select(id, true);
        this.tool("split");
      },
      merge: (id, other) => this.merge(id, other),
      remove: (id) => {
        this.selected = null;
        this.edit(remove(this.content, id));
        this.stage.select(null);
      },
      comment: (text) => this.edit({ ...this.content, comment: text }, false),
      group: (view, id) => {
        const group = view.groups.find((each) => each.id === id);
        const box = group && boxOf(group.outline);
        if (box) this.stage.goToBox(view, box);
      },
      earlier: (finding) => this.say(this.stage.goToEarlier(finding) ? t("{id} as the earlier exam shows it.", { id: finding.id }) : t("The images of that exam are not here.")),
      look: (finding) => {
        const view = page.exams.flatMap((exam) => exam.views).find((each) => finding.members.some((member) => member.view === each.uid));
        const member = finding.members.find((each) => each.view === view?.uid);
        const box = view && member && boxOf(rim(member, view));
        if (box) this.stage.goToBox(view, box);
      },
      takeOver: (finding, who) => {
        const taken = takeOver(this.content, finding);
        this.edit(taken.content);
        this.select(taken.id, false);
        this.say(t("{id} is now as {who} has it.", { id: taken.id, who }));
      },
      takeComment: (comment, who) => {
        this.edit(takeComment(this.content, comment), false);
        this.say(t("The comment holds what {who} wrote.", { who }));
      },
      sign: () => void this.sign(),
      release: () => void this.release(),
      goOn: () => void this.sync.goOn(),
    });
    this.sync = new Sync(page, {
      state: (state) => this.panel.state(state),
      conflict: (conflict) => askConflict(conflict, page.terms),
      replaced: (content) => this.take(content),
      previewed: (preview) => this.previewed(preview),
    });
    const commands = this.commands();
    this.keys = new Keys(commands);
    this.keys.letters = stored(LETTERS) !== "no";
    root.append(h("div", { class: "reading" }, h("div", { class: "desk" }, this.toolbar(), this.stage.element, h("div", { class: "below" }, this.line, this.thresholdControl())), this.panel.element));
    this.backToImages(root);
    this.panel.state({ kind: "saved", at: null });
    this.panel.update(this.content, null);
    this.stage.show(0);
    void this.sync.preview();
  }

  // --- the draft ----------------------------------------------------------------------------------------

  private take(content: Content): void {
    this.content = content;
    if (!content.findings.some((each) => each.id === this.selected)) this.selected = null;
    this.panel.update(content, this.selected);
    this.stage.setContent(content);
  }

  private edit(content: Content, rules = true): void {
    this.take(content);
    this.sync.changed(content, rules);
  }

  private set(id: string, field: Field, value: string | number | null): void {
    let content = setField(this.content, id, field, value);
    this.changed.add(id);
    if (field === "next_step" && typeof value === "string") {
      // Another step has other days; a routine mammogram is not due in two weeks.
      const days = this.page.terms.step_days?.[value] ?? this.content.findings.find((each) => each.next_step === value)?.due_days;
      if (days !== undefined && days !== null) content = setField(content, id, "due_days", days);
      else this.say(t("Check in how many days this step is due."));
    }
    if (field === "category" && typeof value === "string") {
      content = followCategory(content, id, this.page.terms);
      if (this.page.terms.step_of_category && !this.page.terms.step_of_category[value]) this.say(t("Category {n} asks for no step of its own; check the next step.", { n: value }));
    }
    const finding = content.findings.find((each) => each.id === id);
    // Who changes a term has decided that there is a finding.
    if (finding?.decision === "open" && field !== "sentence") content = decide(content, id, "accepted");
    this.edit(content, field !== "sentence");
  }

  /** What the rules make of the draft: taken where the reader has not said otherwise. */
  private previewed(preview: Preview): void {
    this.panel.previewed(preview);
    let again = false;
    const findings = this.content.findings.map((finding): Finding => {
      const ruled = preview.findings.find((each) => each.id === finding.id);
      // One that was changed back has no edits any more, but still the words and step of what it was meanwhile.
      const touched = finding.edits.length > 0 || finding.origin === "reader" || this.changed.has(finding.id);
      if (!ruled || !touched) return finding;
      const own = (field: string): boolean => finding.edits.some((edit) => edit.field === field);
      const next = {
        ...finding,
        category: own("category") ? finding.category : ruled.category,
        next_step: own("next_step") ? finding.next_step : ruled.next_step,
        due_days: own("due_days") || own("next_step") ? finding.due_days : ruled.due_days,
        sentence: finding.sentence_edited ? finding.sentence : ruled.sentence,
        location: finding.origin === "reader" && ruled.location ? placed(finding, ruled.location) : finding.location,
      };
      again ||= next.category !== finding.category || next.next_step !== finding.next_step || next.due_days !== finding.due_days;
      return next;
    });
    const content = { ...this.content, findings, assessment: preview.assessment, next_steps: preview.next_steps };
    if (JSON.stringify(content) !== JSON.stringify(this.content)) {
      this.take(content);
      this.sync.changed(content, again);
    } else this.panel.update(this.content, this.selected);
  }

  private select(id: string | null, go: boolean): void {
    this.selected = id;
    const finding = this.content.findings.find((each) => each.id === id);
    if (finding && go) this.stage.goTo(finding);
    else this.stage.select(id);
    this.panel.update(this.content, id);
  }

  private step(by: number): void {
    const { findings } = this.content;
    if (!findings.length) return this.say(t("No findings."));
    const at = findings.findIndex((each) => each.id === this.selected);
    const next = at < 0 ? (by > 0 ? 0 : findings.length - 1) : (at + by + findings.length) % findings.length;
    this.select((findings[next] as Finding).id, true);
    this.say(t("{id}, {n} of {all}", { id: (findings[next] as Finding).id, n: next + 1, all: findings.length }));
  }

  private drawn(uid: string, polygon: [number, number][], tool: "draw" | "split"): void {
    const view = this.page.exams.flatMap((exam) => exam.views).find((each) => each.uid === uid);
    if (!view) return;
    if (tool === "draw") {
      const { content, id } = addDrawn(this.content, view, polygon, this.page.exam.mode);
      this.edit(content);
      this.select(id, false);
      const known = content.findings.at(-1)?.decision === "accepted";
      this.panel.focusCard(id, known ? "morphology" : "count");
      return this.say(known ? t("{id} added. Say what it is.", { id }) : t("{id} added. Say how many calcifications you see, then what they are.", { id }));
    }
    const given = this.selected && split(this.content, this.selected, view, polygon);
    if (!given) return this.say(t("The outline holds all or none of the finding's calcifications in this view; nothing was split."));
    this.edit(given.content);
    this.select(given.id, false);
    this.panel.focusCard(given.id);
    this.say(t("{id} split off.", { id: given.id }));
  }

  private merge(id: string, other: string): void {
    const views = this.page.exams.flatMap((exam) => exam.views);
    const content = merge(this.content, id, other, views);
    if (!content) return this.say(t("Only findings of one breast can be merged."));
    this.edit(content);
    this.select(id, false);
    this.say(t("{other} is now part of {id}.", { id, other }));
  }

  private async copy(id: string | null = this.selected): Promise<void> {
    const finding = this.content.findings.find((each) => each.id === id);
    if (!finding) return this.say(t("Select a finding first."));
    try {
      await navigator.clipboard.writeText(finding.sentence);
    } catch {
      // Without HTTPS the clipboard is closed to pages; a selected field is not.
      const field = h("textarea", { class: "away" });
      field.value = finding.sentence;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    this.say(t("Paragraph of {id} copied.", { id: finding.id }));
  }

  private async sign(): Promise<void> {
    if (this.busy || !this.page.reader.may_sign) return;
    this.busy = true;
    this.panel.signing(true);
    try {
      for (;;) {
        const words = { open: t("not decided; accept or reject it."), reason: t("rejected without a reason; say why."), edit: t("changed without a reason; say why.") };
        const against = faults(this.content);
        const accept = (): void => this.edit(this.content.findings.reduce((content, each) => (each.decision === "open" ? decide(content, each.id, "accepted") : content), this.content));
        const answer = await askToSign(this.content, against.map(({ id, what }) => `${id}: ${words[what]}`), (this.page.versions ?? 0) > 0, against.some((each) => each.what === "open") ? accept : null, this.page.doubt?.text);
        if (answer === "accept") continue;
        const first = against[0];
        if (!answer) {
          if (first) this.select(first.id, true);
          return;
        }
        this.say(t("Signing"));
        const signed = await this.sync.sign(answer.note, this.request);
        if (signed.kind === "signed") {
          location.assign(signed.address);
          return;
        }
        this.say(t("Not signed."));
        await tell(t("Not signed"), signed.why);
        return;
      }
    } finally {
      this.busy = false;
      this.panel.signing(false);
    }
  }

  private async release(): Promise<void> {
    if (await this.sync.release()) location.assign(this.page.urls.back);
    else this.say(t("The draft is not saved yet, so the exam stays open."));
  }

  /**
   * After a click with the pointer the keys belong to the images again: Space steps on, and does not press a button,
   * such as Accept, a second time. Who works by keyboard keeps the focus where it is.
   */
  private backToImages(root: HTMLElement): void {
    const toImages = (): void => this.stage.current?.element.focus({ preventScroll: true });
    root.addEventListener("click", (event) => {
      const button = (event.target as Element).closest(".toolbar button, .finding-card .head button, .jump");
      if (!button || event.detail === 0 || document.querySelector("dialog[open]")) return;
      if (button.matches(".reject[aria-pressed=true]")) (button.closest(".finding-card")?.querySelector(".why input") as HTMLElement | null)?.focus();
      else toImages();
    });
    for (const control of [this.hangingSelect, this.threshold])
      control.addEventListener("change", () => {
        if (!control.matches(":focus-visible")) toImages();
      });
  }

  // --- the desk -----------------------------------------------------------------------------------------

  private say(text: string): void {
    this.line.textContent = text;
  }

  private tool(tool: Tool): void {
    if (tool === "split" && !this.selected) return this.say(t("Select the finding to split first."));
    this.stage.setTool(tool);
    const help: Partial<Record<Tool, string>> = {
      measure: t("Distance: click two points, or move the cross with the arrow keys and press Space twice. Esc ends."),
      draw: t("New finding: draw around it or click its corners; or arrow keys and Space. Enter closes, Backspace takes a point back, Esc ends."),
      split: t("Split: draw around the part that is a finding of its own. Enter closes, Esc ends."),
      window: t("Window: drag up and down for brightness, left and right for contrast. Esc ends."),
    };
    this.say(help[this.stage.tool] ?? "");
  }

  private trueSize(): void {
    const kept = Number(stored(SCREEN));
    this.stage.trueSize(kept > 0 ? kept : CSS_INCH);
    this.say(kept > 0 ? t("True size.") : t("True size as the browser guesses it; measure the screen with Shift+T."));
  }

  private async calibrate(): Promise<void> {
    const given = await calibrate(Number(stored(SCREEN)) || CSS_INCH);
    if (given) {
      store(SCREEN, String(given));
      this.trueSize();
    }
  }

  private async help(): Promise<void> {
    const letters = await showKeys(this.keys.commands.map(({ keys, what }) => ({ keys: keys.map(shown).join(" | "), what })), this.keys.letters);
    if (letters === null) return;
    this.keys.letters = letters;
    store(LETTERS, letters ? "yes" : "no");
  }

  private told(): void {
    this.hangingSelect.value = String(this.stage.at);
    this.threshold.value = String(this.stage.threshold);
    this.thresholdValue.value = this.stage.threshold.toFixed(2);
    for (const { button, on } of this.switches) button.setAttribute("aria-pressed", String(on()));
  }

  private toolbar(): HTMLElement {
    const { stage } = this;
    this.hangingSelect.append(...stage.hangings.map((each, k) => h("option", { value: k }, `${k + 1} ${each.name}`)));
    this.hangingSelect.addEventListener("change", () => stage.show(Number(this.hangingSelect.value)));
    this.threshold.addEventListener("input", () => stage.setThreshold(Number(this.threshold.value)));
    const button = (text: string, key: string, act: () => void, on?: () => boolean): HTMLButtonElement => {
      const made = h("button", { type: "button", class: "quiet tool", click: act, "aria-keyshortcuts": key, title: `${text} (${shown(key)})` }, text);
      if (on) {
        made.setAttribute("aria-pressed", "false");
        this.switches.push({ button: made, on });
      }
      return made;
    };
    const tool = (text: string, key: string, name: Tool): HTMLButtonElement => button(text, key, () => this.tool(name), () => stage.tool === name);
    return h(
      "div",
      { class: "toolbar", role: "group", "aria-label": t("Tools") },
      h("label", { for: "hanging" }, t("Hanging")),
      this.hangingSelect,
      button(t("Next"), "Space", () => stage.show(stage.at + 1)),
      button(t("Fit"), "0", () => stage.reset()),
      button("1:1", "o", () => stage.oneToOne()),
      button(t("True size"), "t", () => this.trueSize()),
      button(t("Invert"), "i", () => stage.invert(), () => stage.inverted),
      tool(t("Window"), "w", "window"),
      button(t("Magnifier"), "m", () => stage.toggleMagnifier(), () => stage.magnified),
      tool(t("Distance"), "d", "measure"),
      tool(t("Draw"), "e", "draw"),
      button(t("Prior"), "b", () => stage.blink(), () => stage.panes.some((pane) => pane.blinking)),
      button(t("Marks"), "a", () => stage.toggleMarks(), () => stage.marked),
      button(t("Keys"), "?", () => void this.help()),
    );
  }

  private thresholdControl(): HTMLElement {
    const note = t("Only calcifications of this probability or more are marked; calibrated on simulation");
    const name = h("label", { for: "threshold" }, t("Marks from probability"));
    return h("span", { class: "together", title: note }, name, this.threshold, this.thresholdValue, h("span", { class: "away", id: "threshold-note" }, note));
  }

  private commands(): Command[] {
    const { stage } = this;
    const command = (keys: string, what: string, act: () => void): Command => ({ keys: keys.split(" "), what, act });
    const near = (): number => (stage.tool === "pan" || stage.tool === "window" ? 60 : 8);
    const move = (dx: number, dy: number) => () => stage.pan(dx * near(), dy * near());
    const drawing = (): boolean => stage.tool === "measure" || stage.tool === "draw" || stage.tool === "split";
    return [
      command("Space", t("Next hanging; with a drawing tool: put a point"), () => (drawing() ? stage.point() : stage.show(stage.at + 1))),
      command("Shift+Space", t("Previous hanging"), () => stage.show(stage.at - 1)),
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9].slice(0, stage.hangings.length).map((k) => command(String(k), t("Hanging {n}: {name}", { n: k, name: stage.hangings[k - 1]?.name ?? "" }), () => stage.show(k - 1))),
      command("n", t("Next finding, in the middle and enlarged"), () => this.step(1)),
      command("p", t("Previous finding"), () => this.step(-1)),
      command("Enter", t("The chosen image alone, and back; with a drawing tool: close the outline"), () => (drawing() ? stage.close() : stage.alone())),
      command("Ctrl+ArrowRight", t("Next image"), () => stage.activate((stage.panes.findIndex((pane) => pane === stage.current) + 1) % stage.panes.length)),
      command("Ctrl+ArrowLeft", t("Previous image"), () => stage.activate((stage.panes.findIndex((pane) => pane === stage.current) - 1 + stage.panes.length) % stage.panes.length)),
      command("ArrowLeft", t("Move (also the cross and the magnifier)"), move(1, 0)),
      command("ArrowRight", t("Move"), move(-1, 0)),
      command("ArrowUp", t("Move"), move(0, 1)),
      command("ArrowDown", t("Move"), move(0, -1)),
      command("+ =", t("Larger"), () => stage.zoom(1.25)),
      command("- _", t("Smaller"), () => stage.zoom(0.8)),
      command("0 f", t("Fit: as it hung, with its own window"), () => stage.reset()),
      command("o", t("One image pixel on one screen pixel"), () => stage.oneToOne()),
      command("t", t("True size"), () => this.trueSize()),
      command("Shift+t", t("Measure the screen for true size"), () => void this.calibrate()),
      command("q", t("Next quarter of the breast"), () => stage.nextQuadrant()),
      command("Shift+ArrowUp", t("Brighter"), () => stage.adjust(0.05, 0)),
      command("Shift+ArrowDown", t("Darker"), () => stage.adjust(-0.05, 0)),
      command("Shift+ArrowRight", t("More contrast"), () => stage.adjust(0, 0.08)),
      command("Shift+ArrowLeft", t("Less contrast"), () => stage.adjust(0, -0.08)),
      command("w", t("Window by dragging (also the right mouse button)"), () => this.tool("window")),
      command("v", t("Next window that the image states"), () => stage.nextWindow()),
      command("i", t("Invert black and white"), () => stage.invert()),
      command("m", t("Magnifier"), () => stage.toggleMagnifier()),
      command("d", t("Measure a distance in mm"), () => this.tool("measure")),
      command("a", t("Marks on and off"), () => stage.toggleMarks()),
      command(".", t("Fewer marks: higher probability"), () => stage.setThreshold(stage.threshold + 0.05)),
      command(",", t("More marks: lower probability"), () => stage.setThreshold(stage.threshold - 0.05)),
      command("b", t("Registered prior and back"), () => stage.blink()),
      command("Shift+b", t("Blink by itself, once a second; again to stop"), () => stage.autoBlink()),
      command("PageUp", t("Previous slice of a tomosynthesis"), () => stage.scroll(-1)),
      command("PageDown", t("Next slice"), () => stage.scroll(1)),
      command("e", t("Draw a finding"), () => this.tool("draw")),
      command("s", t("Split the finding"), () => this.tool("split")),
      command("g", t("Merge the finding with another"), () => this.selected && document.getElementById(`${this.selected}-merge`)?.focus()),
      command("Backspace", t("Take back the last point or distance"), () => stage.undoPoint()),
      command("y", t("Accept the finding, and on to the next"), () => this.decideAndOn("accepted")),
      command("x", t("Reject the finding; say why"), () => this.decideAndOn("rejected")),
      command("c", t("Copy the finding's paragraph"), () => void this.copy()),
      command("Escape", t("End the tool"), () => void (stage.escape() && this.say(""))),
      command("Ctrl+Enter", t("Sign"), () => void this.sign()),
      command("?", t("These keys"), () => void this.help()),
    ];
  }

  private decideAndOn(decision: "accepted" | "rejected"): void {
    const id = this.selected;
    if (!id) return this.say(t("Select a finding first."));
    this.edit(decide(this.content, id, decision));
    if (decision === "rejected") {
      document.getElementById(`${id}-why`)?.focus();
      return this.say(t("{id} rejected. Say why.", { id }));
    }
    this.say(t("{id} accepted.", { id }));
    const rest = this.content.findings.filter((each) => each.decision === "open");
    const at = this.content.findings.findIndex((each) => each.id === id);
    const next = rest.find((each) => this.content.findings.indexOf(each) > at) ?? rest[0];
    if (next) this.select(next.id, true);
  }

  /** For tests and the benchmark: resolves when the stage has drawn. */
  get drawnStage(): Stage {
    return this.stage;
  }
}

function stored(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function store(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // A browser that keeps nothing asks again next time.
  }
}

/** A random UUID where the page is not served by HTTPS and crypto.randomUUID is therefore missing. */
function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = [...bytes].map((each) => each.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function start(): void {
  const root = document.getElementById("viewer");
  if (!root) return;
  try {
    const page = readPage(document);
    speak(page.words);
    const reading = new Reading(page, root);
    Object.assign(root, { stage: reading.drawnStage });
  } catch (error) {
    root.append(h("p", { class: "alert", role: "alert" }, h("strong", {}, t("The images cannot be shown.")), ` ${say(why(error))}`));
  }
}


start();
