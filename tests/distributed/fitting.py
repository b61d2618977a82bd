"""Run by ranks: `fit` from Python, with what a test asks for."""

import sys
import time

import graphnet as gn


def main(spec_path, out, *words):
    """words: `fast`; `resume`; `stop=RANK:STEP`, a rank that is told to stop; `hang=RANK`."""
    asked = dict(word.partition("=")[::2] for word in words)
    patience = 1.0 if "hang" in asked else 60.0
    ranks = gn.mpi_ranks("fast" if "fast" in asked else "tree", timeout=patience)
    spec = gn.read_spec(spec_path)
    net = gn.build(spec)
    steps = 0

    def step(progress):
        nonlocal steps
        steps += 1
        if asked.get("hang") == str(ranks.rank) and steps == 3:
            time.sleep(60)

    def stop():
        return asked.get("stop") == f"{ranks.rank}:{steps}"

    results = gn.fit(
        net,
        gn.load_data(spec),
        ranks=ranks,
        threads=1,
        on_step=step,
        should_stop=stop,
        out=out,
        resume="resume" in asked,
    )
    for result in results:
        sys.stdout.write(f"{ranks.rank} {result.epoch} {result.loss!r} {result.metrics}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except gn.GraphnetError as e:
        sys.stdout.write(f"{type(e).__name__}: {e}\n")
        sys.stdout.flush()
        if "hang" in " ".join(sys.argv):
            from mpi4py import MPI

            time.sleep(1)  # until the others have said it, too
            MPI.COMM_WORLD.Abort(3)
        raise SystemExit(e.exit_code) from None
