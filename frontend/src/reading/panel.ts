// The findings beside the images: what each is, what the reader makes of it, and what follows.
import type { Content, EarlierFinding, Finding, Page, Preview, Reason, View } from "../contract";
import { h } from "../dom";
import { t, type Word } from "../words";
import { compared } from "./arbitration";
import { display, type Field, REASONED, valueOf } from "./draft";
import { CHOICES, CLOCK, decisionWords, DUE, EXTENT, fieldName, NUMBER, stepWords, valueWords } from "./fields";
import type { SaveState } from "./sync";

export interface PanelHooks {
  select(id: string): void;
  decide(id: string, decision: Finding["decision"]): void;
  set(id: string, field: Field, value: string | number | null): void;
  reason(id: string, field: string | null, reason: string): void;
  restore(id: string): void; // the paragraph as the rules write it
  copy(id: string): void;
  split(id: string): void;
  merge(id: string, other: string): void;
  remove(id: string): void;
  comment(text: string): void;
  group(view: View, group: string): void;
  earlier(finding: EarlierFinding): void;
  look(finding: Finding): void;
  takeOver(finding: Finding, who: string): void;
  takeComment(comment: string, who: string): void;
  sign(): void;
  release(): void;
  goOn(): void;
}

const capital = (text: string): string => text.charAt(0).toLocaleUpperCase(document.documentElement.lang) + text.slice(1);

const GREW = new Set(["new", "more", "larger", "wider", "denser", "changed_morphology", "changed_distribution"]);

export class Panel {
  readonly element = h("aside", { class: "panel", "aria-label": t("Findings and report") });
  private readonly head = h("header");
  private readonly status = h("p", { class: "save", role: "status" });
  private readonly alert = h("div", { class: "alert", role: "alert", hidden: true });
  private readonly list = h("div", { class: "findings" });
  private readonly verdict = h("div", { class: "verdict" });
  private readonly comment = h("textarea", { id: "comment", rows: 3, maxlength: 8000 });
  private readonly signButton = h("button", { type: "button", class: "sign" }, t("Sign"));
  private cards = new Map<string, Card>();
  private selected: string | null = null;
  private listed: string | null = null; // the names that the list shows
  private preview = new Map<string, Preview["findings"][number]>();

  constructor(
    private readonly page: Page,
    private readonly hooks: PanelHooks,
  ) {
    const { exam } = page;
    this.comment.addEventListener("input", () => hooks.comment(this.comment.value));
    this.signButton.addEventListener("click", () => hooks.sign());
    const who = [exam.woman, exam.born && t("born {date}", { date: exam.born })].filter(Boolean).join(", ");
    this.head.append(
      h("h2", {}, who || t("Exam")),
      h("p", {}, [exam.date, capital(exam.mode_name), exam.state_name].filter(Boolean).join(" · ")),
      page.doubt ? h("p", { class: "alert doubt", role: "note" }, h("strong", {}, page.doubt.text), " ", h("a", { href: page.doubt.page }, page.doubt.to_page)) : "",
      this.status,
      this.alert,
    );
    const { not_compared: left = [] } = page;
    this.element.append(
      this.head,
      left.length ? h("div", { class: "alert doubt", role: "note" }, ...left.map((each) => h("p", {}, each))) : "",
      this.readings(),
      h("section", { "aria-labelledby": "findings-title" }, h("h3", { id: "findings-title" }, t("Findings")), this.list),
      this.earlierFindings(),
      this.groupTable(),
      h("section", { "aria-labelledby": "verdict-title" }, h("h3", { id: "verdict-title" }, t("Assessment")), this.verdict),
      h("section", {}, h("label", { for: "comment" }, t("Comment")), this.comment),
      h(
        "footer",
        {},
        page.reader.may_sign ? this.signButton : h("p", {}, t("You may read this exam, not sign it.")),
        h("button", { type: "button", class: "quiet", click: () => hooks.release() }, t("Leave to others")),
        h("a", { href: page.urls.back }, t("Worklist")),
      ),
    );
  }

