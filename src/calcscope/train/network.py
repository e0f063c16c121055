"""Train the network of :mod:`calcscope.specks.network` and write it as ONNX.

    calcscope train network --out network.onnx --minutes 20

A U-Net of four levels and about 110,000 weights, trained on pieces drawn by
:mod:`calcscope.train.patches` for a stated time. After a fifth and half of it the images are looked through
for places without calcium where it is sure to see some, and pieces are cut there too. Processes of their own
draw the pieces: the same seed, pieces a step and number of steps give the same ones, however many draw them;
how many steps fit into the time depends on the machine.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import cv2
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from calcscope.specks.network import normalise
from calcscope.train.narrow import narrowed
from calcscope.train.patches import Ground, grounds, noise_of, piece

CHANNELS = 16
BATCH = 16
"""Pieces a step, as a processor bears them; a graphics processor needs no longer for four times as many."""
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-3
CALCIUM_WEIGHS = 5.0
"""Times as much as background: a piece holds three hundred times as many pixels without it."""
SCALE = 100.0
"""Of the loss, which is small because calcium is rare: brings its gradients to about one."""
RARE = -4.0
"""Logit that the untrained network gives: calcium is rare."""
AHEAD = 4
"""Batches for each process that draws, drawn before they are needed."""
SAID_EVERY = 10
"""Steps: to ask for the loss is to wait for the graphics processor."""
MINED_AFTER = (0.2, 0.5)
"""Shares of the time after which the images are looked through for hard places,"""
MINED = 60
"""so many an image at most."""
RANGES_FROM = 8
"""Last batches, on which the ranges of what flows between the layers are taken, before they become whole."""


def _block(given: int, made: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (given, made):
        layers += [nn.Conv2d(channels, made, 3, padding=1, bias=False), nn.BatchNorm2d(made), nn.ReLU()]
    return nn.Sequential(*layers)


class Network(nn.Module):
    """(n, 1, rows, columns) normalised pixels to logits of the same shape; sides are multiples of 8."""

    def __init__(self, channels: int = CHANNELS) -> None:
        super().__init__()
        c = channels
        self.down = nn.ModuleList(
            [_block(1, c), _block(c, 2 * c), _block(2 * c, 2 * c), _block(2 * c, 2 * c)]
        )
        self.up = nn.ModuleList([_block(4 * c, 2 * c), _block(4 * c, c + c // 2), _block(2 * c + c // 2, c)])
        self.out = nn.Conv2d(c, 1, 1)
        nn.init.constant_(self.out.bias, RARE)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        levels: list[Tensor] = []
        for block in self.down:
            x = block(x if not levels else functional.max_pool2d(x, 2))
            levels.append(x)
        for block, level in zip(self.up, reversed(levels[:-1]), strict=True):
            x = block(torch.cat([level, functional.interpolate(x, scale_factor=2.0, mode="nearest")], 1))
        return self.out(x)  # type: ignore[no-any-return]


def train(
    out: Path,
    minutes: float,
    device: str = "cpu",
    seed: int = 0,
    women: Iterable[str] | None = None,
    normals: Sequence[Path] = (),
    workers: int = 1,
    batch: int = BATCH,
    progress: Callable[[float, str], None] = lambda share, what: None,
) -> int:
    """Train for so many minutes and write the ONNX file; the number of steps done.

    Parameters
    ----------
    minutes : of training; reading the images and looking for hard places come on top
    women : patient IDs of the films to use, all without it
    normals : folders of further mammograms without calcium
    workers : processes that read the images and draw the pieces, beside the one that trains
    batch : pieces a step
    progress : takes the share done and a line

    Raises
    ------
    UnreadableInput : for a folder without any mammogram
    """
    images = grounds(women, normals, workers)
    torch.manual_seed(seed)
    torch.set_flush_denormal(True)  # numbers near zero would slow the processor tenfold
    network = Network().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    done, steps = 0.0, 0
    losses: deque[Tensor] = deque(maxlen=100)
    recent: deque[NDArray[np.float32]] = deque(maxlen=RANGES_FROM)
    for until in (*MINED_AFTER, 1.0):
        with drawn(images, seed, steps, workers, batch) as batches:
            before, start = done, time.monotonic()
            while (done := before + (time.monotonic() - start) / (60 * minutes)) < until:
                warm = min(1.0, (steps + 1) / 100)
                for group in optimiser.param_groups:
                    group["lr"] = LEARNING_RATE * warm * 0.5 * (1 + np.cos(np.pi * done)) + 1e-5
                pieces = next(batches)
                recent.append(pieces[0])
                seen, calcium, weight = (torch.from_numpy(a).to(device).float() for a in pieces)
                # Half the width of a number is enough and several times as fast where the processor has it.
                with torch.autocast(torch.device(device).type, dtype=torch.bfloat16):
                    logits = network(seen.contiguous(memory_format=torch.channels_last))
                loss = functional.binary_cross_entropy_with_logits(
                    logits.float(),
                    calcium,
                    weight=weight * (1 + (CALCIUM_WEIGHS - 1) * calcium),
                    reduction="sum",
                ) * (SCALE / weight.sum().clamp(min=1))
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(network.parameters(), 5.0)
                optimiser.step()
                steps += 1
                losses.append(loss.detach())
                if steps % SAID_EVERY == 0:
                    progress(done, f"step {steps}, loss {float(torch.stack(list(losses)).mean()):.4f}")
        if until < 1:
            progress(done, "looking for what it takes for calcium")
            images = _with_hard_places(images, network, device, workers)
    write(network, recent, out)
    return steps


def _with_hard_places(images: list[Ground], network: Network, device: str, workers: int) -> list[Ground]:
    """The images with the places, free of calcium, where the network is surest that there is some."""
    network.eval()
    found = []
    with _processes(images, workers) as pool:
        for image, seen in zip(images, _ahead(pool, workers, _seen, range(len(images))), strict=True):
            rows, columns = (size - size % 8 for size in seen.shape)
            with torch.no_grad(), torch.autocast(torch.device(device).type, dtype=torch.bfloat16):
                logits = network(torch.from_numpy(seen[None, None, :rows, :columns]).to(device))
            hard = np.where(image.teaches[:rows, :columns], logits[0, 0].float().cpu().numpy(), -np.inf)
            # The surest of each square of 16 pixels, then the surest squares.
            squares = hard[: rows - rows % 16, : columns - columns % 16]
            tiles = squares.reshape(rows // 16, 16, columns // 16, 16).max(axis=(1, 3))
            best = np.argsort(tiles, axis=None)[::-1][: min(MINED, tiles.size // 20)]
            places = np.stack(np.unravel_index(best, tiles.shape), axis=1) * 16 + 8
            found.append(replace(image, hard=places.astype(np.int32)))
    network.train()
    return found


Batch = tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]
"""What is seen, which pixels are calcium and which teach anything, (pieces, 1, SIDE, SIDE) each."""
Asked = TypeVar("Asked")
Given = TypeVar("Given")

_images: list[Ground] = []
"""Of a process that draws pieces: forked from this one, it need not be sent them."""


@contextmanager
def drawn(
    images: list[Ground], seed: int, first: int, workers: int = 1, batch: int = BATCH
) -> Iterator[Iterator[Batch]]:
    """Batches of the steps from ``first`` on, drawn ahead by processes of their own."""
    with _processes(images, workers) as pool:
        yield _ahead(pool, AHEAD * workers, partial(_batch, seed, batch), count(first))


@contextmanager
def _processes(images: list[Ground], workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that hold the images.

    They may be forked after a graphics processor was first asked for, since none of them asks for it.
    """
    global _images
    _images = images
    fork = multiprocessing.get_context("fork")
    # Said here, not in them: in a forked process, ending threads that it has not got never comes to an end.
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    with ProcessPoolExecutor(workers, fork) as pool:
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)
            cv2.setNumThreads(threads)


