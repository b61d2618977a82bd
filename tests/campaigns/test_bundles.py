"""No damaged bundle is taken for one, and what is accepted is what a writer would have written."""

import os

import pytest

from campaigns import bundles, corpus
from campaigns.bundles import CAMPAIGNS, batch, judged
from campaigns.guided import guided, is_there
from campaigns.mutations import Parts
from graphnet.bundle.model import network_of
from graphnet.bundle.reader import decode
from graphnet.bundle.writer import encode

pytestmark = pytest.mark.skipif(os.name != "posix", reason="this system bounds no process")
CASES = {
    "every bit": 40_000,
    "large bundles": 600,
    "mutated bytes": 5_000,
    "mutated structure": 4_000,
    "both readers": 4_000,
}
NAMED = {campaign.name: campaign for campaign in CAMPAIGNS}


def test_the_corpus_has_every_kind():
    assert len(corpus.small()) == 5
    assert all(len(data) <= 8 * 1024 for data in corpus.small().values())
    roles = {t.role for data in corpus.small().values() for t in decode(data).tensors.values()}
    assert roles == {"param", "state", "optimizer", "best"}
    assert decode(corpus.small()["table"]).prepare is not None
    assert network_of(decode(corpus.small()["convolution"])).history
    for data in (*corpus.small().values(), *corpus.large().values()):
        assert judged(data).kind == "accepted"
        assert judged(data, frozenset()).kind == "wrong"
    with corpus.short_chunks():
        assert len(Parts(corpus.small()["perceptron"]).payloads) == 4
        assert encode(decode(corpus.cut())) == corpus.cut()


@pytest.mark.parametrize("name", CASES)
def test_no_damage_is_accepted(name, monkeypatch):
    monkeypatch.setattr("campaigns.guided.is_there", lambda: False)
    result = NAMED[name].run(CASES[name], None)
    assert result.wrong == []
    assert result.cases >= CASES[name]
    assert len(result.verdicts) > 3


@pytest.mark.parametrize(
    ("name", "without", "cases"),
    [
        ("every bit", "crc", 2_000),
        ("large bundles", "crc", 60),
        ("mutated bytes", "crc", 1_000),
        ("mutated structure", "canonical", 300),
        ("mutated structure", "table", 1_000),
        ("both readers", "the same cases", 400),
    ],
)
def test_without_its_protection_damage_is_accepted(name, without, cases):
    assert without in NAMED[name].protections
    assert NAMED[name].run(cases, without).faults


def test_the_same_seed_gives_the_same_cases():
    job = {"kind": "structure", "seed": 3, "cases": 50, "without": None}
    assert batch(job) == batch(job)
    assert batch(job)["digest"] != batch({**job, "seed": 4})["digest"]


@pytest.mark.skipif(not is_there(), reason="atheris is not installed (the extra 'fuzz')")
@pytest.mark.parametrize("kind", ["bytes", "structure"])
def test_mutations_that_follow_what_they_reach(kind):
    result = guided(kind, 500)
    assert result.wrong == []
    assert result.cases == 500


def test_the_campaigns_have_the_counts_of_docs_security():
    assert NAMED["mutated bytes"].cases == 200_000
    assert NAMED["mutated structure"].cases == 100_000
    assert bundles.PAYLOAD_BYTES == 10_000
