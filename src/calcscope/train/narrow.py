"""The network's way back up, worked out only around what is asked.

A U-Net that is asked about a few pixels needs all of its way down, for what lies far off, but of its way up,
which takes half of the time, no more than those pixels and two around them at each level. The pixels asked
come as two more inputs, ``first`` and ``last``; what it says of them is the same to the bit.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

LEVELS = 2
"""Levels whose way up is cut to size, the finest ones; the coarser ones cost next to nothing."""
STEP = 8
"""What is kept begins and ends at multiples of it, as pooling asks for."""


def narrowed(model: ModelProto) -> ModelProto:
    """The network with two more inputs.

    ``first`` and ``last`` are int64 (2,), row and column of the first pixel asked and behind the last,
    multiples of 8; ``logits`` holds those pixels alone.

    Parameters
    ----------
    model : with the input ``image``, its activations quantised one by one
    """
    narrow = ModelProto()
    narrow.CopyFrom(model)
    graph = _Graph(narrow)
    merges = [node for node in narrow.graph.node if node.op_type == "Concat"]  # from coarse to fine
    zero = graph.constant("zero", 0)
    corner: str | None = None
    for level in range(LEVELS - 1, -1, -1):
        # At each level two convolutions see two pixels further; rounded up to what pooling divides by.
        margin = graph.constant(f"margin_{level}", STEP * (1 + level))
        start = graph.add("Max", [graph.add("Sub", ["first", margin]), zero])
        end = graph.add("Add", ["last", margin])
        merge = merges[-1 - level]
        beside, below = merge.input
        size = graph.constant(f"pixel_{level}", 2**level)
        graph.cut(merge, beside, graph.add("Div", [start, size]), graph.add("Div", [end, size]))
        # What comes up from below is cut already, at the corner of the level below.
        resize = graph.before(graph.before(graph.maker(below)))
        coarse = graph.constant(f"coarse_{level}", 2 ** (level + 1))
        place = [start, end] if corner is None else [graph.add("Sub", [at, corner]) for at in (start, end)]
        graph.cut(resize, resize.input[0], *(graph.add("Div", [at, coarse]) for at in place))
        corner = start
    assert corner is not None
    output = graph.maker("logits")
    whole, output.output[0] = output.output[0], "logits_around"
    place = [graph.add("Sub", [at, corner]) for at in ("first", "last")]
    graph.new.append(helper.make_node("Slice", ["logits_around", *place, graph.axes], [whole]))
    narrow.graph.input.extend(
        helper.make_tensor_value_info(name, TensorProto.INT64, [2]) for name in ("first", "last")
    )
    graph.finish()
    onnx.checker.check_model(narrow)
    return narrow


class _Graph:
    """A graph to which nodes are added."""

    def __init__(self, model: ModelProto) -> None:
        self._graph = model.graph
        self._makers: dict[str, NodeProto] = {name: node for node in model.graph.node for name in node.output}
        self.new: list[NodeProto] = []
        self.axes = self.constant("axes", 2, 3)

    def maker(self, value: str) -> NodeProto:
        """The node that makes a value."""
        return self._makers[value]

    def before(self, node: NodeProto) -> NodeProto:
        """The node that makes the first input of another."""
        return self._makers[node.input[0]]

    def constant(self, name: str, *values: int) -> str:
        name = f"narrow_{name}"
        self._graph.initializer.append(numpy_helper.from_array(np.array(values, dtype=np.int64), name))
        return name

    def add(self, kind: str, inputs: list[str]) -> str:
        """A node; the name of what it makes."""
        name = f"narrow_{kind}_{len(self.new)}"
        self.new.append(helper.make_node(kind, inputs, [name], name=name))
        return name

    def cut(self, user: NodeProto, value: str, start: str, end: str) -> None:
        """Have a node use a part of a value in place of it: cut as whole numbers, made floats behind that."""
        floats = self._makers[value]
        assert floats.op_type == "DequantizeLinear"
        part = self.add("Slice", [floats.input[0], start, end, self.axes])
        name = self.add("DequantizeLinear", [part, *floats.input[1:]])
        place = list(user.input).index(value)
        user.input[place] = name

    def finish(self) -> None:
        """Put all nodes into an order in which each follows what it needs."""
        waiting = [*self._graph.node, *self.new]
        known = {"", *(one.name for one in self._graph.input), *(one.name for one in self._graph.initializer)}
        ordered: list[NodeProto] = []
        while waiting:
            ready = [node for node in waiting if all(name in known for name in node.input)]
            ordered += ready
            known |= {name for node in ready for name in node.output}
            waiting = [node for node in waiting if not any(node is one for one in ready)]
        del self._graph.node[:]
        self._graph.node.extend(ordered)
