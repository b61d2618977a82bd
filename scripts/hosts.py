"""Run a command over several hosts that are not there: network namespaces of this machine.

    sudo .venv/bin/python scripts/hosts.py .venv/bin/mpiexec -hosts a,b,c -n 3 COMMAND

Each host has a name, an address, an interface and processes of its own, and shares the files of
this machine, but no memory: what ranks on two of them tell each other crosses a virtual cable and
a switch (veth, bridge). The command runs on host a. mpiexec starts ranks on the others by what it
takes for ssh; `mpiexec -hosts` of MPICH and `mpiexec --host` of Open MPI need no settings.

Everything is in namespaces without names on this machine, so the kernel takes it away with the
last process, however that ends. Linux alone has such namespaces, and root alone may make them.
Exit code: that of the command; 2 where there can be no hosts.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from string import ascii_lowercase
from types import FrameType
from typing import NoReturn

FOLDER = Path("/run/netns")
"""Where `ip netns` keeps names; seen from inside, a folder in memory of this run alone."""
AGENT = FOLDER / ".ssh"
PRIVATE = ("unshare", "--mount", "--net", "--uts", "--propagation", "private")
HOST = ("unshare", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc")
TOOLS = {"ip": "iproute2", "tc": "iproute2", "unshare": "util-linux", "setpriv": "util-linux"}
ENTER = 'mount -t tmpfs none /dev/shm && hostname "$0" && '
# The shell stays: as the first process of a host it ends what is left of the others with itself.
RUN = ENTER + '{ "$@"; exit $?; }'
RUN_TEXT = ENTER + '{ sh -c "$*"; exit $?; }'
SSH = f"""#!/bin/sh
# ssh, as far as mpiexec asks for it: [-x]... HOST COMMAND
while case $1 in -*) true;; *) false;; esac; do shift; done
host=$1; shift
exec ip netns exec "$host" {" ".join(HOST)} sh -c '{RUN_TEXT}' "$host" "$@"
"""
LAUNCH = {
    # MPICH
    "HYDRA_LAUNCHER": "ssh",
    "HYDRA_LAUNCHER_EXEC": str(AGENT),
    # Open MPI 5, and its question whether root is meant
    "PRTE_MCA_plm_ssh_agent": str(AGENT),
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="hosts.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="At the end it says how many bytes each host sent and received.",
    )
    parser.add_argument("--hosts", type=int, default=3, metavar="N", help="default: 3 (a, b, c)")
    parser.add_argument("--rate", help="of each cable in each direction, as tc has it: 1gbit")
    parser.add_argument("--latency", help="of each cable, one way, as tc has it: 50us")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("command", nargs=argparse.REMAINDER, help="runs on host a")
    args = parser.parse_args()
    if args.command[:1] == ["--"]:
        del args.command[0]
    if not args.command:
        parser.error("which command? for example: mpiexec -hosts a,b,c -n 3 hostname")
    if not 2 <= args.hosts <= len(ascii_lowercase):
        parser.error(f"--hosts: 2 to {len(ascii_lowercase)}, not {args.hosts}")
    if not args.inside:
        begin()
    names = list(ascii_lowercase[: args.hosts])
    build(names, args.rate, args.latency)
    code = run(names[0], args.command)
    say_traffic(names)
    return code


def begin() -> NoReturn:
    """This script again, in namespaces of its own."""
    if sys.platform != "linux":
        stop("hosts are made of network namespaces, which Linux alone has")
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            stop(f"{tool!r} is not here: it is in the package {package}")
    if os.geteuid() != 0:
        stop("root alone may make network namespaces: sudo it")
    tried = subprocess.run([*PRIVATE, "true"], capture_output=True, text=True)
    if tried.returncode:
        stop(f"no namespaces can be made here, in a container perhaps: {tried.stderr.strip()}")
    os.execvp(PRIVATE[0], [*PRIVATE, sys.executable, __file__, "--inside", *sys.argv[1:]])


def build(names: list[str], rate: str | None, latency: str | None) -> None:
    """The hosts, each with a cable to one switch, and what leads mpiexec to them."""
    FOLDER.mkdir(exist_ok=True)
    tool("mount", "-t", "tmpfs", "none", str(FOLDER))
    ip("link set lo up")
    ip("link add name switch type bridge")
    ip("link set switch up")
    known = ["127.0.0.1 localhost"]
    for i, name in enumerate(names, 1):
        ip(f"netns add {name}")
        ip(f"link add name cable-{name} type veth peer name eth0 netns {name}")
        ip(f"link set dev cable-{name} master switch up")
        ip(f"-n {name} address add 10.77.0.{i}/24 dev eth0")
        ip(f"-n {name} link set eth0 up")
        ip(f"-n {name} link set lo up")
        # Away from the host, the delay; in both directions, the rate.
        limit(["-n", name], "eth0", rate, latency)
        limit([], f"cable-{name}", rate, None)
        known.append(f"10.77.0.{i} {name}")
    (FOLDER / ".hosts").write_text("\n".join([*known, ""]), encoding="ascii")
    tool("mount", "--bind", str(FOLDER / ".hosts"), "/etc/hosts")
    AGENT.write_text(SSH, encoding="ascii")
    AGENT.chmod(0o755)


def limit(where: list[str], device: str, rate: str | None, latency: str | None) -> None:
    """Slow one end of a cable down."""
    add = ["tc", *where, "qdisc", "add", "dev", device]
    place = ["root", "handle", "1:"]
    if latency:
        # The limit: packets that are on their way.
        tool(*add, *place, "netem", "delay", latency, "limit", "100000", needs="netem")
        place = ["parent", "1:1", "handle", "10:"]
    if rate:
        # A burst of a few large segments, as a network card takes them from the kernel.
        queue = ("tbf", "rate", rate, "burst", "256kb", "latency", "50ms")
        tool(*add, *place, *queue, needs="tbf")


def run(host: str, command: list[str]) -> int:
    """The exit code of a command on a host; signals go on to it."""
    enter = ["ip", "netns", "exec", host, *HOST, "sh", "-c", RUN, host]
    # Should this process be killed, so is the host, and with it everything else.
    words = ["setpriv", "--pdeathsig", "KILL", *enter, *command]
    child = subprocess.Popen(words, env={**os.environ, **LAUNCH}, start_new_session=True)

    def forward(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)
    code = child.wait()
    return code if code >= 0 else 128 - code


def say_traffic(names: list[str]) -> None:
    """What crossed the cables, as their ends at the switch counted it."""
    for name in names:
        shown = tool("ip", "-json", "-statistics", "link", "show", "dev", f"cable-{name}")
        count = json.loads(shown)[0]["stats64"]
        sent, received = count["rx"]["bytes"], count["tx"]["bytes"]
        print(f"host {name}: {sent:,} bytes sent, {received:,} received", file=sys.stderr)


def ip(words: str) -> None:
    tool("ip", *words.split())


def tool(*words: str, needs: str = "") -> str:
    """What a tool of the system says; the end where it cannot do it. needs: a module of Linux."""
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        remedy = f"; does this Linux have sch_{needs}?" if needs else ""
        stop(f"{' '.join(words)}: {' '.join(done.stderr.split()) or 'failed'}{remedy}")
    return done.stdout


def stop(why: str) -> NoReturn:
    print(f"hosts.py: {why}", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    sys.exit(main())
