import { expect, test, vi } from "vitest";
import { refusal, say, speak, t, why, word } from "../src/words";

test("a text is said in the language that the page brings, with its gaps filled", () => {
  speak({ "{n} of {all}": "{all} içinde {n}" });
  expect(t("{n} of {all}", { n: 2, all: 3 })).toBe("3 içinde 2");
});

test("a text that the page does not bring is reported", () => {
  const report = vi.spyOn(console, "error").mockImplementation(() => undefined);
  speak({});
  expect(t("Accept")).toBe("Accept");
  expect(report).toHaveBeenCalledWith('the page brings no words for "Accept"');
  report.mockRestore();
});

test("a reason is said where it is shown, in our words or in the browser's", () => {
  speak({ "it holds {n} pixels": "{n} piksel var" });
  expect(say(why(refusal("it holds {n} pixels", { n: 0 })))).toBe("0 piksel var");
  expect(say(why(new TypeError("boom")))).toBe("boom");
  expect(say({ text: word("it holds {n} pixels"), values: { n: 1 } })).toBe("1 piksel var");
});
