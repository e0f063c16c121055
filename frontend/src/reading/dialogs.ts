// Dialogs: keys, signing, two versions of a draft, the screen's scale.
import type { Content, Terms } from "../contract";
import { h } from "../dom";
import { t } from "../words";
import { fieldName, valueWords } from "./fields";
import { choose, type Difference } from "./merging";
import type { Conflict } from "./sync";

/** A button's value closes the dialog: null is no answer, undefined keeps it open. */
interface Button<T> {
  text: string;
  value: () => T | null | undefined;
  kind?: string;
}

/** Opens a dialog and resolves with its answer; Escape is null. */
function ask<T>(title: string, body: Node[], buttons: Button<T>[], wide = false): Promise<T | null> {
  const before = document.activeElement;
  const dialog = h("dialog", { "aria-labelledby": "dialog-title", class: wide ? "wide" : null });
  return new Promise((resolve) => {
    let answer: T | null = null;
    const row = h("div", { class: "row buttons" });
    for (const { text, value, kind } of buttons)
      row.append(
        h("button", {
          type: "button",
          class: kind,
          click: () => {
            const given = value();
            if (given === undefined) return;
            answer = given;
            dialog.close();
          },
        }, text),
      );
    dialog.append(h("h2", { id: "dialog-title" }, title), ...body, row);
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
      resolve(answer);
    });
    document.querySelector("#viewer")?.append(dialog);
    dialog.showModal();
  });
}

export interface KeyWords {
  keys: string;
  what: string;
}

export function showKeys(list: KeyWords[], letters: boolean): Promise<boolean | null> {
  const box = h("input", { type: "checkbox", id: "letters" });
  box.checked = letters;
  const rows = list.map(({ keys, what }) => h("tr", {}, h("td", {}, ...keys.split(" | ").flatMap((key, k) => [k ? ` ${t("or")} ` : "", h("kbd", {}, key)])), h("td", {}, what)));
  return ask(
    t("Keys"),
    [
      h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("Keys") }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("Key")), h("th", { scope: "col" }, t("What it does")))), h("tbody", {}, ...rows))),
      h("p", {}, box, " ", h("label", { for: "letters" }, t("Single letters and signs are keys (switch off for speech input)"))),
    ],
    [{ text: t("Close"), value: () => box.checked }],
    true,
  );
}

export interface SignAnswer {
  note: string;
}

export function askToSign(content: Content, faults: string[], addendum: boolean, acceptOpen: (() => void) | null, doubt = ""): Promise<SignAnswer | "accept" | null> {
  const { left, right, overall } = content.assessment;
  const standing = content.findings.filter((each) => each.decision !== "rejected");
  const note = h("textarea", { id: "note", rows: 2, maxlength: 2000 });
  const lines = standing.length
    ? standing.map((each) => h("li", {}, h("strong", {}, `${each.id}, ${t("category {n}", { n: each.category })}: `), each.sentence))
    : [h("li", {}, t("No calcification to report."))];
  const body: Node[] = [
    ...(doubt ? [h("p", { class: "alert doubt", role: "note" }, h("strong", {}, doubt))] : []),
    h("p", {}, t("Right {right}, left {left}, overall {overall}.", { right: right ?? "–", left: left ?? "–", overall })),
    h("ul", { class: "to-sign" }, ...lines),
    h("ul", {}, ...content.next_steps.map((step) => h("li", {}, step.text))),
  ];
  if (faults.length) body.push(h("div", { class: "alert", role: "alert" }, h("p", {}, h("strong", {}, t("Before it can be signed:"))), h("ul", {}, ...faults.map((each) => h("li", {}, each)))));
  if (addendum && !faults.length) body.push(h("label", { for: "note" }, t("Why is this addendum made?")), note);
  const buttons: Button<SignAnswer | "accept">[] = [];
  if (acceptOpen) buttons.push({ text: t("Accept all that are to be decided"), value: () => (acceptOpen(), "accept"), kind: "quiet" });
  if (!faults.length)
    buttons.push({
      text: t("Sign"),
      value: () => {
        if (addendum && !note.value.trim()) {
          note.required = true;
          note.reportValidity();
          return undefined;
        }
        return { note: note.value };
      },
    });
  return ask(faults.length ? t("Not ready to sign") : t("Sign this report?"), body, [...buttons, { text: t("Back"), value: () => null, kind: "quiet" }], true);
}

