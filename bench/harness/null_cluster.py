"""Null servers in the place of PostgreSQL, so that nearly all that is measured is the proxy."""

import base64
import hashlib
import hmac
import os
import time
from pathlib import Path

from harness import processes
from harness.cluster import ROOT, Cluster
from harness.load import WARM_UP_S, Sample
from harness.programs import program, run_and_read

SCRAM_ITERATIONS = 4096


def scram_verifier(password):
    """As PostgreSQL stores it in pg_authid. Source: RFC 5802 and PostgreSQL docs, catalog-pg-authid."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, SCRAM_ITERATIONS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    salt, stored, server = (base64.b64encode(part).decode() for part in
                            (salt, hashlib.sha256(client_key).digest(), server_key))
    return f"SCRAM-SHA-256${SCRAM_ITERATIONS}:{salt}${stored}:{server}"


class NullCluster(Cluster):
    password = "bench"

    def __init__(self, directory):
        self.directory = directory
        self.running = []

    def start(self, options):
        server = program("null_server", self.directory)
        ports = [self._start_server(server, number) for number in range(1 + options.standbys)]
        self.primary_port, self.standby_ports = ports[0], ports[1:]
        binary = Path(os.environ.get("PGWEIR_BIN", ROOT / "build/release/pgweir"))
        if "pgweir" in options.targets and binary.exists():
            self._start_pgweir(binary, options)

    def stored_secret(self):
        return scram_verifier(self.password)

    def server_name(self):
        return "null server"

    def _start_server(self, server, number):
        log = self.directory / f"null{number}.log"
        process = processes.start([server, *(["--standby"] if number else [])], log)
        self.running.append(process)
        deadline = time.monotonic() + 10
        while not log.read_text().startswith("port "):
            if time.monotonic() > deadline:
                raise RuntimeError("bench_null_server does not start")
            time.sleep(0.05)
        return int(log.read_text().split()[1])

    def _start_pgweir(self, binary, options):
        self.pgweir_port = processes.free_port()
        home = self.directory / "pgweir"
        home.mkdir()
        (home / "users.txt").write_text(f'"{self.user}" "{self.password}"\n')
        nodes = ",".join(f"127.0.0.1:{port}" for port in [self.primary_port, *self.standby_ports])
        (home / "pgweir.toml").write_text("\n".join([
            'listen_address = "127.0.0.1"', f"port = {self.pgweir_port}",
            'http_address = "127.0.0.1"', f"http_port = {processes.free_port()}",
            f'unix_socket_dir = "{home}"', f'nodes = "{nodes}"', f'users_file = "{home}/users.txt"',
            f'monitor_user = "{self.user}"', f'monitor_password = "{self.password}"',
            f'monitor_database = "{self.database}"', f"pool_size = {options.pool_size}", ""]))
        processes.give_to_postgres(home)
        command = [binary, "--config", home / "pgweir.toml"]
        for setting in options.pgweir_set:
            command += ["--set", setting]
        self.pgweir_log = self.directory / "pgweir.log"
        process = processes.start(command, self.pgweir_log, **processes.as_postgres())
        self.running.append(process)
        self.pgweir_pid = process.pid

    def stop(self):
        for process in reversed(self.running):
            processes.stop(process)


class LoadClient:
    """What load.Pgbench is for real servers: bench_load_client, with the same methods."""

    def __init__(self, cluster, options, work_dir):
        self.cluster, self.options = cluster, options
        self.program = program("load_client", work_dir)

    def initialize(self):
        pass

    def _run(self, peer, mode, clients, *more):
        command = [self.program, "--conninfo", self.cluster.conninfo(peer.port),
                   "--connections", str(clients), "--mode", mode, *more]
        for pid in peer.pids:
            command += ["--proxy-pid", str(pid)]
        return run_and_read(command, self.cluster.environment())

    def measure(self, peer, mode, clients):
        figures, problem = self._run(peer, mode, clients, "--seconds", str(self.options.seconds),
                                     "--warm-up", str(WARM_UP_S))
        if problem:
            return Sample(problem=problem)
        return Sample(transactions=int(figures["queries"]), tps=figures["qps"],
                      latency_ms={p: figures[f"p{p}_us"] / 1000 for p in (50, 95, 99)},
                      user_us=figures.get("proxy_user_us_per_query", 0),
                      system_us=figures.get("proxy_system_us_per_query", 0))

    def count_system_calls(self, peer, mode, clients, calls):
        try:
            calls.start(peer.pids)
            figures, problem = self._run(peer, mode, clients, "--seconds", "1", "--warm-up", "0")
        finally:
            counts = calls.stop()
        return {} if problem else {name: count / figures["queries"]
                                   for name, count in counts.items()}
