// A DICOM Part 10 file with uncompressed pixels, as the server sends it: what is needed to show it as meant.
// PS3.5 section 7 (data elements), PS3.3 C.7.6.3 (pixels), C.11.1 and C.11.2 (modality and VOI LUT).
import { refusal } from "../words";

export type Voi = "LINEAR" | "LINEAR_EXACT" | "SIGMOID";

export interface Window {
  center: number;
  width: number;
  name: string;
}

/** A lookup table: the first stored value it maps, and its entries scaled to 0…1. */
export interface Lut {
  first: number;
  values: Float32Array;
  name: string;
}

export interface Header {
  rows: number;
  columns: number;
  frames: number;
  bitsAllocated: 8 | 16;
  bitsStored: number;
  signed: boolean;
  inverse: boolean; // stored values rise from white to black
  slope: number;
  intercept: number;
  voi: Voi;
  windows: Window[];
  luts: Lut[];
  padding: number | null;
  orientation: string[]; // Patient Orientation: where rows and columns run to
  pixelOffset: number; // of the first pixel in the file
}

const LONG = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);
const SYNTAXES: Record<string, string> = {
  "1.2.840.10008.1.2": "implicit",
  "1.2.840.10008.1.2.1": "explicit",
};

interface Element {
  offset: number;
  length: number;
  items?: DataSet[];
}
type DataSet = Map<number, Element>;

class Reader {
  private readonly view: DataView;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Elements from `at` up to `end`, the item's end mark, or the pixels. */
  dataSet(at: number, end: number, explicit: boolean): { elements: DataSet; at: number } {
    const elements: DataSet = new Map();
    while (at + 8 <= end) {
      const tag = this.view.getUint16(at, true) * 0x10000 + this.view.getUint16(at + 2, true);
      if (tag === 0xfffee00d || tag === 0xfffee0dd) return { elements, at: at + 8 };
      let length: number;
      let sequence = false;
      let offset = at + 8;
      if (explicit) {
        const vr = String.fromCharCode(this.bytes[at + 4] ?? 0, this.bytes[at + 5] ?? 0);
        if (LONG.has(vr)) {
          length = this.view.getUint32(at + 8, true);
          offset = at + 12;
        } else length = this.view.getUint16(at + 6, true);
        sequence = vr === "SQ" || (vr === "UN" && length === 0xffffffff);
      } else {
        length = this.view.getUint32(at + 4, true);
        sequence = length === 0xffffffff || NESTED.has(tag);
      }
      if (tag === 0x7fe00010) {
        if (length === 0xffffffff)
          throw refusal("its pixels are compressed; expected uncompressed pixels from the server");
        elements.set(tag, { offset, length });
        return { elements, at: offset };
      }
      if (sequence) {
        const read = this.items(offset, length, end, explicit);
        elements.set(tag, { offset, length, items: read.items });
        at = read.at;
      } else {
        elements.set(tag, { offset, length });
        at = offset + length;
      }
    }
    return { elements, at };
  }

  private items(at: number, length: number, limit: number, explicit: boolean): { items: DataSet[]; at: number } {
    const end = length === 0xffffffff ? limit : at + length;
    const items: DataSet[] = [];
    while (at + 8 <= end) {
      const tag = this.view.getUint16(at, true) * 0x10000 + this.view.getUint16(at + 2, true);
      const size = this.view.getUint32(at + 4, true);
      at += 8;
      if (tag !== 0xfffee000) break;
      const read = this.dataSet(at, size === 0xffffffff ? limit : at + size, explicit);
      items.push(read.elements);
      at = size === 0xffffffff ? read.at : at + size;
    }
    return { items, at: length === 0xffffffff ? at : end };
  }

  text(element: Element | undefined): string {
    if (!element) return "";
    const part = this.bytes.subarray(element.offset, element.offset + element.length);
    return new TextDecoder("latin1").decode(part).replace(/[\0 ]+$/, "");
  }

  numbers(element: Element | undefined): number[] {
    return this.text(element)
      .split("\\")
      .map((part) => Number.parseFloat(part))
      .filter((value) => Number.isFinite(value));
  }

  short(element: Element | undefined, signed = false): number | null {
    if (!element || element.length < 2) return null;
    return signed ? this.view.getInt16(element.offset, true) : this.view.getUint16(element.offset, true);
  }

  shorts(element: Element, signed: boolean): number[] {
    const values: number[] = [];
    for (let k = 0; k + 1 < element.length; k += 2)
      values.push(signed ? this.view.getInt16(element.offset + k, true) : this.view.getUint16(element.offset + k, true));
    return values;
  }
}

const MODALITY_LUTS = 0x00283000;
const VOI_LUTS = 0x00283010;
const SHARED = 0x52009229;
const PER_FRAME = 0x52009230;
const FRAME_VOI = 0x00289132;
const PIXEL_VALUES = 0x00289145;
const NESTED = new Set([MODALITY_LUTS, VOI_LUTS, SHARED, PER_FRAME, FRAME_VOI, PIXEL_VALUES]);

