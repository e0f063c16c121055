// Keeps the draft on the server: a little after each change, one request at a time. Nothing is written to this
// machine's disk; what could not be sent stays in the page until it can be.
import type { Content, Page, Preview } from "../contract";
import { readPage } from "../contract";
import { debounced } from "../dom";
import { t } from "../words";
import { equal, type Merged, threeWay } from "./merging";

export type SaveState =
  | { kind: "saved"; at: Date | null }
  | { kind: "changed" }
  | { kind: "saving" }
  | { kind: "signed-out" }
  | { kind: "offline"; why: string }
  | { kind: "refused"; why: string[] }
  | { kind: "conflict" };

export interface Conflict {
  who: string;
  signed: boolean; // somebody has signed: this draft cannot be kept any more
  mine: Content;
  theirs: Content;
  merged: Merged;
}

export interface SyncHooks {
  state(state: SaveState): void;
  /** Shows both versions; resolves with the content to go on with. */
  conflict(conflict: Conflict): Promise<Content>;
  replaced(content: Content): void; // the draft is another now: merged
  previewed(preview: Preview): void;
}

export type Signed = { kind: "signed"; address: string } | { kind: "refused"; why: string[] };

const WAIT = 800; // ms of quiet after a change before it is sent
const RETRY = 5000;
const ALIVE = 45_000; // ms between signs of life, so that the worklist shows the exam as open

export class Sync {
  private content: Content;
  private saved: Content; // as the server has it at `revision`
  private revision: number;
  private csrf: string;
  private sending: Promise<boolean> | null = null;
  private blocked = false; // a conflict is being shown
  private dead = false;
  private previewTurn = 0;
  private previewing: Promise<void> = Promise.resolve();
  private retry: ReturnType<typeof setTimeout> | undefined;
  private readonly later = debounced(WAIT, () => void this.flush());
  private readonly ask = debounced(300, () => void this.preview());
  private state: SaveState = { kind: "saved", at: null };

