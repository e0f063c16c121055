// Fetches an image and makes it ready for the graphics card, away from the page's own thread.
import { type Header, readHeader } from "./dicom";
import { type Level, pyramid, spread } from "./pyramid";
import { type Phrase, refusal, why } from "../words";

export interface Order {
  url: string;
  id: number;
}

export type Answer =
  | { id: number; kind: "progress"; share: number }
  | { id: number; kind: "image"; header: Header; offset: number; frames: Uint16Array[]; levels: Level[]; range: [number, number] }
  | { id: number; kind: "failure"; reason: Phrase | string };

const send = (answer: Answer, transfer: Transferable[] = []): void =>
  (self as unknown as { postMessage(m: unknown, t: Transferable[]): void }).postMessage(answer, transfer);

self.onmessage = async ({ data }: MessageEvent<Order>) => {
  try {
    await load(data);
  } catch (error) {
    send({ id: data.id, kind: "failure", reason: why(error) });
  }
};

async function load({ url, id }: Order): Promise<void> {
  const bytes = await fetchAll(url, (share) => send({ id, kind: "progress", share }));
  const header = readHeader(bytes);
  const size = header.rows * header.columns;
  const frames: Uint16Array[] = [];
  // Signed values move up, so that the graphics card has one kind of number; the window moves with them.
  const offset = header.signed ? (header.bitsAllocated === 8 ? 128 : 32768) : 0;
  for (let k = 0; k < header.frames; k++) frames.push(frame(bytes, header, k, size));
  const levels = pyramid(frames[0] as Uint16Array, header.columns, header.rows);
  const range = spread(levels.at(-1) as Level);
  const buffers = new Set<ArrayBuffer>([...frames.map((each) => each.buffer), ...levels.map((each) => each.data.buffer)] as ArrayBuffer[]);
  send({ id, kind: "image", header, offset, frames, levels, range }, [...buffers]);
}

function frame(bytes: Uint8Array, header: Header, k: number, size: number): Uint16Array {
  const start = header.pixelOffset + (k * size * header.bitsAllocated) / 8;
  if (header.bitsAllocated === 8) {
    const part = bytes.subarray(start, start + size);
    return header.signed ? Uint16Array.from(part, (value) => (value ^ 128) & 255) : Uint16Array.from(part);
  }
  const absolute = bytes.byteOffset + start;
  // Pixels start on an even byte; where they do not lie on one in memory, and frame by frame, they are copied.
  const data =
    header.frames === 1 && absolute % 2 === 0
      ? new Uint16Array(bytes.buffer, absolute, size)
      : new Uint16Array(bytes.slice(start, start + 2 * size).buffer);
  const mask = (1 << header.bitsStored) - 1;
  if (header.signed) {
    const up = 32 - header.bitsStored; // sign of the stored bits, not of the word
    for (let i = 0; i < size; i++) data[i] = (((data[i] as number) << up) >> up) + 32768;
  } else if (header.bitsStored < 16) {
    // Bits above those stored may hold overlays of old; rare, so look before writing.
    for (let i = 0; i < size; i++) if ((data[i] as number) > mask) data[i] = (data[i] as number) & mask;
  }
  return data;
}

async function fetchAll(url: string, progress: (share: number) => void): Promise<Uint8Array> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: "same-origin", headers: { "X-Requested-With": "fetch" } });
  } catch {
    throw refusal("the server does not answer; check the connection, then load again");
  }
  if (response.redirected || response.status === 401 || response.status === 403)
    throw refusal("you are signed out or may not see it; sign in in another tab, then load again");
  if (!response.ok) throw refusal("the server answers {status}; expected the image", { status: response.status });
  const length = Number(response.headers.get("Content-Length")) || 0;
  // With a coding the length is of the coded bytes, of no use for a buffer.
  if (!response.body || !length || response.headers.get("Content-Encoding"))
    return new Uint8Array(await response.arrayBuffer());
  const bytes = new Uint8Array(length);
  const body = response.body.getReader();
  let at = 0;
  let told = 0;
  for (;;) {
    const { done, value } = await body.read();
    if (done) break;
    if (at + value.length > length) throw refusal("the server sent more than it said; load again");
    bytes.set(value, at);
    at += value.length;
    if (at - told > length / 20) progress((told = at) / length);
  }
  if (at < length) throw refusal("the connection broke off after {at} of {length} bytes; load again", { at, length });
  return bytes;
}