def _ahead(
    pool: ProcessPoolExecutor, many: int, work: Callable[[Asked], Given], asked: Iterable[Asked]
) -> Iterator[Given]:
    """What comes of each, in order, so many of them worked out before they are needed."""
    coming: deque[Future[Given]] = deque()
    for one in asked:
        coming.append(pool.submit(work, one))
        if len(coming) > many:
            yield coming.popleft().result()
    while coming:
        yield coming.popleft().result()


def _batch(seed: int, batch: int, step: int) -> Batch:
    random = np.random.default_rng([seed, step])
    pieces = [piece(_images, random) for _ in range(batch)]
    return (
        np.stack([p.seen for p in pieces])[:, None].astype(np.float32),
        np.stack([p.calcium > 0 for p in pieces])[:, None],
        np.stack([p.weight > 0 for p in pieces])[:, None],
    )


def _seen(index: int) -> NDArray[np.float32]:
    """What the network sees of an image."""
    image = _images[index]
    return normalise(image.pixels, noise_of(image.pixels, image.pixel_mm))


def write(network: Network, seen: Iterable[NDArray[np.float32]], out: Path) -> None:
    """Write the network as ONNX with free batch and image size, in whole numbers of eight bits.

    ``seen``: (n, 1, rows, columns) each, normalised pieces such as it will be asked about.
    """
    free = {0: "batch", 2: "rows", 3: "columns"}
    with TemporaryDirectory() as folder:
        exact = Path(folder) / "float.onnx"
        torch.onnx.export(
            network.cpu().eval(),
            (torch.zeros(1, 1, 64, 64),),
            str(exact),
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes={"image": free, "logits": free},
            dynamo=False,
        )
        in_whole_numbers(exact, seen, out)


def in_whole_numbers(exact: Path, seen: Iterable[NDArray[np.float32]], out: Path) -> None:
    """Write a network whose weights and activations are whole numbers of eight bits: half the time to run.

    It is asked as :func:`calcscope.train.narrow.narrowed` says.

    Parameters
    ----------
    exact : the ONNX file with floats
    seen : (n, 1, rows, columns) each, normalised pieces, on which the ranges of the activations are taken
    out : the ONNX file to write
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Pieces(CalibrationDataReader):  # type: ignore[misc]
        left = iter(seen)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            piece = next(self.left, None)
            return None if piece is None else {"image": piece}

    with TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        # The sides of an image are free, which the search for all shapes gives up on.
        quant_pre_process(exact, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            out,
            Pieces(),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,  # seven bits: older processors overflow in the sum of two products of eight
        )
    onnx.save(narrowed(onnx.load(out)), out)
