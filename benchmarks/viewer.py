"""The viewer in a browser without a graphics card: from navigation to the first image and to all four, and
from a key to the next view or finding on the screen.

    python benchmarks/viewer.py                         # a drawn exam of 3328 × 4096, with an earlier one
    python benchmarks/viewer.py --report out/report.json --prior-report before/report.json

Headless Chromium draws by SwiftShader on the processor, as a reading room's computer never does: these are
the slowest times to expect. The images come from this machine at once; a network adds its own time. Each time
is taken when the pixels are on the canvas (a pixel is read back), from the browser's own start of the
navigation or from the key. Prints the machine's load beside them: run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "frontend/test"))
from harness import CHROMIUM, Harness, Views, drawn_exam, of_report

FIRST, ALL, STEP = 2500, 4000, 200
"""Milliseconds that are aimed at."""

WATCH = """
window.times = [];
const watch = () => {
  const stage = document.querySelector("#viewer")?.stage;
  if (stage && stage.shown.size > times.length) {
    stage.finish();
    while (times.length < stage.shown.size) times.push(performance.now());
  }
  if (times.length < 4) requestAnimationFrame(watch);
};
requestAnimationFrame(watch);
"""
STEP_JS = """async (key) => {
  const stage = document.querySelector("#viewer").stage, start = performance.now();
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  await stage.drawn(); stage.finish();
  return performance.now() - start;
}"""


def opened(page: Page, url: str) -> list[float]:
    """Milliseconds from navigation to each of the four images."""
    page.goto(url)
    page.wait_for_function("() => times.length >= 4", timeout=120_000)
    return list(page.evaluate("times"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--report", type=Path)
    parser.add_argument("--prior-report", type=Path)
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    made: tuple[dict[str, Any], Views] = (
        of_report(given.report, given.prior_report) if given.report else drawn_exam(rows=4096, columns=3328)
    )
    view = made[0]["exams"][0]["views"][0]
    print(f"{view['columns']} × {view['rows']}, {len(made[0]['content']['findings'])} findings, "
          f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")  # fmt: skip
    firsts, alls = [], []
    steps: dict[str, list[float]] = {}
    with Harness(*made) as harness, sync_playwright() as play:
        for turn in range(given.times):
            browser = play.chromium.launch(executable_path=CHROMIUM[0], args=CHROMIUM[1:])
            page = browser.new_page(viewport={"width": 1920, "height": 1080})
            page.add_init_script(WATCH)
            times = opened(page, harness.url)
            firsts.append(times[0])
            alls.append(times[3])
            if turn == given.times - 1:
                page.wait_for_function(
                    "() => { const s = document.querySelector('#viewer').stage;"
                    " return s.page.exams.flatMap(e => e.views).every(v => s.store.picture(v.image)); }",
                    timeout=120_000,
                )
                page.wait_for_timeout(1500)
                for name, key in (("next hanging", " "), ("next finding", "n"), ("prior, blink", "b"),
                                  ("marks", "a"), ("zoom", "+")):  # fmt: skip
                    if name == "prior, blink":
                        page.keyboard.press("1")
                    steps[name] = [page.evaluate(STEP_JS, key) for _ in range(12)]
                heap = page.evaluate("performance.memory?.usedJSHeapSize ?? 0") / 2**20
            browser.close()
            outside = [line for line in harness.log if "http" in line]
    print(f"load {os.getloadavg()[0]:.1f} at the end; {given.times} navigations, each in a new browser")

    def line(name: str, times: list[float], aim: int) -> None:
        median, worst = statistics.median(times), max(times)
        print(f"{name:16}{median:8.0f} ms median{worst:8.0f} ms slowest   aim {aim} ms  "
              f"{'met' if worst <= aim else 'median met' if median <= aim else 'NOT met'}")  # fmt: skip

    line("first image", firsts, FIRST)
    line("all four", alls, ALL)
    for name, times in steps.items():
        line(name, times, STEP)
    print(f"JavaScript heap {heap:.0f} MB; requests to other hosts: {len(outside)}")


if __name__ == "__main__":
    main()
