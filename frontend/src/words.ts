// The viewer's own words. English is the key; the page may bring the reader's language along.

let words: Record<string, string> = {};

export function speak(other: Record<string, string> | undefined): void {
  words = other ?? {};
}

/** The text in the reader's language, with {names} filled in. */
export function t(text: string, values: Record<string, string | number> = {}): string {
  return (words[text] ?? text).replace(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all));
}
