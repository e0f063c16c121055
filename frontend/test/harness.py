"""The reading page without the server: an exam by the page's contract, a draft that is kept in memory.

    python frontend/test/harness.py                          # a drawn exam, a few seconds to make
    python frontend/test/harness.py --report out/report.json # images and findings of a calcscope report
    python frontend/test/harness.py --report out/report.json --prior-report before/report.json

Prints the address. The tests set `faults`, `signed_in` and `token` for what can go wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import json
import math
import os
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pydicom
import pydicom.errors
from django.conf import settings
from PIL import Image
from pydantic import ValidationError
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

if "DJANGO_SETTINGS_MODULE" not in os.environ and not settings.configured:
    settings.configure(USE_I18N=False)  # the viewer's words are marked for translation; no server runs here

from calcscope.server.reading.content import ReadingContent
from calcscope.server.reading.words import WORDS, terms

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "src/calcscope/server/static"
CSP = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'"
)
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}

CHROMIUM = [
    os.environ.get("CHROMIUM", "/usr/bin/chromium"),
    "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
"""A browser without a graphics card, and its arguments."""

Views = dict[str, bytes]
"""DICOM files by SOP Instance UID."""


def dicom(pixels: np.ndarray, laterality: str, view: str, pixel_mm: float, **attributes: Any) -> bytes:
    """A mammogram of 16-bit pixels, or a stack of them, as a DICOM file."""
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.2", generate_uid()
    data.Modality, data.ImageLaterality, data.ViewPosition = "MG", laterality, view
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns = pixels.shape[-2:]
    if pixels.ndim == 3:
        data.NumberOfFrames = len(pixels)
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.ImagerPixelSpacing = [pixel_mm, pixel_mm]
    data.WindowCenter, data.WindowWidth = 1800, 3200
    for name, value in attributes.items():
        setattr(data, name, value)
    data.PixelData = pixels.astype("<u2").tobytes()
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = data.SOPClassUID, data.SOPInstanceUID
    buffer = io.BytesIO()
    data.file_meta = meta
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def drawn_breast(rows: int, columns: int, seed: int, mirror: bool) -> tuple[np.ndarray, list[list[float]]]:
    """A bright half ellipse with some texture; chest wall at the left, or mirrored. With its outline."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    wide, high = 0.72 * columns, 0.4 * rows
    inside = (x / wide) ** 2 + ((y - rows / 2) / high) ** 2
    coarse = random.normal(size=(rows // 32 + 2, columns // 32 + 2))
    texture = np.kron(coarse, np.ones((32, 32)))[:rows, :columns]
    picture = np.where(inside < 1, 1300 + 700 * (1 - inside) + 120 * texture, 80)
    picture = np.clip(picture + random.normal(0, 25, picture.shape), 0, 4095)
    angles = np.linspace(-math.pi / 2, math.pi / 2, 40)
    outline = [[wide * math.cos(a), rows / 2 + high * math.sin(a)] for a in angles]
    if mirror:
        picture, outline = picture[:, ::-1], [[columns - 1 - px, py] for px, py in outline]
    return picture, outline


def drawn_view(
    laterality: str, view: str, rows: int = 1024, columns: int = 832, frames: int = 1, **attributes: Any
) -> tuple[dict[str, Any], bytes]:
    """A view by the contract and its file. Its calcifications are bright discs of five pixels."""
    seed = sum(map(ord, laterality + view))
    picture, outline = drawn_breast(rows, columns, seed, mirror=laterality == "R")
    random = np.random.default_rng(seed + 1)
    pixel_mm = 0.07 * 4096 / rows
    specks = []
    at = np.array([columns * (0.3 if laterality == "L" else 0.7), rows * 0.45])
    for k in range(9):
        cx, cy = at + random.normal(0, 14, 2)
        y, x = np.ogrid[:rows, :columns]
        picture = np.where((x - cx) ** 2 + (y - cy) ** 2 < 5, 3900, picture)
        ring = [[cx + 3 * math.cos(a), cy + 3 * math.sin(a)] for a in np.linspace(0, 2 * math.pi, 12)]
        specks.append(
            {"id": f"C{k + 1}", "x": cx, "y": cy, "probability": 0.55 + 0.05 * k, "diameter_mm": 0.4,
             "outline": ring, "kind": None, "group": "G1", "slice": frames // 2 if frames > 1 else None}
        )  # fmt: skip
    pixels = np.repeat(picture[None], frames, 0) if frames > 1 else picture
    if frames > 1:
        for k in range(frames):
            pixels[k] = np.clip(pixels[k] + 60 * k, 0, 4095)
    file = dicom(pixels, laterality, view, pixel_mm, **attributes)
    uid = str(pydicom.dcmread(io.BytesIO(file), stop_before_pixels=True).SOPInstanceUID)
    xs, ys = [s["x"] for s in specks], [s["y"] for s in specks]
    box = [[min(xs), min(ys)], [max(xs), min(ys)], [max(xs), max(ys)], [min(xs), max(ys)]]
    group = {"id": "G1", "outline": box, "count": 9, "span_mm": 7.0, "probability": 0.9,
             "morphology": "punctate", "distribution": "grouped"}  # fmt: skip
    nipple = [columns * 0.72 if laterality == "L" else columns * 0.28, rows / 2]
    made = {"uid": uid, "laterality": laterality, "view": view, "modifiers": [],
            "label": laterality + view, "rows": rows, "columns": columns, "pixel_mm": pixel_mm,
            "frames": frames, "image": f"image/{uid}", "thumb": f"thumb/{uid}", "outline": outline,
            "nipple": nipple, "calcifications": specks, "groups": [group],
            "mimics": [{"x": columns / 2, "y": rows * 0.8, "kind": "deodorant", "extent_mm": 4,
                        "outline": []}]}  # fmt: skip
    return made, file


def drawn_finding(number: int, laterality: str, views: list[dict[str, Any]]) -> dict[str, Any]:
    """A finding seen in these views."""
    members = [{"view": v["uid"], "group": "G1", "calcifications": [c["id"] for c in v["calcifications"]],
                "outline": v["groups"][0]["outline"]} for v in views]  # fmt: skip
    side = {"L": "left", "R": "right"}[laterality]
    return {"id": f"F{number}", "origin": "calcscope", "decision": "open", "reason": "",
            "laterality": laterality, "members": members, "morphology": "punctate", "distribution": "grouped",
            "typical_kind": None, "count": 9, "span_mm": 7.0,
            "location": {"quadrant": "upper_outer", "half": None, "clock": 2, "depth": "middle",
                         "nipple_mm": 40.0, "certainty": "both views", "orientation_assumed": False},
            "category": "0", "next_step": "magnification_views", "due_days": 14,
            "sentence": f"A group of 9 punctate calcifications spanning 7 mm in the {side} breast.",
            "sentence_edited": False, "change": None, "edits": []}  # fmt: skip


def drawn_exam(
    tomosynthesis: bool = False, rows: int = 1024, columns: int = 832
) -> tuple[dict[str, Any], Views]:
    """A current exam with four views and an earlier one, small enough for tests."""
    files: Views = {}

    def exam(date: str, current: bool) -> dict[str, Any]:
        views = []
        for view in ("CC", "MLO"):
            for side in "RL":
                attributes: dict[str, Any] = {}
                if (side, view) == ("L", "CC"):
                    attributes = {"VOILUTFunction": "SIGMOID"}
                frames = 7 if tomosynthesis and current and view == "MLO" else 1
                made, file = drawn_view(side, view, rows, columns, frames, **attributes)
                files[made["uid"]] = file
                views.append(made)
        return {"id": str(uuid.uuid4()), "date": date, "current": current, "views": views}

    now, before = exam("2026-03-02", True), exam("2024-02-20", False)
    maps = [{"view": a["uid"], "prior_view": b["uid"], "map": [[1, 0, 3], [0, 1, -4]]}
            for a, b in zip(now["views"], before["views"], strict=True)]  # fmt: skip
    findings = [
        drawn_finding(k + 1, side, [v for v in now["views"] if v["laterality"] == side])
        for k, side in enumerate("LR")
    ]
    return page(now, [before], maps, findings), files


def page(now: Any, priors: list[Any], maps: list[Any], findings: list[Any]) -> dict[str, Any]:
    """The contract's JSON around exams and findings."""
    content = {"findings": findings, "comment": "", "next_steps": [], "assessment": {}}
    content |= verdict(content)
    return {
        "exam": {"id": now["id"], "date": now["date"], "mode": "screening",
                 "mode_name": "screening", "state": "begun", "state_name": "begun",
                 "woman": "Example, Woman", "born": "1966-05-04"},
        "reader": {"name": "Dr. Reader", "may_sign": True},
        "csrf": "token-1",
        "urls": {"draft": "draft", "sign": "sign", "release": "release", "preview": "preview",
                 "back": "worklist", "sign_in": "worklist"},
        "exams": [now, *priors], "maps": maps, "terms": terms(),
        "words": {text: text for text in WORDS}, "content": content, "revision": 1,
        "versions": 0,
    }  # fmt: skip


def arbitrated(page: dict[str, Any]) -> dict[str, Any]:
    """The page of a third reader: two readings that differ, and a group that only the earlier exam shows."""
    one, other = json.loads(json.dumps([page["content"]["findings"]] * 2))
    for finding in [*one, *other]:
        finding["decision"] = "accepted"
    edit = {"field": "category", "was": "0", "is": "2", "reason": "parallel tracks"}
    one[0] |= {
        "category": "2",
        "next_step": "routine",
        "due_days": 365,
        "typical_kind": "vascular",
        "sentence": "Vascular calcifications.",
        "sentence_edited": True,
        "edits": [edit],
    }
    other[1] |= {"decision": "rejected", "reason": "skin of the areola"}
    view = page["exams"][0]["views"][0]
    x, y = view["columns"] * 0.75, view["rows"] * 0.6
    square = [[x, y], [x + 60, y], [x + 60, y + 50], [x, y + 50]]
    drawn = one[1] | {"id": "F3", "origin": "reader", "count": 3, "sentence": "Three more."}
    drawn["members"] = [{"view": view["uid"], "group": None, "calcifications": [], "outline": square}]
    before = page["exams"][1]["views"][0]
    ring = [[x + 40, y - 200], [x + 70, y - 200], [x + 70, y - 170], [x + 40, y - 170]]
    gone = {"id": "E1", "laterality": "R", "morphology": "round", "distribution": "grouped",
            "typical_kind": None, "count": 6, "span_mm": 5.0,
            "location": {"quadrant": "upper_inner", "half": None}, "date": "2024-02-20",
            "status": ["resolved"], "words": ["6 found in February 2024, none now."],
            "places": [{"view": view["uid"], "prior_view": before["uid"], "x": x + 55, "y": y - 185,
                        "error_mm": 1.5, "map": [[1, 0, 3], [0, 1, -4]], "outlines": [ring]}]}  # fmt: skip
    readings = [
        {"who": who, "findings": found, "comment": comment, **verdict({"findings": found})}
        for who, found, comment in (("Dr. One", one, "Stable."), ("Dr. Two", [*other, drawn], ""))
    ]
    for reading in readings:
        del reading["next_steps"]
    exam = page["exam"] | {"state": "arbitration", "state_name": "readers differ"}
    return page | {"exam": exam, "readings": readings, "earlier_findings": [gone]}


ORDER = ["5", "4C", "4B", "4A", "0", "6", "3", "2", "1"]


def verdict(content: dict[str, Any]) -> dict[str, Any]:
    """Categories and steps that follow from the findings: a stand-in for the server's rules."""
    standing = [f for f in content["findings"] if f["decision"] != "rejected"]
    sides = {
        side: min([f["category"] for f in standing if f["laterality"] == side], key=ORDER.index, default="1")
        for side in "LR"
    }
    steps = {(f["next_step"], f["laterality"]): f["due_days"] for f in standing} or {("routine", ""): 365}
    return {
        "assessment": {"left": sides["L"], "right": sides["R"],
                       "overall": min(sides.values(), key=ORDER.index)},
        "next_steps": [{"code": code, "text": f"{code.replace('_', ' ')} {side} within {days} days.",
                        "due_days": days} for (code, side), days in steps.items()],
    }  # fmt: skip


def preview(content: dict[str, Any]) -> dict[str, Any]:
    """A stand-in for the engine's rules: enough to see the page follow them."""
    findings = []
    for f in content["findings"]:
        if f["decision"] == "rejected":
            continue
        benign = f["typical_kind"] is not None
        changed = {edit["field"] for edit in f["edits"]}
        category = f["category"] if "category" in changed else "2" if benign else "0"
        step = f["next_step"] if "next_step" in changed else terms()["step_of_category"][category]
        what = f["typical_kind"] or f["morphology"] or "calcifications"
        found = {"quadrant": None, "half": "outer", "clock": None, "depth": "middle", "nipple_mm": 30.0,
                 "certainty": "one view", "orientation_assumed": False}  # fmt: skip
        findings.append(
            {"id": f["id"], "category": "2" if benign else "0",
             "location": found if f["origin"] == "reader" else f["location"],
             "sentence": f"{f['count']} calcifications, {what}, {f['laterality']}.",
             "next_step": step, "due_days": terms()["step_days"][step],
             "reasons": [{"rule": "stand_in", "text": "Benign by its kind." if benign else
                          "Not clearly benign on screening views.", "source": "stand-in of the harness"}]}
        )  # fmt: skip
    return {"findings": findings, **verdict(content)}


def of_report(path: Path, prior: Path | None) -> tuple[dict[str, Any], Views]:
    """The newest exam of a report, with the one before from its own report where given."""
    files: Views = {}

    def exam(report: dict[str, Any], current: bool) -> dict[str, Any]:
        views = []
        for v in report["views"]:
            data = pydicom.dcmread(v["source"])
            if data.file_meta.TransferSyntaxUID.is_compressed:
                data.decompress()
            buffer = io.BytesIO()
            data.save_as(buffer)
            files[v["sop_uid"]] = buffer.getvalue()
            views.append(
                {**{k: v[k] for k in ("laterality", "view", "modifiers", "rows", "columns", "pixel_mm",
                                      "calcifications", "groups", "mimics")},
                 "uid": v["sop_uid"], "label": " ".join([v["laterality"] + v["view"], *v["modifiers"]]),
                 "frames": int(data.get("NumberOfFrames", 1) or 1), "image": f"image/{v['sop_uid']}",
                 "thumb": f"thumb/{v['sop_uid']}", "outline": v["anatomy"]["outline"],
                 "nipple": v["anatomy"]["nipple"]}
            )  # fmt: skip
        return {"id": str(uuid.uuid4()), "date": report["date"], "current": current, "views": views}

    report = json.loads(path.read_text())["exams"][0]
    now = exam(report, True)
    priors = [exam(json.loads(prior.read_text())["exams"][0], False)] if prior else []
    findings = []
    for f in report["findings"]:
        outlines = {(v["sop_uid"], g["id"]): g["outline"] for v in report["views"] for g in v["groups"]}
        findings.append(
            {**{k: f[k] for k in ("id", "laterality", "morphology", "distribution", "typical_kind", "count",
                                  "span_mm", "location", "sentence", "change")},
             "origin": "calcscope", "decision": "accepted" if f["benign"] else "open", "reason": "",
             "members": [{**m, "outline": outlines.get((m["view"], m["group"]), [])} for m in f["members"]],
             "category": f["assessment"]["category"], "next_step": f["next_step"]["code"],
             "due_days": f["next_step"]["due_days"] or 0, "sentence_edited": False, "edits": []}
        )  # fmt: skip
    maps = [
        {"view": p["view"], "prior_view": p["prior_view"], "map": p["map"]}
        for f in report["findings"]
        for p in (f["change"] or {}).get("places", [])
    ]
    return page(now, priors, maps, findings), files


class Harness:
    """The server: ``with Harness(*drawn_exam()) as it: it.url``."""

    def __init__(self, exam: dict[str, Any], files: Views, port: int = 0) -> None:
        self.exam, self.files = exam, files
        self.draft = {"revision": exam["revision"], "content": exam["content"]}
        self.faults: list[int] = []
        self.signed_by = ""
        self.signatures: list[dict[str, Any]] = []
        self.token, self.signed_in = "token-1", True
        self.log: list[str] = []
        self.thumbs: dict[str, bytes] = {}
        handler = functools.partial(Handler, self)
        self.server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/exams/1/read"

    def __enter__(self) -> Harness:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def thumb(self, uid: str) -> bytes:
        """The preview of an image."""
        if uid not in self.thumbs:
            data = pydicom.dcmread(io.BytesIO(self.files[uid]))
            pixels = (
                data.pixel_array if data.get("NumberOfFrames", 1) in (1, "1", None) else data.pixel_array[0]
            )
            small = pixels[::4, ::4].astype(float)
            center, width = data.get("WindowCenter") or 2048, data.get("WindowWidth") or 4096
            center, width = (float(v[0]) if isinstance(v, list | pydicom.multival.MultiValue) else float(v)
                             for v in (center, width))  # fmt: skip
            grey = np.clip((small - center) / width + 0.5, 0, 1)
            if data.PhotometricInterpretation == "MONOCHROME1":
                grey = 1 - grey
            picture = Image.fromarray((255 * grey).astype(np.uint8))
            picture.thumbnail((900, 900))
            buffer = io.BytesIO()
            picture.save(buffer, "JPEG", quality=75)
            self.thumbs[uid] = buffer.getvalue()
        return self.thumbs[uid]


PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Reading · Calcscope</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/static/calcscope.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/calcscope.css">
<link rel="stylesheet" href="/static/viewer/viewer.css">
<script type="module" src="/static/viewer/viewer.js"></script></head>
<body class="viewer"><a class="skip" href="#main">To the content</a>
<header class="top"><a class="name" href="/"><img src="/static/calcscope.svg" alt="" width="24" height="24">
Calcscope</a></header>
<main id="main" tabindex="-1"><h1 class="away">Reading Example, Woman</h1><div id="viewer"></div>
<script type="application/json" id="exam">{exam}</script></main>
<footer class="bottom"><p>Research and second-reader software, not a cleared medical device.</p></footer>
</body></html>"""


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16

    def __init__(self, harness: Harness, *rest: Any) -> None:
        self.harness = harness
        super().__init__(*rest)

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def answer(self, status: int, body: bytes = b"", kind: str = "application/json", **headers: str) -> None:
        """Answer at once."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", CSP)
        self.send_header("Cache-Control", "no-store")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the browser went away
            self.wfile.write(body)

    def json(self, status: int, value: Any) -> None:
        """Answer with JSON."""
        self.answer(status, json.dumps(value).encode())

    def do_GET(self) -> None:
        """Pages, images, static files."""
        it, parts = self.harness, urlsplit(self.path)
        it.log.append(f"GET {self.path}")
        name = parts.path.rsplit("/", 1)[-1]
        if parts.path.endswith("/read"):
            if not it.signed_in:
                return self.answer(401)
            exam = it.exam | {"csrf": it.token, **it.draft}
            text = json.dumps(exam).replace("<", "\\u003c").replace("&", "\\u0026")
            return self.answer(200, PAGE.replace("{exam}", text).encode(), "text/html; charset=utf-8")
        if "/image/" in parts.path and name in it.files:
            return self.answer(200, it.files[name], "application/dicom")
        if "/thumb/" in parts.path and name in it.files:
            try:
                return self.answer(200, it.thumb(name), "image/jpeg")
            except (ValueError, AttributeError, pydicom.errors.InvalidDicomError):
                return self.answer(404, b"no preview", "text/plain")
        if parts.path.startswith("/static/"):
            file = (STATIC / parts.path.removeprefix("/static/")).resolve()
            if file.is_file() and STATIC.resolve() in file.parents:
                return self.answer(200, file.read_bytes(), TYPES.get(file.suffix, "application/octet-stream"))
        return self.answer(404, b"not here", "text/plain")

    def body(self) -> dict[str, Any]:
        """What was sent."""
        return dict(json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}"))

    def refused(self) -> bool:
        """Whether a fault was asked for, or the session or the token is wrong; then it is answered."""
        it = self.harness
        if it.faults:
            self.json(it.faults.pop(0), {})
            return True
        if not it.signed_in:
            self.json(401, {})
            return True
        if self.headers.get("X-CSRFToken") != it.token:
            self.json(403, {})
            return True
        return False

    def do_PUT(self) -> None:
        """The draft."""
        it, sent = self.harness, self.body()
        it.log.append(f"PUT {self.path}")
        if self.refused():
            return None
        if it.signed_by:
            return self.json(409, {**it.draft, "who": it.signed_by, "signed": True})
        if sent["revision"] != it.draft["revision"]:
            return self.json(409, {**it.draft, "who": "Dr. Other", "signed": False})
        try:
            ReadingContent.model_validate(sent["content"])
        except ValidationError as error:
            return self.json(422, {"why": [str(each) for each in error.errors(include_input=False)]})
        it.draft = {"revision": sent["revision"] + 1, "content": sent["content"]}
        return self.json(200, {"revision": it.draft["revision"]})

    def do_POST(self) -> None:
        """Preview, signature, release."""
        it, sent, name = self.harness, self.body(), self.path.rsplit("/", 1)[-1]
        it.log.append(f"POST {self.path}")
        if self.refused():
            return None
        if name == "preview":
            return self.json(200, preview(sent["content"]))
        if name == "sign":
            it.signatures.append(sent)
            return self.json(200, {"version": len(it.signatures), "address": "/exams/1/signed"})
        return self.answer(204)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--report", type=Path)
    parser.add_argument("--prior-report", type=Path)
    parser.add_argument("--tomosynthesis", action="store_true")
    parser.add_argument("--arbitration", action="store_true", help="two readings that differ")
    parser.add_argument("--port", type=int, default=8099)
    given = parser.parse_args()
    made = of_report(given.report, given.prior_report) if given.report else drawn_exam(given.tomosynthesis)
    if given.arbitration:
        made = arbitrated(made[0]), made[1]
    with Harness(*made, port=given.port) as it:
        print(it.url)
        threading.Event().wait()


if __name__ == "__main__":
    main()
