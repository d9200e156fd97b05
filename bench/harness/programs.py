"""The compiled programs of bench/load: a build's own, or compiled here."""

import shutil
import subprocess

from harness import processes
from harness.cluster import ROOT, tail


def program(name, directory):
    """bench_NAME: of a CMake build if it is newer than the sources, else compiled into `directory`."""
    source = ROOT / f"bench/load/{name}.cpp"
    newest = max(path.stat().st_mtime for path in [source, *source.parent.glob("*.hpp")])
    for built in ROOT.glob(f"build/release/bench/bench_{name}"):
        if built.stat().st_mtime > newest:
            return built
    out = directory / f"bench_{name}"
    if out.exists():
        return out
    compiler = next((found for one in ("clang++-19", "g++-14", "clang++", "g++")
                     if (found := shutil.which(one))), None)
    if not compiler:
        raise RuntimeError(f"no compiler for {source}")
    include = subprocess.run(["pg_config", "--includedir"], capture_output=True, text=True,
                             check=True).stdout.strip()
    command = [compiler, "-std=c++20", "-O2", f"-I{ROOT}", f"-I{include}", source, "-o", out, "-lpq", "-lssl", "-lcrypto"]
    log = directory / f"{name}.log"
    process = processes.start(command, log)
    try:
        if process.wait():
            raise RuntimeError("\n".join([f"{source} does not compile:", *tail(log)]))
    finally:
        processes.stop(process)
    out.chmod(0o755)
    return out


def run_and_read(command, environment, timeout_s=600):
    """({name: value} from its "name value" lines, "") or ({}, what went wrong)."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, start_new_session=True,
                               env=environment)
    try:
        out, errors = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return {}, f"no end within {timeout_s} s"
    finally:
        processes.stop(process)
    if process.returncode:
        lines = (errors + out).strip().splitlines()
        return {}, lines[0] if lines else f"ended with {process.returncode}"
    pairs = (line.split(" ", 1) for line in out.splitlines() if " " in line)
    return {name: float(value) for name, value in pairs}, ""
