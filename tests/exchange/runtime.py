"""onnxruntime, as the tests of the exchange ask it."""

import numpy as np
import pytest


def run(message, x: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The scores of onnxruntime, by output."""
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = runtime.InferenceSession(
        message.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    given = {i.name: x[i.name] for i in session.get_inputs() if i.name in x}
    found = session.run(None, given)
    return {out.name: array for out, array in zip(session.get_outputs(), found, strict=True)}