  /** Both blind readings, finding by finding, for a third reader. */
  private readings(): HTMLElement {
    const { readings = [], terms } = this.page;
    if (readings.length !== 2) return h("section", { hidden: true });
    const category = (value: string | null): string => (value === null ? t("not read") : value);
    const heads = readings.map((reading, k) =>
      h(
        "div",
        { class: `reader reading-${k + 1}` },
        h("p", { class: "reader-name" }, `${k + 1}: ${reading.who}`),
        h("p", {}, t("Right {right}, left {left}", { right: category(reading.assessment.right), left: category(reading.assessment.left) })),
        reading.comment && h("p", { class: "soft" }, reading.comment),
        reading.comment && h("button", { type: "button", class: "quiet take", "aria-label": t("Take over the comment of {who}", { who: reading.who }), click: () => this.hooks.takeComment(reading.comment, reading.who) }, t("Take over the comment")),
      ),
    );
    const said = (finding: Finding | null, k: number): HTMLElement => {
      const who = readings[k]?.who ?? "";
      if (!finding) return h("div", { class: `reader reading-${k + 1}` }, h("p", { class: "soft" }, t("Does not have it.")));
      const rejected = finding.decision === "rejected";
      const what = [display(terms, "typical_kinds", finding.typical_kind) || display(terms, "morphology", finding.morphology), display(terms, "distribution", finding.distribution), String(finding.count)].filter(Boolean).join(" · ");
      const reasons = [rejected ? finding.reason : "", ...finding.edits.map((edit) => edit.reason)].filter(Boolean);
      return h(
        "div",
        { class: `reader reading-${k + 1}` },
        h("p", {}, rejected ? h("span", { class: "tag rejected" }, t("rejected")) : h("span", { class: "tag category" }, finding.category), ` ${rejected ? "" : what}`),
        !rejected && h("p", {}, t("{step}, {n} days", { step: stepWords(terms, finding.next_step), n: finding.due_days ?? "–" })),
        ...reasons.map((reason) => h("p", { class: "soft" }, reason)),
        h("button", { type: "button", class: "quiet take", "aria-label": t("Take over this one: {id} of {who}", { id: finding.id, who }), click: () => this.hooks.takeOver(finding, who) }, t("Take over this one")),
      );
    };
    const pairs = compared(readings).map(({ findings, differs }) => {
      const id = findings.map((each) => each?.id).find(Boolean) ?? "";
      const any = findings[0] ?? findings[1];
      const fields = differs.map((field) => field === "only" ? t("only one has it") : field === "decision" ? t("one rejects it") : fieldName(field)).join(", ");
      return h(
        "article",
        { class: `pair${differs.length ? " differs" : ""}`, "aria-label": t("{id} in both readings", { id }) },
        h("div", { class: "head" }, h("h4", {}, h("button", { type: "button", class: "quiet jump", click: () => any && this.hooks.look(any) }, id)), h("span", { class: `tag ${differs.length ? "open" : ""}` }, differs.length ? t("differs: {fields}", { fields }) : t("the same"))),
        h("div", { class: "both" }, said(findings[0], 0), said(findings[1], 1)),
      );
    });
    return h("section", { class: "readings", "aria-labelledby": "readings-title" }, h("h3", { id: "readings-title" }, t("The two readings")), h("div", { class: "both" }, ...heads), ...pairs);
  }

  /** What only an earlier exam shows. */
  private earlierFindings(): HTMLElement {
    const { earlier_findings: found = [], terms } = this.page;
    if (!found.length) return h("section", { hidden: true });
    const rows = found.map((each) => {
      const what = [display(terms, "typical_kinds", each.typical_kind) || display(terms, "morphology", each.morphology), display(terms, "distribution", each.distribution)].filter(Boolean).join(", ");
      const place = display(terms, "quadrants", each.location.quadrant) || display(terms, "halves", each.location.half);
      const here = each.places.some((one) => this.page.exams.some((exam) => !exam.current && exam.views.some((view) => view.uid === one.prior_view)));
      return h(
        "li",
        {},
        here ? h("button", { type: "button", class: "quiet jump", "aria-label": t("{id}: show it in the exam of {date}", { id: each.id, date: each.date }), click: () => this.hooks.earlier(each) }, each.id) : h("strong", {}, each.id),
        " ",
        h("span", { class: "tag" }, each.status.map((one) => display(terms, "changes", one)).join(", ")),
        ` ${[`${each.laterality === "L" ? t("Left") : t("Right")}${place ? ` ${place}` : ""}`, what, t("{n} on {date}", { n: each.count, date: each.date })].filter(Boolean).join(" · ")}`,
        ...each.words.map((line) => h("p", { class: "soft" }, line)),
        !here && h("p", { class: "soft" }, t("The images of that exam are not here.")),
      );
    });
    return h("section", { class: "earlier-findings", "aria-labelledby": "earlier-title" }, h("h3", { id: "earlier-title" }, t("Only in an earlier exam, or fewer now")), h("ul", {}, ...rows));
  }

