import { expect, test } from "vitest";
import { nameOf, shown } from "../src/keys";
import { speakEnglish } from "./exams";

speakEnglish();

const key = (name: string, held: Partial<Record<"shiftKey" | "ctrlKey" | "metaKey" | "altKey", boolean>> = {}): string => nameOf({ key: name, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...held });

test("shift is named with letters and with keys that give no character, not with signs", () => {
  expect(key("B", { shiftKey: true })).toBe("Shift+b");
  expect(key("?", { shiftKey: true })).toBe("?");
  expect(key(" ", { shiftKey: true })).toBe("Shift+Space");
  expect(key("ArrowUp", { shiftKey: true })).toBe("Shift+ArrowUp");
  expect(key("Enter", { metaKey: true })).toBe("Ctrl+Enter");
});

test("keys as a reader finds them on the keyboard", () => {
  expect(["Shift+ArrowUp", "PageDown", "Escape", "Ctrl+ArrowLeft"].map(shown)).toEqual(["Shift+↑", "Page Down", "Esc", "Ctrl+←"]);
});