export function tell(title: string, lines: string[]): Promise<true | null> {
  return ask<true>(title, [h("ul", {}, ...lines.map((each) => h("li", {}, each)))], [{ text: t("Close"), value: () => true as const }]);
}

/** Shows what differs between the two versions; resolves with the content to go on with. */
export async function askConflict({ who, signed, mine, merged }: Conflict, terms: Terms): Promise<Content> {
  const shown = signed ? [] : merged.conflicts;
  const picks = new Map<string, "mine" | "theirs">(shown.map((each) => [each.path, "mine"]));
  const rows = shown.map((each, k) => {
    const choice = (side: "mine" | "theirs", value: unknown): HTMLElement => {
      const radio = h("input", { type: "radio", name: `choice-${k}`, id: `choice-${k}-${side}`, change: () => picks.set(each.path, side) });
      radio.checked = side === "mine";
      return h("td", {}, radio, " ", h("label", { for: radio.id }, said(each, value, terms)));
    };
    return h("tr", {}, h("th", { scope: "row" }, named(each.path)), choice("mine", each.mine), choice("theirs", each.theirs));
  });
  if (signed) {
    await tell(t("{who} has signed this exam meanwhile.", { who }), [t("Your changes are still in this page, but they can no longer be saved to this draft."), t("Copy what you need, then load the page again to write an addendum.")]);
    return mine;
  }
  // Closed without a choice keeps what is the reader's own.
  await ask<"take">(
    t("{who} changed this draft meanwhile.", { who }),
    [
      h("p", {}, t("What only one of you changed is kept. Choose for the rest:")),
      h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("Both versions") }, h("table", { class: "versions" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("What")), h("th", { scope: "col" }, t("Yours")), h("th", { scope: "col" }, t("As stored")))), h("tbody", {}, ...rows))),
    ],
    [{ text: t("Take these"), value: () => "take" as const }],
    true,
  );
  return shown.reduce((content, each) => (picks.get(each.path) === "theirs" ? content : choose(content, each.path, each.mine)), merged.content);
}

/** "F1 Morphology" for "F1.morphology"; a finding as a whole is its name. */
function named(path: string): string {
  const [id, field] = path.split(".") as [string, string | undefined];
  return field ? `${id} ${fieldName(field)}` : /^[A-Z]\d+$/.test(id) ? id : fieldName(id);
}

function said({ path }: Difference, value: unknown, terms: Terms): string {
  if (value === undefined) return t("not there");
  const field = path.split(".")[1];
  if (value === null || typeof value !== "object") return valueWords(terms, field ?? path, value);
  if (!field) return t("there, changed");
  if (Array.isArray(value)) return t("{n} entries", { n: value.length });
  // A location: its terms, not what they were measured from.
  return ["quadrant", "half", "clock", "depth"]
    .map((name) => [name, (value as Record<string, unknown>)[name]] as const)
    .filter(([, part]) => part !== null && part !== undefined && part !== "")
    .map(([name, part]) => (name === "clock" ? t("{n} o'clock", { n: String(part) }) : valueWords(terms, `location.${name}`, part)))
    .join(", ");
}

/** The screen's own scale, from a card of known width (ISO/IEC 7810 ID-1: 85.60 mm). */
export function calibrate(pixelsPerMm: number): Promise<number | null> {
  const CARD = 85.6;
  const bar = h("div", { class: "card-bar" });
  const slider = h("input", { type: "range", id: "card", min: 150, max: 900, step: 1 });
  slider.value = String(Math.round(pixelsPerMm * CARD));
  const show = (): void => void (bar.style.width = `${slider.value}px`);
  slider.addEventListener("input", show);
  show();
  return ask(
    t("How large is this screen?"),
    [h("p", {}, t("Hold a bank card to the screen and make the bar as wide as the card. This browser remembers it for this screen.")), bar, h("label", { for: "card" }, t("Width")), slider],
    [{ text: t("Keep"), value: () => Number(slider.value) / CARD }],
    true,
  );
}