  private groupTable(): HTMLElement {
    const rows = this.page.exams
      .filter((exam) => exam.current)
      .flatMap((exam) => exam.views)
      .flatMap((view) => view.groups.map((group) => ({ view, group })));
    if (!rows.length) return h("section", { hidden: true });
    const { terms } = this.page;
    const body = h(
      "tbody",
      {},
      ...rows.map(({ view, group }) =>
        h(
          "tr",
          {},
          h("td", {}, h("button", { type: "button", class: "quiet jump", click: () => this.hooks.group(view, group.id) }, `${view.label} ${group.id}`)),
          h("td", {}, String(group.count)),
          h("td", {}, group.span_mm.toFixed(1)),
          h("td", {}, group.probability.toFixed(2)),
          h("td", {}, [display(terms, "morphology", group.morphology), display(terms, "distribution", group.distribution)].filter(Boolean).join(", ")),
        ),
      ),
    );
    const head = [t("Group"), t(NUMBER), t("mm"), t("Probability*"), t("What")].map((name) => h("th", { scope: "col" }, name));
    return h(
      "section",
      {},
      h(
        "details",
        {},
        h("summary", {}, t("Groups in each view ({n})", { n: rows.length })),
        h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("Table of groups") }, h("table", {}, h("thead", {}, h("tr", {}, ...head)), body)),
        h("p", { class: "soft" }, t("* that it is a true group; calibrated on simulation")),
      ),
    );
  }

  update(content: Content, selected: string | null): void {
    const ids = content.findings.map((each) => each.id);
    if (ids.join() !== this.listed) {
      this.listed = ids.join();
      const old = this.cards;
      this.cards = new Map(content.findings.map((each) => [each.id, old.get(each.id) ?? new Card(each.id, this.page, this.hooks)]));
      this.list.replaceChildren(...[...this.cards.values()].map((card) => card.element));
      if (!ids.length) this.list.append(h("p", { class: "soft" }, t("Nothing found. Draw what you see, or sign.")));
    }
    for (const finding of content.findings) this.cards.get(finding.id)?.update(finding, content, finding.id === selected, this.preview.get(finding.id)?.reasons ?? null, this.preview.get(finding.id)?.category ?? null);
    if (selected !== this.selected && selected) this.bringInSight(selected);
    this.selected = selected;
    const { left, right, overall } = content.assessment;
    const category = (value: string | null): string => (value === null ? t("not read") : `${value} · ${display(this.page.terms, "categories", value)}`);
    this.verdict.replaceChildren(
      h("dl", { class: "facts" }, h("dt", {}, t("Right")), h("dd", {}, category(right)), h("dt", {}, t("Left")), h("dd", {}, category(left)), h("dt", {}, t("Overall")), h("dd", {}, h("strong", {}, category(overall)))),
      h("ul", { class: "steps" }, ...content.next_steps.map((step) => h("li", {}, step.text))),
      h("p", { class: "soft" }, t("They follow from the findings' categories and next steps.")),
    );
    if (document.activeElement !== this.comment && this.comment.value !== content.comment) this.comment.value = content.comment;
    const open = content.findings.filter((each) => each.decision === "open").length;
    this.signButton.textContent = open ? t("Sign … ({n} to decide)", { n: open }) : t("Sign …");
  }

  /** The card's top just below the header, which stays in sight. */
  private bringInSight(id: string): void {
    const card = this.cards.get(id)?.element;
    if (!card) return;
    const head = this.head.getBoundingClientRect().bottom;
    const [panel, box] = [this.element.getBoundingClientRect(), card.getBoundingClientRect()];
    if (box.top < head || box.bottom > panel.bottom) this.element.scrollTop += box.top - head - 8;
  }

  previewed(preview: Preview): void {
    this.preview = new Map(preview.findings.map((each) => [each.id, each]));
  }

  focusCard(id: string, field?: string): void {
    if (field) document.getElementById(`${id}-${field}`)?.focus();
    else this.cards.get(id)?.focus();
  }

  paragraph(id: string): HTMLTextAreaElement | undefined {
    return this.cards.get(id)?.paragraph;
  }

  state(state: SaveState): void {
    const words: Record<SaveState["kind"], string> = {
      saved: state.kind === "saved" && state.at ? t("Draft saved {time}", { time: state.at.toLocaleTimeString(document.documentElement.lang || [], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }) }) : t("Draft saved"),
      changed: t("Changed, not saved yet"),
      saving: t("Saving"),
      "signed-out": t("Not saved: you are signed out"),
      offline: t("Not saved: no answer from the server"),
      refused: t("Not saved"),
      conflict: t("Not saved: changed elsewhere"),
    };
    this.status.textContent = words[state.kind];
    this.status.dataset.state = state.kind;
    const trouble = this.trouble(state);
    this.alert.hidden = !trouble.length;
    this.alert.replaceChildren(...trouble);
  }

  private trouble(state: SaveState): Node[] {
    const again = h("button", { type: "button", click: () => this.hooks.goOn() }, t("Go on"));
    if (state.kind === "signed-out")
      return [
        h("p", {}, h("strong", {}, t("You are signed out.")), ` ${t("Your work is kept in this page; do not close it. Sign in in another tab, then go on here.")}`),
        h("a", { href: this.page.urls.sign_in ?? this.page.urls.back, target: "_blank", rel: "noopener" }, t("Sign in (new tab)")),
        again,
      ];
    if (state.kind === "offline")
      return [h("p", {}, h("strong", {}, t("The server does not answer.")), ` ${t("Your work is kept in this page and sent as soon as it does.")}`), again];
    if (state.kind === "refused") return [h("p", {}, h("strong", {}, t("The server did not keep the draft."))), h("ul", {}, ...state.why.map((each) => h("li", {}, each)))];
    return [];
  }

  signing(on: boolean): void {
    this.signButton.disabled = on;
  }
}

