"""The servers that everything is measured on: a primary and its streaming standbys."""

import shlex
import subprocess
from pathlib import Path

from harness import processes

ROOT = Path(__file__).resolve().parents[2]


def tail(log, lines=20):
    return log.read_text(errors="replace").splitlines()[-lines:]


def newest_postgresql():
    """Debian's directory of the newest server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name))
    if not found:
        raise RuntimeError("there is no PostgreSQL in /usr/lib/postgresql")
    return found[-1]


class Cluster:
    """What the peers need to know; stop() may be called at any time, also before start() is done.
    `pgweir_port`, `pgweir_pid` and `pgweir_log` are None if it does not run."""

    user = "postgres"
    database = "postgres"
    pgweir_port = pgweir_pid = pgweir_log = None

    def environment(self):
        return {"PGPASSWORD": self.password, "PGSSLMODE": "disable", "PGCONNECT_TIMEOUT": "20",
                "PATH": "/usr/bin:/bin:/usr/sbin"}

    def psql(self, sql, port=None):
        command = ["psql", "-XAtq", "-h", "127.0.0.1", "-p", str(port or self.primary_port),
                   "-U", self.user, "-d", self.database, "-c", sql]
        done = subprocess.run(command, capture_output=True, text=True, check=True,
                              env=self.environment(), timeout=60)
        return done.stdout.strip()

    def conninfo(self, port):
        """For libpq; the password is in environment()."""
        return (f"host=127.0.0.1 port={port} user={self.user} dbname={self.database} "
                "sslmode=disable gssencmode=disable")

    def server_name(self):
        return "PostgreSQL " + self.psql("show server_version").split()[0]

    def stored_secret(self):
        """The SCRAM verifier as the servers keep it: with it no peer derives a key per login."""
        return self.psql(f"select rolpassword from pg_authid where rolname = '{self.user}'")


class LocalCluster(Cluster):
    """deploy/local/up: the cluster with pgweir in front of it."""

    def __init__(self, directory):
        self.directory = directory / "local"

    def start(self, options):
        command = [ROOT / "deploy/local/up", "--dir", self.directory, "--port", "0", "--detach",
                   "--standbys", str(options.standbys),
                   "--pg-set", f"max_connections={options.server_connections}",
                   "--set", f"pool_size={options.pool_size}"]
        if options.pg_bin:
            command += ["--pg-bin", options.pg_bin]
        for setting in options.pgweir_set:
            command += ["--set", setting]
        log = self.directory.with_name("up.log")
        if self._run_to_the_end(command, log):
            raise RuntimeError("\n".join(["deploy/local/up failed:", *tail(log)]))
        values = self._read_env()
        self.primary_port = int(values["PRIMARY_PORT"])
        self.standby_ports = [int(port) for port in values["STANDBY_PORTS"].split()]
        self.user, self.password = values["PGUSER"], values["PGPASSWORD"]
        self.database = values["PGDATABASE"]
        self.pgweir_port = int(values["PGWEIR_PORT"])
        self.pgweir_pid = int(values["PGWEIR_PID"])
        self.pgweir_log = self.directory / "log/pgweir.log"

    @staticmethod
    def _run_to_the_end(command, log):
        """The exit code. On Ctrl-C it is asked to stop, and stops what it has started."""
        process = processes.start(command, log)
        try:
            return process.wait()
        finally:
            processes.stop(process, patience_s=60)

    def _read_env(self):
        values = {}
        for line in (self.directory / "env").read_text().splitlines():
            name, equals, value = line.strip().removeprefix("export ").partition("=")
            if equals and not name.startswith("#"):
                values[name] = " ".join(shlex.split(value))
        return values

    def stop(self):
        subprocess.run([ROOT / "deploy/local/down", "--dir", self.directory],
                       stdin=subprocess.DEVNULL, capture_output=True, start_new_session=True)


class ServersAlone(Cluster):
    """To compare the peers among themselves, without pgweir."""

    password = "bench"

    def __init__(self, directory):
        self.directory = directory / "servers"
        self.nodes = []

    def start(self, options):
        self.bin = Path(options.pg_bin or newest_postgresql())
        self.max_connections = options.server_connections
        self.directory.mkdir()
        secret = self.directory / "secret"
        secret.write_text(self.password)
        processes.give_to_postgres(self.directory)
        primary = self.directory / "node0"
        self._run(self.bin / "initdb", "-D", primary, "-U", self.user, "-A", "scram-sha-256",
                  "--pwfile", secret, "-N", "--no-instructions")
        self.primary_port = self._start(primary)
        self.standby_ports = []
        for number in range(1, options.standbys + 1):
            node = self.directory / f"node{number}"
            self._run(self.bin / "pg_basebackup", "-D", node, "-h", "127.0.0.1", "-U", self.user,
                      "-p", str(self.primary_port), "-R", "-c", "fast", "-X", "stream")
            self.standby_ports.append(self._start(node))

    def _run(self, *command):
        done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, cwd=self.directory,
                              env={**self.environment(), "LC_ALL": "C.UTF-8"},
                              start_new_session=True, **processes.as_postgres())
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")

    def _start(self, node):
        port = processes.free_port()
        settings = (f"-c port={port} -c listen_addresses=127.0.0.1 "
                    f"-c unix_socket_directories={self.directory} "
                    f"-c max_connections={self.max_connections} -c fsync=off")
        self.nodes.insert(0, node)  # standbys are stopped before the primary
        # -l: the server must not keep the pipe that pg_ctl's own output is read from.
        self._run(self.bin / "pg_ctl", "-D", node, "-l", f"{node}.log", "-w", "-o", settings,
                  "start")
        return port

    def stop(self):
        for node in self.nodes:
            if not (node / "postmaster.pid").exists():
                continue
            try:
                self._run(self.bin / "pg_ctl", "-D", node, "-w", "-m", "fast", "stop")
            except RuntimeError as error:
                print(error)
