"""What idle clients cost a proxy: thousands of logins that then do nothing."""

import shutil
import subprocess

from harness import processes
from harness.cluster import ROOT


def program(directory):
    """bench_idle_clients: a build's own if it is newer than its source, else compiled here."""
    source = ROOT / "bench/load/idle_clients.cpp"
    newest = max(path.stat().st_mtime for path in [source, source.with_name("process_tree.hpp")])
    for built in ROOT.glob("build/*/bench/bench_idle_clients"):
        if built.stat().st_mtime > newest:
            return built
    compiler = next((found for name in ("clang++-19", "g++-14", "clang++", "g++")
                     if (found := shutil.which(name))), None)
    if not compiler:
        raise RuntimeError("no compiler for bench/load/idle_clients.cpp")
    out = directory / "bench_idle_clients"
    include = subprocess.run(["pg_config", "--includedir"], capture_output=True, text=True,
                             check=True).stdout.strip()
    subprocess.run([compiler, "-std=c++20", "-O2", f"-I{ROOT}", f"-I{include}", source, "-o", out,
                    "-lpq"], check=True)
    return out


def measure(peer, cluster, options, directory):
    """A dict of figures, or the reason as a string why there are none."""
    clients = min(options.idle_clients, peer.idle_clients or options.idle_clients)
    command = [program(directory), "--clients", str(clients), "--conninfo",
               f"host=127.0.0.1 port={peer.port} user={cluster.user} dbname={cluster.database} "
               "sslmode=disable gssencmode=disable"]
    for pid in peer.pids:
        command += ["--proxy-pid", str(pid)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, start_new_session=True,
                               env=cluster.environment())
    try:
        out, errors = process.communicate(timeout=600)
    finally:
        processes.stop(process)
    figures = {}
    for line in out.splitlines():
        name, _, value = line.partition(" ")
        figures[name] = float(value)
    if process.returncode:
        lines = (errors + out).strip().splitlines()
        return lines[0] if lines else f"ended with {process.returncode}"
    if peer.idle_clients:
        # One process a client, forked beforehand: what it has for itself is the client's.
        bytes_each = figures.get("unshared_bytes_per_process", float("nan"))
        how = "(unshared memory per process)"
    else:
        bytes_each, how = figures["rss_bytes_per_client"], "(RSS growth)"
    return {"clients": clients, "bytes": bytes_each, "how": how,
            "login_us": figures["proxy_cpu_us_per_login"]}
