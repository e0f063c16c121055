"""Train the network of :mod:`calcscope.specks.network` and write it as ONNX.

    calcscope train network --out network.onnx --minutes 20

A U-Net of four levels and about 110,000 weights, trained on pieces drawn by
:mod:`calcscope.train.patches` for a stated time. The same seed and the same number of steps give the same
pieces; how many steps fit into the time depends on the machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from calcscope.train.patches import Ground, grounds, piece

CHANNELS = 16
BATCH = 16
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-3
CALCIUM_WEIGHS = 5.0
"""Times as much as background: a piece holds three hundred times as many pixels without it."""
SCALE = 100.0
"""Of the loss, which is small because calcium is rare: brings its gradients to about one."""
RARE = -4.0
"""Logit that the untrained network gives: calcium is rare."""


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
    progress: Callable[[float, str], None] = lambda share, what: None,
) -> int:
    """Train for so many minutes and write the ONNX file; the number of steps done.

    ``women``: patient IDs of the films to use, all without it. ``progress`` takes the share done and a line.
    """
    films = grounds(women)
    torch.manual_seed(seed)
    torch.set_flush_denormal(True)  # numbers near zero would slow the processor tenfold
    network = Network().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    random = np.random.default_rng(seed)
    start, steps, losses = time.monotonic(), 0, []
    while (share := (time.monotonic() - start) / (60 * minutes)) < 1:
        warm = min(1.0, (steps + 1) / 100)
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * warm * 0.5 * (1 + np.cos(np.pi * share)) + 1e-5
        seen, calcium, weight = _batch(films, random, device)
        logits = network(seen)
        loss = functional.binary_cross_entropy_with_logits(
            logits, calcium, weight=weight * (1 + (CALCIUM_WEIGHS - 1) * calcium), reduction="sum"
        ) * (SCALE / weight.sum().clamp(min=1))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        steps += 1
        losses.append(float(loss.detach()))
        progress(share, f"step {steps}, loss {np.mean(losses[-100:]):.4f}")
    write(network, out)
    return steps


def _batch(films: list[Ground], random: np.random.Generator, device: str) -> tuple[Tensor, Tensor, Tensor]:
    pieces = [piece(films, random) for _ in range(BATCH)]

    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(p, name) for p in pieces])[:, None]).to(
            device, memory_format=torch.channels_last
        )

    return stacked("seen"), stacked("calcium"), stacked("weight")


def write(network: Network, out: Path) -> None:
    """Write the network as ONNX with free batch and image size."""
    network = network.cpu().eval()
    free = {0: "batch", 2: "rows", 3: "columns"}
    torch.onnx.export(
        network,
        (torch.zeros(1, 1, 64, 64),),
        str(out),
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": free, "logits": free},
        dynamo=False,
    )
