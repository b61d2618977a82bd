"""What /openapi.json says is so: schemathesis makes requests from it, right and wrong ones."""

import base64

import numpy as np
import pytest
from asking import ROOT, ask, digits, get, png, served, service_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import graphnet as gn

schemathesis = pytest.importorskip("schemathesis")

EXAMPLES = 25
QUICK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def pictures(kind: str):
    side = st.integers(1, 20)
    return st.builds(
        lambda height, width, grey: png(np.full((height, width), grey), kind),
        side,
        side,
        st.integers(0, 255),
    )


schemathesis.openapi.media_type("image/png", pictures("PNG"))
schemathesis.openapi.media_type("image/jpeg", pictures("JPEG"))
schemathesis.openapi.format("picture", pictures("PNG").map(lambda b: base64.b64encode(b).decode()))


def trained(name: str):
    spec = gn.read_spec(ROOT / "models" / f"{name}.json")
    net = gn.build(spec, seed=0)
    net.prepare = gn.load_data(spec, ROOT / "models").prepare
    return net


MODELS = {
    "pictures": (digits, ()),
    # A schema cannot say which numbers are too large once they are standardised.
    "a table": (lambda: trained("iris"), ("positive_data_acceptance",)),
    "texts": (lambda: trained("char_lstm"), ()),
    "two pictures": (lambda: trained("two_inputs"), ()),
}


@pytest.mark.parametrize("name", MODELS)
def test_requests_made_from_the_description_are_answered_as_it_says(name):
    make, excluded = MODELS[name]
    checks = [check for check in schemathesis.checks.CHECKS.get_all() if check.__name__ in excluded]
    with served(make()) as found:
        host, port = found.address
        schema = schemathesis.openapi.from_url(f"http://{host}:{port}/openapi.json")
        paths = set()
        for operation in (one.ok() for one in schema.get_all_operations()):
            paths.add(operation.path)
            for mode in schemathesis.GenerationMode:
                if mode is schemathesis.GenerationMode.NEGATIVE and operation.path != "/predict":
                    continue  # it takes nothing that could be wrong

                @QUICK
                @given(operation.as_strategy(generation_mode=mode))
                def hold(case):
                    case.call_and_validate(excluded_checks=checks)

                hold()
        assert {"/", "/predict", "/healthz", "/metrics"} <= paths


def test_the_description_has_the_models_own_shapes_and_labels():
    (answer,) = ask(service_of(digits()), get("/openapi.json"))
    found = answer.json()
    assert found["openapi"] == "3.1.0"
    assert found["info"]["title"] == "digits"
    body = found["paths"]["/predict"]["post"]["requestBody"]["content"]
    assert set(body) == {"application/json", "image/png", "image/jpeg"}
    one, several = body["application/json"]["schema"]["anyOf"]
    flat, deep, picture = one["properties"]["x"]["anyOf"]
    assert (flat["maxItems"], flat["items"]["minItems"]) == (8, 8)
    assert flat["items"]["items"] == {"type": "integer", "minimum": 0, "maximum": 255}
    assert deep["items"]["items"]["maxItems"] == 1
    assert picture["contentEncoding"] == "base64"
    assert several["properties"]["x"]["anyOf"][0]["maxItems"] == 256
    label = found["components"]["schemas"]["Answer"]["properties"]["label"]
    assert label["enum"] == [str(i) for i in range(10)]
