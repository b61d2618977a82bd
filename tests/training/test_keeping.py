"""The files that a run leaves beside its output, and that no two runs have one output."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from campaigns.runs import OPTIMIZERS, network, pictures, trainer, values, whole
from graphnet.bundle import writer
from graphnet.bundle.model import load
from graphnet.bundle.reader import read_bundle
from graphnet.errors import CorruptBundleError, DivergedError, RunLockedError, SaveError
from graphnet.training.fitting import fit
from graphnet.training.keeping import Keeper, RunLock

ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(os.name != "posix", reason="this system removes no open file")


def names(folder):
    return sorted(os.listdir(folder))


def test_fit_leaves_the_bundle_alone_when_it_is_done(tmp_path):
    out, seen = tmp_path / "m", []
    for _ in fit(network(values()), pictures(), out=out):
        seen.append(names(tmp_path))
    first = [".m.lock", "m.checkpoint"]
    assert seen == [first, [*first, "m.checkpoint.previous"], [*first, "m.checkpoint.previous"]]
    assert names(tmp_path) == ["m"]
    assert out.read_bytes() == whole(values(), pictures())


def test_the_previous_checkpoint_is_that_of_the_epoch_before(tmp_path):
    for i, _ in enumerate(fit(network(values()), pictures(), out=tmp_path / "m"), 1):
        assert f'"epoch":{i},"epochs":{i}' in read_bundle(tmp_path / "m.checkpoint").train
        if i > 1:
            before = read_bundle(tmp_path / "m.checkpoint.previous").train
            assert f'"epoch":{i - 1},"epochs":{i - 1}' in before


def test_fit_goes_on_from_either_checkpoint(tmp_path):
    out = tmp_path / "m"
    for which, epochs in ((True, [3]), ("previous", [2, 3])):
        run = fit(network(values()), pictures(), out=out)
        assert [next(run).epoch, next(run).epoch] == [1, 2]
        run.close()
        assert names(tmp_path) == ["m.checkpoint", "m.checkpoint.previous"]
        again = fit(network(values()), pictures(), out=out, resume=which)
        assert [result.epoch for result in again] == epochs
        assert names(tmp_path) == ["m"]
        assert out.read_bytes() == whole(values(), pictures())
        out.unlink()


def test_seconds_and_steps_write_checkpoints_too(tmp_path):
    written, save = [], writer.write_bundle
    with pytest.MonkeyPatch.context() as patch:
        from graphnet.training import checkpoint

        patch.setattr(checkpoint, "write_bundle", lambda *a: written.append(1) or save(*a))
        list(fit(network(values()), pictures(), out=tmp_path / "m", checkpoint_every=0))
        assert len(written) == 15 + 3
        written.clear()
        list(fit(network(values()), pictures(), out=tmp_path / "m", checkpoint_every=1e6))
        assert len(written) == 3


def test_a_run_that_was_told_to_stop_leaves_a_checkpoint(tmp_path):
    done = []
    spec = values()
    for _ in fit(
        network(values()),
        pictures(),
        out=tmp_path / "m",
        on_step=done.append,
        should_stop=lambda: len(done) == 7,
    ):
        pass
    assert names(tmp_path) == ["m.checkpoint", "m.checkpoint.previous"]
    assert '"epoch":2,"epochs":1' in read_bundle(tmp_path / "m.checkpoint").train
    list(fit(network(values()), pictures(), out=tmp_path / "m", resume=True))
    assert (tmp_path / "m").read_bytes() == whole(spec, pictures())


def test_a_run_that_could_be_gone_on_with_is_not_lost(tmp_path):
    run = fit(network(values()), pictures(), out=tmp_path / "m")
    next(run)
    run.close()
    says = "holds a run that has not ended: resume=True goes on with it, removing it begins anew"
    for name in ("m.checkpoint", "m.checkpoint.previous"):
        if name != "m.checkpoint":
            (tmp_path / "m.checkpoint").rename(tmp_path / name)
        with pytest.raises(SaveError, match=f"{name}: {says}"):
            next(fit(network(values()), pictures(), out=tmp_path / "m"))


def test_what_is_not_there_cannot_be_gone_on_from(tmp_path):
    with pytest.raises(SaveError, match=r"m\.checkpoint: there is no checkpoint to go on from$"):
        next(fit(network(values()), pictures(), out=tmp_path / "m", resume=True))
    assert names(tmp_path) == []


def test_a_damaged_newest_checkpoint_is_named_and_the_one_before_used_when_asked_for(tmp_path):
    run = fit(network(values()), pictures(), out=tmp_path / "m")
    assert [next(run).epoch, next(run).epoch] == [1, 2]
    run.close()
    newest = tmp_path / "m.checkpoint"
    data = bytearray(newest.read_bytes())
    data[-1] ^= 1
    newest.write_bytes(data)
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    with pytest.raises(CorruptBundleError) as caught:
        next(fit(network(values()), pictures(), out=tmp_path / "m", resume=True))
    assert str(caught.value).startswith(f"{newest}: the checksum of tensor ")
    assert str(caught.value).endswith(f"; --resume=previous goes on from {newest}.previous")
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before
    again = fit(network(values()), pictures(), out=tmp_path / "m", resume="previous")
    assert next(again).epoch == 2
    # What is damaged never takes the place of what is not.
    assert (tmp_path / "m.checkpoint.previous").read_bytes() == before["m.checkpoint.previous"]
    assert [result.epoch for result in again] == [3]
    assert (tmp_path / "m").read_bytes() == whole(values(), pictures())


def test_a_file_system_without_second_names_keeps_both(tmp_path, monkeypatch):
    def refuse(*paths):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    run = fit(network(values()), pictures(), out=tmp_path / "m")
    assert [next(run).epoch, next(run).epoch] == [1, 2]
    run.close()
    assert names(tmp_path) == ["m.checkpoint", "m.checkpoint.previous"]
    list(fit(network(values()), pictures(), out=tmp_path / "m", resume=True))
    assert names(tmp_path) == ["m"]


def test_divergence_leaves_the_last_good_checkpoint(tmp_path):
    spec = values(schedule={"type": "Constant"}, optimizer={"type": "SGD", "lr": 0.05})
    net = network(spec)
    run = fit(net, pictures(), out=tmp_path / "m", checkpoint_every=0)
    next(run)
    before = (tmp_path / "m.checkpoint").read_bytes()
    net.params["scores/W"][...] = float("nan")
    with pytest.raises(DivergedError, match=r"\(epoch 2, step 1\)"):
        list(run)
    assert (tmp_path / "m.checkpoint").read_bytes() == before
    assert names(tmp_path) == ["m.checkpoint", "m.checkpoint.previous"]


def test_a_full_disk_ends_the_run_and_leaves_what_can_be_gone_on_with(tmp_path, monkeypatch):
    import errno

    run = fit(network(values()), pictures(), out=tmp_path / "m")
    next(run)
    before = (tmp_path / "m.checkpoint").read_bytes()

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(SaveError, match=r"m\.checkpoint: cannot be saved: No space left"):
            next(run)
    assert (tmp_path / "m.checkpoint").read_bytes() == before
    list(fit(network(values()), pictures(), out=tmp_path / "m", resume=True))
    assert (tmp_path / "m").read_bytes() == whole(values(), pictures())


def test_a_bundle_that_cannot_be_saved_leaves_the_last_checkpoint(tmp_path):
    run = fit(network(values()), pictures(), out=tmp_path / "m")
    assert [next(run).epoch for _ in range(3)] == [1, 2, 3]
    (tmp_path / "m").mkdir()
    with pytest.raises(SaveError, match="is a folder"):
        list(run)
    (tmp_path / "m").rmdir()
    assert list(fit(network(values()), pictures(), out=tmp_path / "m", resume=True)) == []
    assert (tmp_path / "m").read_bytes() == whole(values(), pictures())


def test_a_second_run_of_one_output_is_locked_out(tmp_path):
    out = tmp_path / "m"
    run = fit(network(values()), pictures(), out=out)
    next(run)
    (tmp_path / "link").symlink_to(out)
    for name in ("m", "link"):
        with pytest.raises(RunLockedError) as caught:
            next(fit(network(values()), pictures(), out=tmp_path / name, resume=True))
        by = f"another run writes it (process {os.getpid()}); wait for it"
        assert str(caught.value).startswith(f"{tmp_path / name}: {by}")
    next(fit(network(values()), pictures(), out=tmp_path / "other"))
    list(run)
    assert out.read_bytes() == whole(values(), pictures())


@posix
def test_a_run_that_was_killed_locks_nobody_out(tmp_path):
    code = (
        "import os, sys\n"
        "from graphnet.training.keeping import RunLock\n"
        "RunLock(sys.argv[1]).take()\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "m"], cwd=ROOT, check=False)
    assert names(tmp_path) == [".m.lock"]
    lock = RunLock(str(tmp_path / "m"))
    lock.take()
    lock.release()
    assert names(tmp_path) == []


@posix
def test_of_many_that_want_the_lock_one_has_it(tmp_path):
    holders, faults = [], []

    def want():
        for _ in range(200):
            lock = RunLock(str(tmp_path / "m"))
            try:
                lock.take()
            except RunLockedError:
                continue
            holders.append(1)
            if len(holders) != 1:
                faults.append(len(holders))
            holders.pop()
            lock.release()

    threads = [threading.Thread(target=want) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert names(tmp_path) == []


@posix
def test_a_link_in_the_locks_place_is_not_followed(tmp_path):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / ".m.lock").symlink_to("precious")
    with pytest.raises(SaveError, match="cannot be locked"):
        RunLock(str(tmp_path / "m")).take()
    assert (tmp_path / "precious").read_text() == "precious"


def test_temporaries_of_killed_checkpoints_are_cleared(tmp_path):
    for name in ("m.checkpoint", "m.checkpoint.previous"):
        (tmp_path / f".{name}.0123456789abcdef.tmp").write_text("left")
        os.utime(tmp_path / f".{name}.0123456789abcdef.tmp", (0, 0))
    list(fit(network(values()), pictures(), out=tmp_path / "m"))
    assert names(tmp_path) == ["m"]


def test_checkpoints_change_no_bit_of_what_is_trained(tmp_path):
    spec = values(optimizer=OPTIMIZERS["Adam"])
    list(fit(network(spec), pictures(), out=tmp_path / "m", checkpoint_every=0))
    assert (tmp_path / "m").read_bytes() == whole(spec, pictures())
    assert load(tmp_path / "m").history[2]["epoch"] == 3


def test_a_keeper_keeps_the_run_of_a_trainer(tmp_path):
    run = trainer(values(), pictures(), 3)
    with Keeper(tmp_path / "m") as keeper:
        list(run.run())
        keeper.save(run)
        keeper.save(run)
        assert Path(keeper.newest).read_bytes() == Path(keeper.previous).read_bytes()
        keeper.remove()
    assert names(tmp_path) == []
