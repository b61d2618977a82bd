"""The `onnx` package's own tests of its operators, run through the importer as a backend."""

import warnings
from typing import Any

import numpy as np
import pytest
from node_cases import applies

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


def test_the_cases_that_apply_pass(cases):
    found = {case.name: wrong(case) for case in cases if applies(case.model)}
    assert len(found) == 384
    passed = [name for name, what in found.items() if what is None]
    assert len(passed) >= 275
