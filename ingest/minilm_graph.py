"""Weights -> graph: all-MiniLM-L6-v2 for onnxruntime, its products of matrices in integers.

A BERT of six layers (Devlin et al., NAACL 2019) with the mean over its tokens at the end. Weights are rounded to 8 bits
by row of the matrix, tokens by row of the batch (LLM.int8's vector-wise scheme: Dettmers et al., NeurIPS 2022, without
its outliers), so that a text's vector does not hang on the texts beside it. Why so: docs/decisions/0004-fast-path.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

Array = NDArray[Any]
Weights = Mapping[str, Array]
"""By name, as published."""

TOKEN_IDS, VECTORS = "token_ids", "vectors"
"""Its input, int32, shape (texts, tokens), all texts of the same length; its output, of unit length."""

DIMENSION = 384
_LAYERS = 6
_HEADS = 12
_EPSILON = 1e-12
_OPSET = 20
_FORMAT = 10
"""ONNX of 2024, which onnxruntime reads since its version 1.18."""
_ORT = "com.microsoft"
"""Operators of onnxruntime itself: attention, and a product in integers told in float, each in one step."""


def build(weights: Weights) -> ModelProto:
    """The graph from TOKEN_IDS to VECTORS."""
    graph = _Graph(weights)
    state = graph.embedded()
    for layer in range(_LAYERS):
        state = graph.layer(state, f"encoder.layer.{layer}.")
    mean = graph.add("ReduceMean", state, graph.constant("token_axis", np.array([1])), keepdims=0)
    graph.add("LpNormalization", mean, axis=-1, p=2, outputs=[VECTORS])
    return graph.model()


class _Graph:
    """A graph in the making. Each method adds operators, and returns the name of what they yield."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, Array] = {}

    def add(self, operator: str, *inputs: str, outputs: list[str] | None = None, **attributes: Any) -> str:
        """One operator; the name of its first output."""
        outputs = outputs or [f"{operator}_{len(self._nodes)}"]
        self._nodes.append(helper.make_node(operator, list(inputs), outputs, **attributes))
        return outputs[0]

    def constant(self, name: str, value: Array) -> str:
        self._constants[name] = value
        return name

    def embedded(self) -> str:
        """The sum of each token's own vector and its position's."""
        words, positions, kinds = (
            self._weights[f"embeddings.{what}_embeddings.weight"] for what in ("word", "position", "token_type")
        )
        table = self.constant("words", words.astype(np.float16))  # a third of the file else, for nothing
        own = self.add("Cast", self.add("Gather", table, TOKEN_IDS), to=TensorProto.FLOAT)
        zero, one, two = (self.constant(str(n), np.array([n])) for n in range(3))
        tokens = self.add("Slice", self.add("Shape", TOKEN_IDS), one, two)
        place = self.add("Slice", self.constant("positions", (positions + kinds[0])[np.newaxis]), zero, tokens, one)
        return self.normal(self.add("Add", own, place), "embeddings.LayerNorm")

    def layer(self, state: str, prefix: str) -> str:
        """Attention, then two linear maps; each added to what came in, and normalised."""
        names = [f"{prefix}attention.self.{part}" for part in ("query", "key", "value")]
        parts = [f"{prefix}{part}" for part in ("query", "key", "value")]
        self.add("Split", self.linear(state, *names), outputs=parts, axis=2, num_outputs=3)
        seen = self.add("MultiHeadAttention", *parts, domain=_ORT, num_heads=_HEADS)
        seen = self.linear(seen, f"{prefix}attention.output.dense")
        state = self.normal(self.add("Add", seen, state), f"{prefix}attention.output.LayerNorm")
        wide = self.add("Gelu", self.linear(state, f"{prefix}intermediate.dense"))
        back = self.linear(wide, f"{prefix}output.dense")
        return self.normal(self.add("Add", back, state), f"{prefix}output.LayerNorm")

    def normal(self, state: str, name: str) -> str:
        scale, shift = self._constant(f"{name}.weight"), self._constant(f"{name}.bias")
        return self.add("LayerNormalization", state, scale, shift, axis=-1, epsilon=_EPSILON)

    def linear(self, state: str, *names: str) -> str:
        """`state` times the weights of these maps side by side, plus their biases."""
        weight = np.concatenate([self._weights[f"{name}.weight"] for name in names])
        bias = np.concatenate([self._weights[f"{name}.bias"] for name in names])
        whole, scale = rounded(weight)
        most = self.add("ReduceMax", self.add("Abs", state), self.constant("last_axis", np.array([-1])), keepdims=1)
        step = self.add("Mul", most, self.constant("1/127", np.array(1 / 127, np.float32)))
        unit = self.constant("unit", np.array(1, np.float32))
        middle = self.constant("middle", np.array(128, np.uint8))
        tokens = self.add("QuantizeLinear", self.add("Div", state, step), unit, middle)
        product = self.add(
            "MatMulIntegerToFloat",
            tokens,
            self.constant(f"{names[0]}.whole", whole.T),
            unit,
            self.constant(f"{names[0]}.scale", scale),
            middle,
            domain=_ORT,
        )
        return self.add("Add", self.add("Mul", product, step), self.constant(f"{names[0]}.bias", bias))

    def _constant(self, name: str) -> str:
        return self.constant(name, self._weights[name])

    def model(self) -> ModelProto:
        ids = helper.make_tensor_value_info(TOKEN_IDS, TensorProto.INT32, ["texts", "tokens"])
        vectors = helper.make_tensor_value_info(VECTORS, TensorProto.FLOAT, ["texts", DIMENSION])
        constants = [numpy_helper.from_array(np.asarray(v, order="C"), name) for name, v in self._constants.items()]
        graph = helper.make_graph(self._nodes, "all-MiniLM-L6-v2", [ids], [vectors], constants)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_ORT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_FORMAT)


def rounded(weight: Array) -> tuple[Array, Array]:
    """Rounds each row to whole numbers of at most 127, and neighbours of one sign to at most 128 together.

    The latter since processors without VNNI multiply two neighbours by bytes into 16 bits, which would overflow: so
    the integers are the same on every machine.

    Returns:
        The whole numbers, int8, of the shape of `weight`, and the step of each row.
    """
    pairs = weight.reshape(len(weight), -1, 2)
    together = np.where(pairs.prod(axis=2) > 0, np.abs(pairs.sum(axis=2)), 0)
    step = np.maximum(np.abs(weight).max(axis=1), together.max(axis=1)) / np.float32(127)
    return np.rint(weight / step[:, np.newaxis]).astype(np.int8), step.astype(np.float32)
