"""Weights -> graph: all-MiniLM-L6-v2 for onnxruntime, its products of matrices in integers.

A BERT of six layers (Devlin et al., NAACL 2019) with the mean over its tokens at the end. Weights are rounded to 8 bits
by row of the matrix, tokens by row of the batch, so that a text's vector does not hang on the texts beside it. A few
dimensions reach far further than all others; part of their reach is moved from the tokens to the weights first
(SmoothQuant: Xiao et al., ICML 2023). Why so: docs/decisions/0004-fast-path.md.
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

EVENED = tuple(
    f"encoder.layer.{layer}.{part}"
    for layer in range(_LAYERS)
    for part in ("attention.self.query", "intermediate.dense")
)
"""The linear maps whose input has dimensions that reach further than others."""
_LEAST_GELU = -0.17
"""The function's least value, rounded down."""


def build(weights: Weights, reach: Weights | None) -> ModelProto:
    """The graph from TOKEN_IDS to VECTORS.

    Args:
        weights: As published.
        reach: The greatest magnitude of each dimension of the input of each map in EVENED. Without it the graph
            computes in float32, and yields those inputs too, under the maps' names.
    """
    graph = _Graph(weights, reach)
    state = graph.embedded()
    for layer in range(_LAYERS):
        state = graph.layer(state, f"encoder.layer.{layer}.")
    mean = graph.add("ReduceMean", state, graph.constant("token_axis", np.array([1])), keepdims=0)
    graph.add("LpNormalization", mean, axis=-1, p=2, outputs=[VECTORS])
    return graph.model()


class _Graph:
    """A graph in the making. Each method adds operators, and returns the name of what they yield."""

    def __init__(self, weights: Weights, reach: Weights | None) -> None:
        self._weights, self._reach = weights, reach
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
        back = self.linear(wide, f"{prefix}output.dense", least=_LEAST_GELU)
        return self.normal(self.add("Add", back, state), f"{prefix}output.LayerNorm")

    def normal(self, state: str, name: str) -> str:
        scale, shift = self._constant(f"{name}.weight"), self._constant(f"{name}.bias")
        return self.add("LayerNormalization", state, scale, shift, axis=-1, epsilon=_EPSILON)

    def linear(self, state: str, *names: str, least: float | None = None) -> str:
        """`state`, nowhere below `least`, times the weights of these maps side by side, plus their biases."""
        name = names[0]
        weight = np.concatenate([self._weights[f"{map_name}.weight"] for map_name in names])
        bias = np.concatenate([self._weights[f"{map_name}.bias"] for map_name in names])
        if self._reach is None:
            if name in EVENED:
                self.add("Identity", state, outputs=[name])
            product = self.add("MatMul", state, self.constant(f"{name}.weight", weight.T))
        else:
            if name in EVENED:
                share = evened(self._reach[name], weight)
                state, weight = self.add("Div", state, self.constant(f"{name}.share", share)), weight * share
            product, removed = self.rounded_product(state, name, weight, least)
            bias = bias + removed
        return self.add("Add", product, self.constant(f"{name}.bias", bias.astype(np.float32)))

    def rounded_product(self, state: str, name: str, weight: Array, least: float | None) -> tuple[str, Array]:
        """`state`, less `least` if that is given, times `weight`, in integers; and what that removes of each sum."""
        whole, scale = rounded(weight)
        middle, span = (128, 127) if least is None else (0, 255)
        if least is not None:
            state = self.add("Sub", state, self.constant("least", np.array(least, np.float32)))
        size = self.add("Abs", state) if least is None else state
        most = self.add("ReduceMax", size, self.constant("last_axis", np.array([-1])), keepdims=1)
        step = self.add("Mul", most, self.constant(f"1/{span}", np.array(1 / span, np.float32)))
        unit = self.constant("unit", np.array(1, np.float32))
        zero = self.constant(f"byte_{middle}", np.array(middle, np.uint8))
        tokens = self.add("QuantizeLinear", self.add("Div", state, step), unit, zero)
        factors = self.constant(f"{name}.whole", whole.T), unit, self.constant(f"{name}.scale", scale), zero
        product = self.add("MatMulIntegerToFloat", tokens, *factors, domain=_ORT)
        return self.add("Mul", product, step), (least or 0.0) * scale * whole.sum(axis=1)

    def _constant(self, name: str) -> str:
        return self.constant(name, self._weights[name])

    def model(self) -> ModelProto:
        ids = helper.make_tensor_value_info(TOKEN_IDS, TensorProto.INT32, ["texts", "tokens"])
        vectors = helper.make_tensor_value_info(VECTORS, TensorProto.FLOAT, ["texts", DIMENSION])
        constants = [numpy_helper.from_array(np.asarray(v, order="C"), name) for name, v in self._constants.items()]
        states: list[str | int | None] = ["texts", "tokens", DIMENSION]
        inputs = [] if self._reach else [helper.make_tensor_value_info(n, TensorProto.FLOAT, states) for n in EVENED]
        graph = helper.make_graph(self._nodes, "all-MiniLM-L6-v2", [ids], [vectors, *inputs], constants)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_ORT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_FORMAT)


def some_tokens() -> Array:
    """Texts to learn the reach of dimensions from: words of the vocabulary, evenly spread, shape (4, 256), int32.

    Which dimensions reach far does not hang on the text: measured with real ones, the vectors are as good.
    """
    words = np.linspace(1_000, 30_000, 4 * 254).astype(np.int32).reshape(4, 254)
    first, last = np.full((4, 1), 101, np.int32), np.full((4, 1), 102, np.int32)
    return np.concatenate([first, words, last], axis=1)


def evened(reach: Array, weight: Array) -> Array:
    """By how much to divide each dimension of the input, and multiply its weights, to make both easy to round."""
    share = np.sqrt(reach / np.abs(weight).max(axis=0))
    even: Array = (share / np.median(share)).astype(np.float32)
    return even


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