/** One finding: a line to step to, its decision, and when selected its terms and paragraph. */
class Card {
  readonly element: HTMLElement;
  readonly paragraph: HTMLTextAreaElement;
  private readonly name: HTMLButtonElement;
  private readonly summary = h("p", { class: "summary" });
  private readonly accept: HTMLButtonElement;
  private readonly reject: HTMLButtonElement;
  private readonly why: HTMLElement;
  private readonly whyInput: HTMLInputElement;
  private readonly body = h("div", { class: "body" });
  private readonly inputs = new Map<Field, HTMLSelectElement | HTMLInputElement>();
  private readonly edits = h("div", { class: "edits" });
  private readonly rules = h("details", { class: "rules" });
  private readonly other = h("select", {});
  private readonly mergeRow: HTMLElement;
  private readonly restore: HTMLButtonElement;
  private readonly removeButton: HTMLButtonElement;
  private readonly editFields = new Map<string, HTMLElement>();

  constructor(
    private readonly id: string,
    private readonly page: Page,
    private readonly hooks: PanelHooks,
  ) {
    const input = (key: string): string => `${id}-${key.replace(".", "-")}`;
    this.name = h("button", { type: "button", class: "name quiet", "aria-expanded": "false", click: () => hooks.select(id) }, id);
    this.accept = h("button", { type: "button", class: "accept", click: () => hooks.decide(id, "accepted") }, t("Accept"));
    this.reject = h("button", { type: "button", class: "reject", click: () => hooks.decide(id, "rejected") }, t("Reject"));
    this.whyInput = h("input", { id: input("why"), maxlength: 2000, input: () => hooks.reason(id, null, this.whyInput.value) });
    this.why = h("div", { class: "why" }, h("label", { for: input("why") }, t("Why is it rejected?")), this.whyInput);
    this.paragraph = h("textarea", { id: input("sentence"), rows: 6, maxlength: 8000, input: () => hooks.set(id, "sentence", this.paragraph.value) });
    this.restore = h("button", { type: "button", class: "quiet", click: () => hooks.restore(id) }, t("As the rules write it"));
    this.removeButton = h("button", { type: "button", class: "quiet", click: () => hooks.remove(id) }, t("Remove"));
    const mergeButton = h("button", { type: "button", class: "quiet", click: () => this.other.value && hooks.merge(id, this.other.value) }, t("Merge"));
    this.other.id = input("merge");
    this.mergeRow = h("div", { class: "merge" }, h("label", { for: input("merge") }, t("Merge with")), this.other, mergeButton);
    const fields = h("div", { class: "fields" });
    for (const choice of CHOICES) {
      // An object gives keys that are numbers first; categories go 0 to 3, 4A to 4C, 5, 6.
      const keys = Object.keys(page.terms[choice.table]);
      const options = (choice.table === "categories" ? keys.sort() : keys).map((key) =>
        h("option", { value: key }, choice.table === "steps" ? stepWords(page.terms, key) : choice.table === "categories" ? `${key} · ${display(page.terms, "categories", key)}` : display(page.terms, choice.table, key)),
      );
      const select = h("select", { id: input(choice.field), change: () => hooks.set(id, choice.field, select.value || null) }, choice.empty && h("option", { value: "" }, "–"), ...options);
      this.add(fields, choice.field, choice.label, select);
      if (choice.field === "location.half") this.number(fields, "location.clock", CLOCK, { min: 1, max: 12, step: 1 });
      if (choice.field === "typical_kind") {
        this.number(fields, "count", NUMBER, { min: 1, max: 100000, step: 1 });
        this.number(fields, "span_mm", EXTENT, { min: 0, max: 500, step: "any" });
      }
    }
    this.number(fields, "due_days", DUE, { min: 0, max: 4000, step: 1 });
    this.body.append(
      fields,
      this.edits,
      h("label", { for: input("sentence") }, t("Paragraph for the report")),
      this.paragraph,
      h("div", { class: "row" }, h("button", { type: "button", click: () => hooks.copy(id) }, t("Copy")), this.restore),
      this.rules,
      this.mergeRow,
      h("div", { class: "row" }, h("button", { type: "button", class: "quiet", click: () => hooks.split(id) }, t("Split off a part")), this.removeButton),
    );
    this.element = h(
      "article",
      { class: "finding-card", "aria-label": t("Finding {id}", { id }) },
      h("div", { class: "head" }, h("h4", {}, this.name), h("div", { class: "decision", role: "group", "aria-label": t("Decision on {id}", { id }) }, this.accept, this.reject)),
      this.summary,
      this.why,
      this.body,
    );
  }

