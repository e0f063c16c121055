// An image and its halves, so that a mammogram seen whole is averaged rather than sampled: a calcification of
// three pixels must not vanish between the lines of the screen.

export interface Level {
  columns: number;
  rows: number;
  data: Uint16Array;
}

/** Each level is the mean of two by two pixels of the one before, down to `smallest` pixels. */
export function pyramid(data: Uint16Array, columns: number, rows: number, smallest = 128): Level[] {
  const levels: Level[] = [{ columns, rows, data }];
  for (let last = levels[0] as Level; Math.min(last.columns, last.rows) >= 2 * smallest; ) {
    last = halve(last);
    levels.push(last);
  }
  return levels;
}

function halve({ columns, rows, data }: Level): Level {
  const wide = columns >> 1;
  const high = rows >> 1;
  const half = new Uint16Array(wide * high);
  let to = 0;
  for (let y = 0; y < high; y++) {
    let up = 2 * y * columns;
    let down = up + columns;
    for (let x = 0; x < wide; x++, up += 2, down += 2)
      half[to++] = ((data[up] as number) + (data[up + 1] as number) + (data[down] as number) + (data[down + 1] as number) + 2) >> 2;
  }
  return { columns: wide, rows: high, data: half };
}

/** Values below which `low` and `high` of the pixels lie, for an image that states no window. */
export function spread(level: Level, low = 0.02, high = 0.998): [number, number] {
  const counts = new Uint32Array(65536);
  for (const value of level.data) counts[value] = (counts[value] as number) + 1;
  const at = (share: number): number => {
    let seen = 0;
    for (let value = 0; value < 65536; value++) {
      seen += counts[value] as number;
      if (seen >= share * level.data.length) return value;
    }
    return 65535;
  };
  return [at(low), at(high)];
}
