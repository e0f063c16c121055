// Small exams and findings for the tests.
import type { Content, Exam, Finding, Point, Side, View } from "../src/contract";
import { speak } from "../src/words";

/** Every text as it is written. */
export function speakEnglish(): void {
  speak(new Proxy({}, { get: (_, text) => text }));
}

export function view(laterality: Side, name: string, more: Partial<View> = {}): View {
  const left = laterality === "L";
  const x = (at: number): number => (left ? at : 999 - at);
  const outline: Point[] = [[x(0), 200], [x(500), 400], [x(600), 600], [x(500), 800], [x(0), 1000]];
  return {
    uid: `${laterality}${name}`, laterality, view: name, modifiers: [], label: laterality + name, rows: 1200, columns: 1000, pixel_mm: 0.1,
    frames: 1, image: `image/${laterality}${name}`, thumb: null, outline, nipple: [x(600), 600],
    calcifications: [0, 1, 2, 3].map((k) => ({
      id: `C${k}`, x: 300 + 10 * k, y: 500, probability: 0.5 + 0.1 * k, diameter_mm: 0.4, kind: null, group: "G1",
      outline: [[298 + 10 * k, 498], [302 + 10 * k, 498], [302 + 10 * k, 502], [298 + 10 * k, 502]] as Point[],
    })),
    groups: [], mimics: [], ...more,
  };
}

export function exam(current = true, views = ["CC", "MLO"].flatMap((name) => (["R", "L"] as const).map((side) => view(side, name)))): Exam {
  return { id: current ? "now" : "before", date: current ? "2026-01-01" : "2024-01-01", current, views };
}

export function finding(id: string, more: Partial<Finding> = {}): Finding {
  return {
    id, origin: "calcscope", decision: "open", reason: "", laterality: "L",
    members: [{ view: "LCC", group: "G1", calcifications: ["C0", "C1", "C2", "C3"], outline: [] }],
    morphology: "punctate", distribution: "grouped", typical_kind: null, count: 4, span_mm: 3, location: { quadrant: "upper_outer", half: null, clock: 2, depth: "middle" },
    category: "0", next_step: "magnification_views", due_days: 14, sentence: "Four.", sentence_edited: false, change: null, edits: [], ...more,
  };
}

export function content(...findings: Finding[]): Content {
  return { findings, assessment: { left: "0", right: "1", overall: "0" }, next_steps: [], comment: "" };
}
