// The viewer's own words in the reader's language, which the page brings (server/reading/words.py). English is the
// key, and only literals are taken for one: a test of the server finds each of them here and in its table.

declare const inTheTable: unique symbol;

/** A text that the page brings: a literal marked by `word`, for those that are said later by `t`. */
export type Word = string & { readonly [inTheTable]: true };

/** A text to be said, with what fills its {names}. */
export interface Phrase {
  text: Word;
  values: Values;
}

export type Values = Record<string, string | number>;

type Literal<S extends string> = string extends S ? never : S;

let words: Record<string, string> = {};

export function speak(given: Record<string, string>): void {
  words = given;
}

export function word<const S extends string>(text: Literal<S>): Word {
  return text as unknown as Word;
}

/** The text in the reader's language, with {names} filled in. */
export function t<const S extends string>(text: Word | Literal<S>, values: Values = {}): string {
  const said = words[text];
  // Page and viewer are built together; should they ever differ, a reader needs the sentence and a developer the report.
  if (said === undefined) console.error(`the page brings no words for "${text}"`);
  return filled(said ?? text, values);
}

function filled(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all));
}

export function say(phrase: Phrase | string): string {
  return typeof phrase === "string" ? phrase : t(phrase.text, phrase.values);
}

/** What could not be done; said in the reader's language where it is shown, which may be another thread. */
export class Refusal extends Error {
  constructor(readonly phrase: Phrase) {
    super(filled(phrase.text, phrase.values));
  }
}

export function refusal<const S extends string>(text: Literal<S>, values: Values = {}): Refusal {
  return new Refusal({ text: word(text), values });
}

/** Why something failed: in our words where we know, else as the browser says it. */
export function why(error: unknown): Phrase | string {
  return error instanceof Refusal ? error.phrase : error instanceof Error ? error.message : String(error);
}