/** Reads the header; throws with what was found and expected where the file cannot be shown. */
export function readHeader(bytes: Uint8Array): Header {
  if (bytes.length < 132 || new TextDecoder("latin1").decode(bytes.subarray(128, 132)) !== "DICM")
    throw refusal("it is no DICOM file: the mark DICM is missing");
  const reader = new Reader(bytes);
  // File meta information is always explicit; its length stands in its first element.
  const metaLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(140, true);
  const metaEnd = 144 + metaLength;
  const meta = reader.dataSet(132, metaEnd, true).elements;
  const uid = reader.text(meta.get(0x00020010));
  const syntax = SYNTAXES[uid];
  if (!syntax) throw refusal("its transfer syntax is {syntax}; expected uncompressed little endian", { syntax: uid || "–" });
  const { elements } = reader.dataSet(metaEnd, bytes.length, syntax === "explicit");
  const pixels = elements.get(0x7fe00010);
  if (!pixels) throw refusal("it holds no pixels");
  const rows = reader.short(elements.get(0x00280010)) ?? 0;
  const columns = reader.short(elements.get(0x00280011)) ?? 0;
  const bitsAllocated = reader.short(elements.get(0x00280100)) ?? 0;
  const samples = reader.short(elements.get(0x00280002)) ?? 1;
  const photometric = reader.text(elements.get(0x00280004));
  if (samples !== 1 || !photometric.startsWith("MONOCHROME"))
    throw refusal("its photometric interpretation is {name}; expected a grey image", { name: photometric || "–" });
  if (bitsAllocated !== 8 && bitsAllocated !== 16)
    throw refusal("its pixels have {n} bits; expected 8 or 16", { n: bitsAllocated });
  const frames = Math.max(1, Math.round(reader.numbers(elements.get(0x00280008))[0] ?? 1));
  const need = rows * columns * frames * (bitsAllocated / 8);
  const there = Math.min(pixels.length, bytes.length - pixels.offset);
  if (!need || there < need) throw refusal("it is cut off: {there} bytes of pixels; expected {need}", { there, need });

  const signed = reader.short(elements.get(0x00280103)) === 1;
  const shared = elements.get(SHARED)?.items?.[0];
  const first = elements.get(PER_FRAME)?.items?.[0];
  const within = (sequence: number): DataSet =>
    shared?.get(sequence)?.items?.[0] ?? first?.get(sequence)?.items?.[0] ?? elements;
  const values = elements.has(0x00281053) ? elements : within(PIXEL_VALUES);
  const voi = elements.has(0x00281050) || elements.has(VOI_LUTS) ? elements : within(FRAME_VOI);
  const modality = elements.get(MODALITY_LUTS)?.items?.[0];
  if (modality) throw refusal("it has a modality LUT, which the viewer does not apply; nothing is shown");

  const centers = reader.numbers(voi.get(0x00281050));
  const widths = reader.numbers(voi.get(0x00281051));
  const names = reader.text(voi.get(0x00281055)).split("\\");
  const stated = reader.text(voi.get(0x00281056)) || "LINEAR";
  const shape = reader.text(elements.get(0x20500020));
  return {
    rows,
    columns,
    frames,
    bitsAllocated,
    bitsStored: reader.short(elements.get(0x00280101)) ?? bitsAllocated,
    signed,
    // The shape, where stated, is the last word on polarity (PS3.3 C.11.6).
    inverse: shape === "INVERSE" || (shape !== "IDENTITY" && photometric === "MONOCHROME1"),
    slope: reader.numbers(values.get(0x00281053))[0] ?? 1,
    intercept: reader.numbers(values.get(0x00281052))[0] ?? 0,
    voi: stated === "SIGMOID" || stated === "LINEAR_EXACT" ? stated : "LINEAR",
    windows: centers
      .slice(0, widths.length)
      .map((center, k) => ({ center, width: Math.max(widths[k] ?? 1, 1), name: names[k] ?? "" })),
    luts: (voi.get(VOI_LUTS)?.items ?? []).flatMap((item) => readLut(reader, item, signed)),
    padding: reader.short(elements.get(0x00280120), signed),
    orientation: reader.text(elements.get(0x00200020)).split("\\").filter(Boolean),
    pixelOffset: pixels.offset,
  };
}

function readLut(reader: Reader, item: DataSet, signed: boolean): Lut[] {
  const descriptor = item.get(0x00283002);
  const data = item.get(0x00283006);
  if (!descriptor || !data) return [];
  const [entries, , bits] = reader.shorts(descriptor, false) as [number, number, number];
  const first = reader.shorts(descriptor, signed)[1] ?? 0;
  const count = entries || 65536; // 0 stands for 65536
  const top = 2 ** bits - 1;
  // Entries of 8 bits come two to a word where that many bytes are given (PS3.3 C.11.2.1.1).
  const raw = data.length >= 2 * count ? reader.shorts(data, false) : bytesOf(reader.shorts(data, false));
  return [{ first, values: Float32Array.from(raw.slice(0, count), (value) => value / top), name: reader.text(item.get(0x00283003)) }];
}

function bytesOf(words: number[]): number[] {
  return words.flatMap((word) => [word & 255, word >> 8]);
}
