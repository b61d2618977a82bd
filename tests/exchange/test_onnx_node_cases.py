"""The `onnx` package's own tests of its operators, run through the importer as a backend."""

import warnings
from typing import Any

import numpy as np
import pytest
from node_cases import EXCLUDED, applies

onnx = pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")


@pytest.fixture(scope="module")
def cases() -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy, while onnx makes its cases
        from onnx.backend.test.case.node import collect_testcases

        return collect_testcases(None)


def wrong(case: Any) -> str | None:
    """What is wrong with graphnet's answers to a case; None where they are right."""
    from graphnet.errors import GraphnetError
    from graphnet.exchange.backend import prepare

    for inputs, outputs in case.data_sets:
        try:
            found = prepare(case.model).run(inputs)
        except GraphnetError as e:
            return str(e)
        for mine, theirs in zip(found, outputs, strict=True):
            if mine.dtype != theirs.dtype or not np.allclose(
                mine, theirs, rtol=case.rtol, atol=case.atol, equal_nan=True
            ):
                return "other numbers"
    return None


def test_all_cases_that_apply_pass_but_those_with_a_reason(cases):
    """In onnx 1.23, 368 of 384."""
    found = {case.name: wrong(case) for case in cases if applies(case.model)}
    assert len(found) >= 384
    failed = {name for name, what in found.items() if what is not None}
    assert failed == {name for name in EXCLUDED if name in found}
    assert len(found) - len(failed) >= 330


def test_operators_beyond_the_list_pass_too(cases):
    """Those of the same families: another 336 cases in onnx 1.23."""
    from graphnet.exchange.importer.folding import FOLDS
    from graphnet.exchange.importer.operators import OPERATORS

    known = {*OPERATORS, *FOLDS}
    passed = 0
    for case in cases:
        nodes = case.model.graph.node
        if not applies(case.model) and all(n.op_type in known for n in nodes) and floats(case):
            passed += wrong(case) is None
    assert passed >= 330


def floats(case: Any) -> bool:
    """Whether the first input holds numbers of the types that graphnet computes in."""
    kinds = [i.type.tensor_type.elem_type for i in case.model.graph.input]
    return kinds[:1] in ([1], [11])