  private add(fields: HTMLElement, field: Field, label: Word, control: HTMLSelectElement | HTMLInputElement): void {
    this.inputs.set(field, control);
    fields.append(h("div", { class: `field of-${field.replace(".", "-")}` }, h("label", { for: control.id }, t(label)), control));
  }

  private number(fields: HTMLElement, field: Field, label: Word, limits: { min: number; max: number; step: number | "any" }): void {
    const control = h("input", {
      type: "number",
      id: `${this.id}-${field.replace(".", "-")}`,
      ...limits,
      change: () => {
        const value = control.value === "" ? null : Number(control.value);
        // What the field must have stays as it was; the browser says what is wrong.
        if (control.validity.valid && !(value === null && (field === "count" || field === "due_days"))) this.hooks.set(this.id, field, value);
        else control.reportValidity();
      },
    });
    if (field === "count" || field === "due_days") control.required = true;
    this.add(fields, field, label, control);
  }

  focus(): void {
    this.name.focus({ preventScroll: false });
  }

  update(finding: Finding, content: Content, selected: boolean, reasons: Reason[] | null, ruled: string | null): void {
    const { terms } = this.page;
    this.element.classList.toggle("selected", selected);
    this.element.dataset.decision = finding.decision;
    this.name.setAttribute("aria-expanded", String(selected));
    this.body.hidden = !selected;
    this.accept.setAttribute("aria-pressed", String(finding.decision === "accepted"));
    this.reject.setAttribute("aria-pressed", String(finding.decision === "rejected"));
    this.why.hidden = finding.decision !== "rejected";
    assign(this.whyInput, finding.reason);
    const place = [display(terms, "quadrants", finding.location.quadrant) || display(terms, "halves", finding.location.half), finding.location.clock && t("{n} o'clock", { n: finding.location.clock })].filter(Boolean).join(", ");
    const what = [display(terms, "typical_kinds", finding.typical_kind) || display(terms, "morphology", finding.morphology), display(terms, "distribution", finding.distribution)].filter(Boolean).join(", ");
    const size = finding.span_mm === null ? String(finding.count) : t("{n} in {mm} mm", { n: finding.count, mm: finding.span_mm.toFixed(finding.span_mm < 10 ? 1 : 0) });
    const change = finding.change as { status?: string[]; may_have_grown?: boolean } | null;
    const changes = change?.may_have_grown ? ["may_have_grown"] : (change?.status ?? []);
    this.summary.replaceChildren(
      h("span", { class: "tag category" }, finding.category),
      h("span", { class: `tag ${finding.decision}` }, decisionWords(finding.decision)),
      ...(changes.length ? [h("span", { class: `tag change${changes.some((each) => GREW.has(each)) ? " grew" : ""}` }, changes.map((each) => display(terms, "changes", each)).join(", "))] : []),
      ` ${[`${finding.laterality === "L" ? t("Left") : t("Right")}${place ? ` ${place}` : ""}`, what, size].filter(Boolean).join(" · ")}`,
    );
    if (!selected) return;
    for (const [field, control] of this.inputs) {
      const value = valueOf(finding, field);
      assign(control, field === "span_mm" && typeof value === "number" ? String(Number(value.toFixed(1))) : String(value ?? ""));
    }
    assign(this.paragraph, finding.sentence);
    this.restore.hidden = !finding.sentence_edited;
    this.removeButton.hidden = finding.origin !== "reader";
    this.showEdits(finding, ruled);
    this.rules.hidden = !reasons?.length;
    if (reasons) {
      const open = this.rules.open;
      this.rules.replaceChildren(h("summary", {}, t("Why: the rules ({n})", { n: reasons.length })), h("ul", {}, ...reasons.map((each) => h("li", {}, each.text, " ", h("cite", {}, each.source)))));
      this.rules.open = open;
    }
    const others = content.findings.filter((each) => each.id !== finding.id && each.laterality === finding.laterality).map((each) => each.id);
    this.mergeRow.hidden = !others.length;
    if (others.join() !== [...this.other.options].map((each) => each.value).join()) this.other.replaceChildren(...others.map((each) => h("option", { value: each }, each)));
  }

