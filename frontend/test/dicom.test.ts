import { expect, test } from "vitest";
import { readHeader } from "../src/image/dicom";
import { pyramid, spread } from "../src/image/pyramid";

type Value = string | number[] | Value[][] | [number, string, Value][][];

/** Bytes of elements: strings as they are, numbers as 16-bit words, lists of items as sequences of undefined length. */
function bytes(elements: [number, string, Value][], explicit = true): number[] {
  return elements.flatMap(([tag, vr, value]) => {
    const words = (n: number): number[] => [n & 255, (n >> 8) & 255];
    const long = (n: number): number[] => [...words(n & 0xffff), ...words(n >>> 16)];
    const head = [...words(tag >>> 16), ...words(tag & 0xffff)];
    if (vr === "SQ") {
      const items = (value as [number, string, Value][][]).flatMap((item) => [0xfe, 0xff, 0x00, 0xe0, 255, 255, 255, 255, ...bytes(item, explicit), 0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0]);
      const body = [...items, 0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0];
      return explicit ? [...head, ...[..."SQ"].map((c) => c.charCodeAt(0)), 0, 0, 255, 255, 255, 255, ...body] : [...head, 255, 255, 255, 255, ...body];
    }
    const body = typeof value === "string" ? [...(value.length % 2 ? `${value} ` : value)].map((c) => c.charCodeAt(0)) : (value as number[]).flatMap(words);
    if (!explicit) return [...head, ...long(body.length), ...body];
    const name = [...vr].map((c) => c.charCodeAt(0));
    return vr === "OW" ? [...head, ...name, 0, 0, ...long(body.length), ...body] : [...head, ...name, ...words(body.length), ...body];
  });
}

const IMAGE: [number, string, Value][] = [
  [0x00280002, "US", [1]],
  [0x00280004, "CS", "MONOCHROME2"],
  [0x00280010, "US", [2]],
  [0x00280011, "US", [3]],
  [0x00280100, "US", [16]],
  [0x00280101, "US", [12]],
  [0x00280103, "US", [0]],
];
const PIXELS: [number, string, Value] = [0x7fe00010, "OW", [1, 2, 3, 4, 5, 6]];

function file(elements: [number, string, Value][], syntax = "1.2.840.10008.1.2.1"): Uint8Array {
  const meta = bytes([[0x00020010, "UI", syntax]]);
  const length = bytes([[0x00020000, "UL", [meta.length, 0]]]);
  return new Uint8Array([...new Array(128).fill(0), ...[..."DICM"].map((c) => c.charCodeAt(0)), ...length, ...meta, ...bytes(elements, syntax !== "1.2.840.10008.1.2")]);
}

const tags = (elements: [number, string, Value][]): [number, string, Value][] => [...elements].sort((a, b) => a[0] - b[0]);

test("an image with its windows, its function and its polarity", () => {
  const header = readHeader(file(tags([...IMAGE, [0x00281050, "DS", "2000\\1500"], [0x00281051, "DS", "3000\\800"], [0x00281055, "LO", "NORMAL\\HARD"], [0x00281056, "CS", "SIGMOID"], [0x00200020, "CS", "A\\FR"], [0x20500020, "CS", "INVERSE"], PIXELS])));
  expect(header).toMatchObject({ rows: 2, columns: 3, frames: 1, bitsStored: 12, signed: false, inverse: true, slope: 1, intercept: 0, voi: "SIGMOID", padding: null, orientation: ["A", "FR"] });
  expect(header.windows).toEqual([{ center: 2000, width: 3000, name: "NORMAL" }, { center: 1500, width: 800, name: "HARD" }]);
});

test("implicit VR, and MONOCHROME1 without a presentation shape", () => {
  const elements = IMAGE.map(([tag, vr, value]): [number, string, Value] => (tag === 0x00280004 ? [tag, vr, "MONOCHROME1"] : [tag, vr, value]));
  const given = file([...elements, PIXELS], "1.2.840.10008.1.2");
  const header = readHeader(given);
  expect(header.inverse).toBe(true);
  expect(new DataView(given.buffer).getUint16(header.pixelOffset, true)).toBe(1);
});

test("a VOI LUT sequence, also of items of undefined length", () => {
  const lut: [number, string, Value][] = [[0x00283002, "US", [4, 10, 8]], [0x00283003, "LO", "TABLE"], [0x00283006, "OW", [0, 51, 204, 255]]];
  const header = readHeader(file(tags([...IMAGE, [0x00283010, "SQ", [lut]], PIXELS])));
  expect(header.luts[0]?.first).toBe(10);
  expect([...(header.luts[0]?.values ?? [])].map((value) => Math.round(value * 10))).toEqual([0, 2, 8, 10]);
});

test("the window of a tomosynthesis lies in its functional groups", () => {
  const shared: [number, string, Value][] = [[0x00289132, "SQ", [[[0x00281050, "DS", "500"], [0x00281051, "DS", "400"]]] as never]];
  const frames = tags([...IMAGE, [0x00280008, "IS", "2"], [0x52009229, "SQ", [shared]], [0x7fe00010, "OW", [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]]]);
  expect(readHeader(file(frames))).toMatchObject({ frames: 2, windows: [{ center: 500, width: 400 }] });
});

test("what cannot be shown says why", () => {
  expect(() => readHeader(new Uint8Array(200))).toThrow("no DICOM file");
  expect(() => readHeader(file([...IMAGE, PIXELS], "1.2.840.10008.1.2.4.90"))).toThrow("1.2.840.10008.1.2.4.90; expected uncompressed");
  expect(() => readHeader(file(IMAGE))).toThrow("no pixels");
  expect(() => readHeader(file([...IMAGE, [0x7fe00010, "OW", [1, 2]]]))).toThrow("4 bytes of pixels; expected 12");
  expect(() => readHeader(file(IMAGE.map(([tag, vr, value]) => (tag === 0x00280004 ? [tag, vr, "RGB"] : [tag, vr, value]) as [number, string, Value]).concat([PIXELS])))).toThrow("expected a grey image");
});

test("halves are means, so that a speck grows faint and does not vanish", () => {
  const data = new Uint16Array(16).fill(100);
  data[5] = 500;
  const levels = pyramid(data, 4, 4, 1);
  expect(levels.map((each) => [each.columns, each.rows])).toEqual([[4, 4], [2, 2], [1, 1]]);
  expect([...(levels[1]?.data ?? [])]).toEqual([200, 100, 100, 100]);
  expect(levels[2]?.data[0]).toBe(125);
});

test("the spread of values leaves out the rare ones", () => {
  const data = Uint16Array.from({ length: 1000 }, (_, k) => k);
  expect(spread({ columns: 1000, rows: 1, data })).toEqual([19, 997]);
});
