// What the reading page hands to the viewer, as JSON in <script id="exam">. Coordinates are 0-based pixel
// centres of the source image: [column, row].

export type Point = [number, number];
export type Affine = [[number, number, number], [number, number, number]];
export type Side = "L" | "R";

export interface Calcification {
  id: string;
  x: number;
  y: number;
  probability: number;
  diameter_mm: number;
  outline: Point[];
  kind: string | null;
  group: string | null;
  slice?: number | null;
}

export interface Group {
  id: string;
  outline: Point[];
  count: number;
  span_mm: number;
  probability: number;
  morphology: string;
  distribution: string;
}

export interface Mimic {
  x: number;
  y: number;
  kind: string;
  extent_mm: number;
  outline?: Point[];
}

export interface View {
  uid: string;
  laterality: Side;
  view: string;
  modifiers: string[];
  label: string;
  rows: number;
  columns: number;
  pixel_mm: number;
  frames: number;
  image: string;
  thumb: string | null;
  outline: Point[];
  nipple: Point | null;
  calcifications: Calcification[];
  groups: Group[];
  mimics: Mimic[];
}

export interface Exam {
  id: string;
  date: string | null;
  current: boolean;
  views: View[];
}

export interface ViewMap {
  view: string;
  prior_view: string;
  map: Affine; // takes (x, y, 1) of the current view to the earlier one
}

export type Table = Exclude<keyof Terms, "step_days" | "step_of_category">;

export interface Terms {
  morphology: Record<string, string>;
  distribution: Record<string, string>;
  typical_kinds: Record<string, string>;
  categories: Record<string, string>;
  steps: Record<string, string>;
  quadrants: Record<string, string>;
  halves: Record<string, string>;
  depths: Record<string, string>;
  changes: Record<string, string>;
  mimics: Record<string, string>;
  step_days?: Record<string, number>; // usual days until each step
  step_of_category?: Record<string, string>; // the step that each category asks for; 6 asks for none
}

export interface Member {
  view: string;
  group: string | null;
  calcifications: string[];
  outline: Point[];
}

export interface Location {
  quadrant?: string | null;
  half?: string | null;
  clock?: number | null;
  depth?: string | null;
  nipple_mm?: number | null;
  certainty?: string;
  orientation_assumed?: boolean;
}

export interface Edit {
  field: string;
  was: unknown;
  is: unknown;
  reason: string;
}

export interface Finding {
  id: string;
  origin: "calcscope" | "reader";
  decision: "open" | "accepted" | "rejected";
  reason: string;
  laterality: Side;
  members: Member[];
  morphology: string | null;
  distribution: string | null;
  typical_kind: string | null;
  count: number;
  span_mm: number | null;
  location: Location;
  category: string;
  next_step: string;
  due_days: number | null;
  sentence: string;
  sentence_edited: boolean;
  change: unknown;
  edits: Edit[];
}

export interface Step {
  code: string;
  text: string;
  due_days: number | null;
}

export interface Assessment {
  left: string | null;
  right: string | null;
  overall: string;
}

export interface Content {
  findings: Finding[];
  assessment: Assessment;
  next_steps: Step[];
  comment: string;
}

/** What one of two readers signed, blind to the other; a third one sees both. */
export interface BlindReading {
  who: string;
  findings: Finding[];
  assessment: Assessment;
  comment: string;
}

/** What an earlier exam shows and this one no longer, or with fewer calcifications. */
export interface EarlierFinding {
  id: string;
  laterality: Side;
  morphology: string | null;
  distribution: string | null;
  typical_kind: string | null;
  count: number;
  span_mm: number | null;
  location: Location;
  date: string;
  status: string[];
  words: string[];
  places: EarlierPlace[];
}

export interface EarlierPlace {
  view: string;
  prior_view: string;
  x: number; // in the earlier view, as error_mm and outlines
  y: number;
  error_mm: number;
  map: Affine; // takes (x, y, 1) of the view to the earlier one
  outlines: Point[][];
}

export interface Reason {
  text: string;
  source: string;
}

export interface Preview {
  findings: {
    id: string;
    sentence: string;
    category: string;
    next_step: string;
    due_days: number | null;
    location?: Location; // where the reader drew it, by what its views tell
    reasons: Reason[];
  }[];
  assessment: Assessment;
  next_steps: Step[];
}

/** Why somebody has to find out whose the images are, with the names they state and the page where that is settled. */
export interface Doubt {
  text: string;
  names: string[];
  page: string;
  to_page: string;
}

export interface Page {
  exam: { id: string; date: string | null; mode: string; mode_name: string; state: string; state_name: string; woman?: string; born?: string | null };
  reader: { name: string; may_sign: boolean };
  csrf: string;
  urls: { draft: string; sign: string; release: string; back: string; preview: string; sign_in?: string };
  exams: Exam[];
  maps: ViewMap[];
  terms: Terms;
  content: Content;
  revision: number;
  versions?: number; // signed versions that the reader may know of
  readings?: BlindReading[]; // both, for a third reader
  earlier_findings?: EarlierFinding[];
  doubt?: Doubt; // only where there is one
  not_compared?: string[]; // sentences on earlier exams that may be another woman's
  words: Record<string, string>; // the viewer's own, English to the reader's language
}

/** Reads the page's data; throws when the page holds none. */
export function readPage(root: ParentNode): Page {
  const element = root.querySelector("#exam");
  if (!element?.textContent) throw new Error('the page holds no <script id="exam">: nothing to show');
  return JSON.parse(element.textContent) as Page;
}
