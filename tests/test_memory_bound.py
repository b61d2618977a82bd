"""How much memory there is, and that what needs more is refused before it is taken."""

import sys

import pytest

import graphnet as gn
from graphnet import memory
from graphnet.builder import build
from graphnet.cli.common import nbytes
from graphnet.errors import BundleLimitError, SpecLimitError
from graphnet.plan import Plan
from graphnet.training.fitting import fit


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Control groups as files: groups(lines of /proc/self/cgroup, {file: text})."""

    def make(lines, files):
        (tmp_path / "cgroup").write_text("".join(f"{line}\n" for line in lines))
        for name, text in files.items():
            file = tmp_path / "fs" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n")
        monkeypatch.setattr(memory, "CGROUPS", tmp_path / "fs")
        monkeypatch.setattr(memory, "MEMBERSHIP", tmp_path / "cgroup")
        memory.machine_bytes.cache_clear()
        return memory.machine_bytes()

    yield make
    memory.machine_bytes.cache_clear()


@pytest.mark.skipif(sys.platform == "win32", reason="this system does not tell")
def test_the_machine_has_what_its_system_says():
    import os

    assert (
        2**20 < memory.machine_bytes() <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    )


def test_a_control_group_and_those_above_it_bound_it(groups):
    everything = groups([], {})
    assert groups(["0::/a/b"], {"a/memory.max": 4096, "a/b/memory.max": "max"}) == 4096
    assert groups(["0::/a/b"], {"a/b/memory.max": 1024}) == 1024
    # Within a container the path is that of the outside.
    assert groups(["0::/outside/x"], {"memory.max": 2048}) == 2048
    assert groups(["0::/a/b"], {f"{p}memory.max": "max" for p in ("", "a/", "a/b/")}) == everything


def test_a_control_group_of_version_1_bounds_it(groups):
    lines = ["5:cpu,cpuacct:/a", "4:memory:/a", "1:name=systemd:/"]
    assert groups(lines, {"memory/a/memory.limit_in_bytes": 8192}) == 8192


def test_a_system_that_does_not_tell_refuses_nothing(monkeypatch):
    monkeypatch.setattr(memory, "machine_bytes", lambda: None)
    memory.require(2**80, "it")


def test_what_needs_more_is_refused_with_both_numbers_and_a_way_out(monkeypatch):
    monkeypatch.setattr(memory, "machine_bytes", lambda: 10**9)
    memory.require(10**9, "m.json: a step")
    with pytest.raises(SpecLimitError) as caught:
        memory.require(10**9 + 1, "m.json: a step", remedy="a smaller batch")
    assert str(caught.value) == (
        "m.json: a step needs 1,000,000,001 bytes of memory, more than the 1,000,000,000 that this "
        "machine has; a smaller batch needs less, a higher limit (--memory) allows it"
    )
    with pytest.raises(SpecLimitError, match="more than the 5 that are allowed"):
        memory.require(6, "it", 5)
    assert caught.value.exit_code == BundleLimitError.exit_code == 4


@pytest.mark.parametrize(
    ("text", "found"),
    [
        *(("1", 1), ("1000B", 1000), ("2GB", 2 * 10**9), ("2G", 2 * 10**9), ("1.5GiB", 3 * 2**29)),
        *(("512MiB", 2**29), ("3kB", 3000), ("1 TB", 10**12), ("0.5K", 500), ("2gb", 2 * 10**9)),
    ],
)
def test_amounts_of_memory(text, found):
    assert nbytes(text) == found


@pytest.mark.parametrize(
    "text",
    ["", "0", "-1", "GB", "2XB", "1e9", "nan", "inf", "2GB2", "٣GB", "1" * 30, "0x10", "1_0"],
)
def test_what_is_no_amount(text):
    import argparse

    with pytest.raises(argparse.ArgumentTypeError, match="is no amount of memory: 2GB, 512MiB"):
        nbytes(text)


def test_a_network_is_refused_before_its_weights_are_made(model, monkeypatch):
    spec = model("digits")
    need = Plan(build(spec).graph).network_bytes()
    build(spec, memory=need)
    monkeypatch.setattr("graphnet.builder._fresh", lambda *a: pytest.fail("weights were made"))
    with pytest.raises(SpecLimitError, match=f"to compute one sample needs {need:,} bytes"):
        build(spec, memory=need - 1)


def test_a_bundle_is_refused_by_what_its_network_would_take(model, tmp_path):
    net = build(model("digits"))
    gn.save(tmp_path / "m", net)
    need = Plan(net.graph).network_bytes()
    gn.load(tmp_path / "m", memory=need)
    with pytest.raises(BundleLimitError) as caught:
        gn.load(tmp_path / "m", memory=need - 1)
    assert str(caught.value).startswith(f"{tmp_path / 'm'}: digits: to compute one sample needs ")


def test_training_is_refused_by_the_batch_that_the_data_fill(model):
    net, data = build(model("digits")), gn.load_data(model("digits"))
    need = Plan(net.graph).step_bytes(50)
    next(fit(net, data, memory=need))
    with pytest.raises(SpecLimitError, match=r"a training step of batch 50 .* train\.batch_size"):
        fit(net, data, memory=need - 1)
    wide = net.spec.model_copy(
        update={"train": net.spec.train.model_copy(update={"batch_size": 2**31 - 1})}
    )
    with pytest.raises(SpecLimitError, match="a training step of batch 1,437 needs"):
        fit(build(wide), data, memory=need)


def test_the_quick_bound_is_never_below_the_plan(model):
    for name in ("digits", "residual", "char_lstm", "tiny_transformer", "mnist_deep", "apple"):
        graph = build(model(name)).graph
        assert graph.nbytes >= Plan(graph).network_bytes() - 4096 * len(graph.nodes)