  private showEdits(finding: Finding, ruled: string | null): void {
    // Another step brings its own days: that needs no reason beside the step's.
    const stepped = finding.edits.some((edit) => edit.field === "next_step");
    // Nor does she say why she describes what she herself drew, but for what the rules would decide.
    const own = finding.origin === "reader";
    const asked = finding.edits.filter((edit) => edit.reason || (!(stepped && edit.field === "due_days") && (!own || REASONED.has(edit.field))));
    const keys = new Set(asked.map((edit) => edit.field));
    for (const [key, element] of this.editFields)
      if (!keys.has(key)) {
        element.remove();
        this.editFields.delete(key);
      }
    for (const edit of asked) {
      let row = this.editFields.get(edit.field);
      if (!row) {
        const id = `${this.id}-because-${edit.field.replace(".", "-")}`;
        const input = h("input", { id, maxlength: 2000, input: () => this.hooks.reason(this.id, edit.field, input.value) });
        row = h("div", { class: "edit" }, h("label", { for: id }), input);
        this.editFields.set(edit.field, row);
        this.edits.append(row);
      }
      const label = row.querySelector("label") as HTMLLabelElement;
      const [was, is] = [edit.was, edit.is].map((value) => valueWords(this.page.terms, edit.field, value)) as [string, string];
      const values = { field: fieldName(edit.field), is, was };
      const input = row.querySelector("input") as HTMLInputElement;
      assign(input, edit.reason);
      input.required = REASONED.has(edit.field);
      label.textContent = input.required ? t("{field}: {is} in place of {was}. Why?", values) : t("{field}: {is} in place of {was}. Why? (may be left out)", values);
    }
    let hint = this.edits.querySelector<HTMLElement>(".hint");
    const differs = ruled !== null && ruled !== finding.category;
    if (differs && !hint) this.edits.prepend((hint = h("p", { class: "hint" })));
    if (hint) {
      hint.hidden = !differs;
      hint.textContent = differs ? t("The rules make it category {n}.", { n: ruled }) : "";
    }
  }
}

/** Sets a value without disturbing who types there. */
function assign(control: HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement, value: string): void {
  if (control.value === value) return;
  if (document.activeElement === control && !(control instanceof HTMLSelectElement)) return;
  control.value = value;
}
