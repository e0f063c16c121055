// Images on the page: asked for once, a few at a time, kept while they are of use.
import type { Answer } from "./decode.worker";
import type { Header, Lut, Window } from "./dicom";
import type { Level } from "./pyramid";
import { type Phrase, word } from "../words";

export interface Picture {
  header: Header;
  offset: number; // added to stored values
  frames: Uint16Array[];
  levels: Level[]; // of frame 0
  window: Window; // as first shown, in stored values after rescaling
  luts: Lut[];
}

export type Loading =
  | { state: "waiting" }
  | { state: "loading"; share: number }
  | { state: "ready"; picture: Picture }
  | { state: "failed"; reason: Phrase | string };

const WORKERS = 2;

export class ImageStore {
  private readonly known = new Map<string, Loading>();
  private readonly queue: string[] = [];
  private readonly running = new Map<number, string>();
  private readonly workers: { worker: Worker; busy: boolean }[] = [];
  private last = 0;

  constructor(
    private readonly changed: (url: string) => void,
    make: () => Worker = () => new Worker(new URL("./decode.worker.ts", import.meta.url), { type: "module" }),
  ) {
    for (let k = 0; k < WORKERS; k++) {
      const entry = { worker: make(), busy: false };
      entry.worker.onmessage = ({ data }: MessageEvent<Answer>) => this.hear(data, entry);
      entry.worker.onerror = (event) => {
        // A worker that cannot start answers no order; say so in the panes rather than wait for ever.
        for (const [id, url] of this.running) this.settle(id, url, { state: "failed", reason: event.message || { text: word("the decoder could not start"), values: {} } });
        entry.busy = false;
        this.next();
      };
      this.workers.push(entry);
    }
  }

  get(url: string): Loading {
    return this.known.get(url) ?? { state: "waiting" };
  }

  picture(url: string): Picture | null {
    const loading = this.get(url);
    return loading.state === "ready" ? loading.picture : null;
  }

  /** Asks for images, those first that are named first; what failed is asked for again with `again`. */
  want(urls: string[], again = false): void {
    for (const url of [...urls].reverse()) {
      const state = this.known.get(url)?.state;
      if (state === "ready" || state === "loading" || (state === "failed" && !again)) continue;
      const at = this.queue.indexOf(url);
      if (at >= 0) this.queue.splice(at, 1);
      this.queue.unshift(url);
      this.known.set(url, { state: "waiting" });
      this.changed(url);
    }
    this.next();
  }

  private next(): void {
    for (const entry of this.workers) {
      if (entry.busy) continue;
      const url = this.queue.shift();
      if (url === undefined) return;
      entry.busy = true;
      const id = ++this.last;
      this.running.set(id, url);
      this.known.set(url, { state: "loading", share: 0 });
      this.changed(url);
      entry.worker.postMessage({ id, url: new URL(url, document.baseURI).href });
    }
  }

  private hear(answer: Answer, entry: { busy: boolean }): void {
    const url = this.running.get(answer.id);
    if (url === undefined) return;
    if (answer.kind === "progress") {
      this.known.set(url, { state: "loading", share: answer.share });
      this.changed(url);
      return;
    }
    entry.busy = false;
    this.settle(answer.id, url, answer.kind === "failure" ? { state: "failed", reason: answer.reason } : { state: "ready", picture: toPicture(answer) });
    this.next();
  }

  private settle(id: number, url: string, loading: Loading): void {
    this.running.delete(id);
    this.known.set(url, loading);
    this.changed(url);
  }
}

function toPicture({ header, offset, frames, levels, range }: Extract<Answer, { kind: "image" }>): Picture {
  const stated = header.windows[0];
  const [low, high] = range.map((value) => (value - offset) * header.slope + header.intercept) as [number, number];
  return {
    header,
    offset,
    frames,
    levels,
    window: stated ?? { center: (low + high) / 2, width: Math.max(Math.abs(high - low), 2), name: "" },
    luts: header.luts,
  };
}