  constructor(
    private readonly page: Page,
    private readonly hooks: SyncHooks,
    private readonly request: typeof fetch = (...given) => fetch(...given),
  ) {
    this.content = this.saved = page.content;
    this.revision = page.revision;
    this.csrf = page.csrf;
    setInterval(() => {
      if (document.visibilityState === "visible" && !this.unsaved && this.state.kind === "saved") void this.send();
    }, ALIVE);
    window.addEventListener("focus", () => {
      if (this.state.kind === "signed-out" || this.state.kind === "offline") void this.goOn();
    });
    window.addEventListener("online", () => void this.goOn());
    window.addEventListener("beforeunload", (event) => {
      if (this.unsaved && !this.dead) event.preventDefault();
    });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden" && this.unsaved) this.later.now();
    });
  }

  get unsaved(): boolean {
    return !equal(this.content, this.saved);
  }

  changed(content: Content, rules = true): void {
    this.content = content;
    if (this.state.kind === "saved" || this.state.kind === "refused") this.tell({ kind: "changed" });
    this.later();
    if (rules) this.ask();
  }

  private tell(state: SaveState): void {
    this.state = state;
    this.hooks.state(state);
  }

  /** Sends what is not saved; true when the server has everything. */
  async flush(): Promise<boolean> {
    this.later.stop();
    while (this.sending) await this.sending;
    if (this.blocked || this.dead) return false;
    if (!this.unsaved) {
      if (this.state.kind !== "saved") this.tell({ kind: "saved", at: new Date() });
      return true;
    }
    return this.send();
  }

  private send(): Promise<boolean> {
    this.sending ??= this.put().finally(() => (this.sending = null));
    return this.sending;
  }

  private async put(): Promise<boolean> {
    const content = this.content;
    if (this.unsaved) this.tell({ kind: "saving" });
    const response = await this.call("PUT", this.page.urls.draft, { revision: this.revision, content });
    if (!response) return false;
    if (response.status === 409) {
      await this.settle(await response.json());
      return false;
    }
    if (response.status === 422) {
      this.tell({ kind: "refused", why: ((await response.json()) as { why: string[] }).why });
      return false;
    }
    if (!response.ok) return this.wait(`${response.status}`);
    this.revision = ((await response.json()) as { revision: number }).revision;
    this.saved = content;
    if (this.unsaved) this.later();
    else this.tell({ kind: "saved", at: new Date() });
    return !this.unsaved;
  }

  private async settle(told: { who: string; revision: number; content: Content; signed?: boolean }): Promise<void> {
    this.tell({ kind: "conflict" });
    this.blocked = true;
    try {
      const merged = threeWay(this.saved, this.content, told.content);
      if (told.signed) {
        await this.hooks.conflict({ who: told.who, signed: true, mine: this.content, theirs: told.content, merged });
        return;
      }
      const chosen = merged.conflicts.length
        ? await this.hooks.conflict({ who: told.who, signed: false, mine: this.content, theirs: told.content, merged })
        : merged.content;
      this.saved = told.content;
      this.revision = told.revision;
      this.content = chosen;
      this.hooks.replaced(chosen);
    } finally {
      this.blocked = Boolean(told.signed);
    }
    this.tell({ kind: "changed" });
    this.later();
    if (!this.blocked) this.ask(); // paragraphs and categories of the two together
  }

  /** A request with the page's token; null where there was no usable answer, which is told. */
  private async call(method: string, url: string, body: unknown): Promise<Response | null> {
    let response: Response;
    try {
      response = await this.request(url, {
        method,
        headers: { "Content-Type": "application/json", "X-CSRFToken": this.csrf, "X-Requested-With": "fetch", Accept: "application/json" },
        body: JSON.stringify(body),
        credentials: "same-origin",
        redirect: "manual",
        // A reader who leaves at once takes nothing away.
        keepalive: method === "PUT" && JSON.stringify(body).length < 60_000,
      });
    } catch {
      this.wait("");
      return null;
    }
    if (response.status === 401 || response.type === "opaqueredirect") {
      this.tell({ kind: "signed-out" });
      this.again();
      return null;
    }
    if (response.status === 403) {
      // Signing in again gives a new token; the page's own one is of the session before.
      if (await this.renew()) this.again(0);
      return null;
    }
    return response;
  }

  private wait(why: string): false {
    this.tell({ kind: "offline", why });
    this.again();
    return false;
  }

  private again(ms = RETRY): void {
    clearTimeout(this.retry);
    this.retry = setTimeout(() => void this.goOn(), ms);
  }

  /** Tries once more after a sign-in or a lost connection. */
  async goOn(): Promise<void> {
    clearTimeout(this.retry);
    if (this.state.kind === "signed-out" && !(await this.renew())) return this.again();
    await this.flush();
  }

  /** A new token from the page's own address; false while nobody is signed in. */
  private async renew(): Promise<boolean> {
    try {
      const response = await this.request(location.href, { credentials: "same-origin", redirect: "manual", headers: { Accept: "text/html", "X-Requested-With": "fetch" } });
      if (!response.ok) {
        this.tell({ kind: "signed-out" });
        this.again();
        return false;
      }
      const page = readPage(new DOMParser().parseFromString(await response.text(), "text/html"));
      if (page.exam.id !== this.page.exam.id || page.reader.name !== this.page.reader.name) {
        this.tell({ kind: "refused", why: [t("You are signed in as {who}; this draft belongs to {other}.", { who: page.reader.name, other: this.page.reader.name })] });
        return false;
      }
      this.csrf = page.csrf;
      return true;
    } catch {
      this.tell({ kind: "signed-out" });
      this.again();
      return false;
    }
  }

  /** Asks what the rules make of the draft. */
  preview(): Promise<void> {
    const turn = ++this.previewTurn;
    this.previewing = (async () => {
      const response = await this.call("POST", this.page.urls.preview, { revision: this.revision, content: this.content });
      if (response?.ok && turn === this.previewTurn) this.hooks.previewed((await response.json()) as Preview);
    })();
    return this.previewing;
  }

  /** Signs once, however often it is asked to: the request has one name. */
  async sign(note: string, request: string): Promise<Signed> {
    this.ask.stop();
    await this.preview();
    await this.previewing;
    if (!(await this.flush()) && !(await this.flush())) return { kind: "refused", why: [t("The draft is not saved yet, so it was not signed.")] };
    const response = await this.call("POST", this.page.urls.sign, { revision: this.revision, versions: this.page.versions ?? 0, request, note, names: this.page.doubt?.names ?? [] });
    if (!response) return { kind: "refused", why: [t("The server did not take the signature. Nothing is lost; sign again.")] };
    if (response.status === 409) {
      await this.settle(await response.json());
      return { kind: "refused", why: [t("Somebody changed the exam meanwhile; look at it, then sign.")] };
    }
    const told = (await response.json().catch(() => ({}))) as { address?: string; why?: string[] };
    if (!response.ok) return { kind: "refused", why: told.why ?? [t("The server answers {status}.", { status: response.status })] };
    this.dead = true;
    return { kind: "signed", address: told.address ?? this.page.urls.back };
  }

  /** Leaves the exam to others; the draft stays. */
  async release(): Promise<boolean> {
    if (!(await this.flush())) return false;
    const response = await this.call("POST", this.page.urls.release, {});
    if (!response?.ok) return false;
    this.dead = true;
    return true;
  }
}
