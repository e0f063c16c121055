// Every action has a key. Single letters can be switched off (WCAG 2.1.4); then the buttons and Tab remain.
import { t, type Word, word } from "./words";

export interface Command {
  keys: string[]; // as KeyboardEvent.key, with "Shift+", "Ctrl+" before where held
  what: string;
  act: () => void;
}

/** "Shift+ArrowUp", "n", "?": shift counts only where the key's own character does not tell. */
export function nameOf(event: Pick<KeyboardEvent, "key" | "shiftKey" | "ctrlKey" | "metaKey" | "altKey">): string {
  const key = event.key === " " ? "Space" : event.key;
  const held = `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}`;
  const letter = key.length === 1;
  const name = letter && event.shiftKey && key.toLowerCase() !== key.toUpperCase() ? `Shift+${key.toLowerCase()}` : letter ? key.toLowerCase() : `${event.shiftKey ? "Shift+" : ""}${key}`;
  return held + name;
}

const PRINTED = new Map<string, Word>([
  ["Space", word("Space")],
  ["Shift", word("Shift")],
  ["Ctrl", word("Ctrl")],
  ["Enter", word("Enter")],
  ["Escape", word("Esc")],
  ["Backspace", word("Backspace")],
  ["PageUp", word("Page Up")],
  ["PageDown", word("Page Down")],
]);
const ARROWS = new Map([["ArrowUp", "↑"], ["ArrowDown", "↓"], ["ArrowLeft", "←"], ["ArrowRight", "→"]]);

/** A key as keyboards print it. */
export function shown(key: string): string {
  const parts = key.length > 1 ? key.split("+") : [key];
  return parts
    .map((part) => {
      const printed = PRINTED.get(part);
      return printed ? t(printed) : (ARROWS.get(part) ?? part);
    })
    .join("+");
}

/** Whether keys belong to what has the focus: a field that is typed in, or a control that Space and Enter work. */
export function taken(target: EventTarget | null, name: string): boolean {
  if (!(target instanceof Element)) return false;
  if (target.closest("dialog")) return true;
  if (target.closest("textarea, select, [contenteditable]")) return true;
  const input = target.closest("input");
  if (input) return !(input.type === "checkbox" || input.type === "radio") || name === "Space" || name.startsWith("Arrow");
  if (target.closest("button, a, summary")) return name === "Space" || name === "Enter";
  return Boolean(target.closest(".scroll")) && (name.startsWith("Arrow") || name.startsWith("Page") || name === "Space");
}

export class Keys {
  letters = true;
  private readonly table = new Map<string, Command>();

  constructor(readonly commands: Command[]) {
    for (const command of commands) for (const key of command.keys) this.table.set(key, command);
    document.addEventListener("keydown", (event) => this.hear(event));
  }

  private hear(event: KeyboardEvent): void {
    const name = nameOf(event);
    const command = this.table.get(name);
    if (!command || event.defaultPrevented) return;
    if (taken(event.target, name) && name !== "Ctrl+Enter") return;
    if (document.querySelector("dialog[open]")) return;
    const single = !name.includes("Ctrl+") && !name.includes("Alt+") && name.replace("Shift+", "").length === 1;
    if (single && !this.letters) return;
    event.preventDefault();
    command.act();
  }
}
