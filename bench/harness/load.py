"""One run of pgbench against one peer, and what it showed."""

import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field

from harness import processes
from harness.cluster import newest_postgresql

WARM_UP_S = 0.5
START_PATIENCE_S = 60
PERCENTILES = (50, 95, 99)


@dataclass
class Sample:
    """Of the measured window only: logins, the first half second and the end are outside it."""

    transactions: int = 0
    failed: int = 0
    tps: float = 0.0
    latency_ms: dict = field(default_factory=dict)  # percentile -> ms
    user_us: float = 0.0  # of the proxy, per transaction
    system_us: float = 0.0
    problem: str = ""  # why there is no figure

    @property
    def cpu_us(self):
        return self.user_us + self.system_us


class Pgbench:
    def __init__(self, cluster, options, work_dir):
        self.cluster, self.options, self.work_dir = cluster, options, work_dir
        where = options.pg_bin or newest_postgresql()
        self.program = f"{where}/pgbench"

    def initialize(self):
        """Fills the tables and waits until every standby has them."""
        self._check(self._command(self.cluster.primary_port, "-i", "-q", "-s",
                                  str(self.options.scale)))
        done = self.cluster.psql("select pg_current_wal_lsn()")
        deadline = time.monotonic() + 120
        behind = f"select coalesce(pg_last_wal_replay_lsn() < '{done}', true)"
        for port in self.cluster.standby_ports:
            while self.cluster.psql(behind, port) == "t":
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the standby on port {port} does not catch up")
                time.sleep(0.2)

    def _command(self, port, *arguments):
        return [self.program, "-h", "127.0.0.1", "-p", str(port), "-U", self.cluster.user,
                *arguments, self.cluster.database]

    def _check(self, command):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=self.cluster.environment(), start_new_session=True, timeout=600)
        if done.returncode:
            raise RuntimeError(f"pgbench failed:\n{done.stderr}")
        return done.stdout

    def _select_only(self, mode, clients):
        return ["-S", "-n", "-M", mode, "-c", str(clients), "-j", str(self.options.jobs)]

    def measure(self, peer, mode, clients):
        """Runs for the chosen time. A problem is a Sample with `problem` set, never an exception."""
        logs = self.work_dir / "transactions"
        shutil.rmtree(logs, ignore_errors=True)
        logs.mkdir()
        report = self.work_dir / "pgbench.out"
        report.unlink(missing_ok=True)
        command = self._command(peer.port, *self._select_only(mode, clients), "-T", "3600",
                                "--log", "--log-prefix", str(logs / "log"))
        process = processes.start(command, report, env=self.cluster.environment())
        try:
            return self._observe(process, peer, logs, report)
        finally:
            processes.stop(process, signal.SIGKILL)

    def _observe(self, process, peer, logs, report):
        if not self._wait_for_first(process, logs):
            return Sample(problem=self._last_error(report) or "no transaction within a minute")
        time.sleep(WARM_UP_S)
        start, cpu_start = time.time(), processes.cpu_us(peer.pids)
        time.sleep(self.options.seconds)
        end, cpu_end = time.time(), processes.cpu_us(peer.pids)
        if process.poll() is None:
            process.send_signal(signal.SIGALRM)  # what its own -T timer sends: a regular end
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                return Sample(problem="pgbench hangs: an answer is missing")
        return self._sample(process.returncode, logs, report, (start, end),
                            [b - a for a, b in zip(cpu_start, cpu_end)])

    @staticmethod
    def _wait_for_first(process, logs):
        """Every client has logged in when the first transactions are logged."""
        deadline = time.monotonic() + START_PATIENCE_S
        while time.monotonic() < deadline and process.poll() is None:
            if any(file.stat().st_size > 0 for file in logs.iterdir()):
                return True
            time.sleep(0.02)
        return False

    @staticmethod
    def _last_error(report):
        errors = [line for line in report.read_text(errors="replace").splitlines()
                  if "error" in line or "FATAL" in line or "ERROR" in line]
        return errors[0] if errors else ""

    def _sample(self, exit_code, logs, report, window, cpu):
        latencies, failed = read_log(logs, *window)
        text = report.read_text(errors="replace")
        reported = re.search(r"number of failed transactions: (\d+)", text)
        sample = Sample(transactions=len(latencies), failed=failed)
        if exit_code or not reported or int(reported.group(1)) or failed:
            sample.problem = self._last_error(report) or f"pgbench ended with {exit_code}"
            return sample
        if not latencies:
            sample.problem = "no transaction in the measured time"
            return sample
        latencies.sort()
        for percent in PERCENTILES:
            sample.latency_ms[percent] = latencies[(len(latencies) - 1) * percent // 100] / 1000
        sample.tps = len(latencies) / (window[1] - window[0])
        sample.user_us, sample.system_us = (part / len(latencies) for part in cpu)
        return sample

    def count_system_calls(self, peer, mode, clients, calls):
        """{name: calls per transaction} over a fixed number of transactions, logins included."""
        each = self.options.counted_transactions
        try:
            calls.start(peer.pids)
            self._check(self._command(peer.port, *self._select_only(mode, clients), "-t", str(each)))
        finally:
            counts = calls.stop()
        return {name: count / (each * clients) for name, count in counts.items()}


def read_log(logs, start, end):
    """(latencies in µs, failed transactions) of what completed within [start, end], Unix time.
    A line: client, number, µs or "failed", script, seconds, µs. Source: PostgreSQL docs, pgbench."""
    latencies, failed = [], 0
    for file in logs.iterdir():
        for line in file.read_text().splitlines():
            fields = line.split()
            if len(fields) < 6:
                continue
            if not fields[2].isdigit():
                failed += 1
            elif start <= int(fields[4]) + int(fields[5]) / 1e6 <= end:
                latencies.append(int(fields[2]))
    return latencies, failed
