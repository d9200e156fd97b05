"""The servers that everything is measured on: a primary and its streaming standbys."""

import shlex
import subprocess
from pathlib import Path

from harness import processes

ROOT = Path(__file__).resolve().parents[2]


class Cluster:
    """What the peers need to know. `pgweir_port` and `pgweir_pid` are None if it does not run."""

    user = "postgres"
    database = "postgres"
    pgweir_port = pgweir_pid = None

    def environment(self):
        return {"PGPASSWORD": self.password, "PGSSLMODE": "disable", "PATH": "/usr/bin:/bin:/usr/sbin"}

    def psql(self, sql, port=None):
        command = ["psql", "-XAtq", "-h", "127.0.0.1", "-p", str(port or self.primary_port),
                   "-U", self.user, "-d", self.database, "-c", sql]
        done = subprocess.run(command, capture_output=True, text=True, check=True,
                              env=self.environment())
        return done.stdout.strip()

    def stored_secret(self):
        """The SCRAM verifier as the servers keep it: with it no peer derives a key per login."""
        return self.psql(f"select rolpassword from pg_authid where rolname = '{self.user}'")


class LocalCluster(Cluster):
    """deploy/local/up: the cluster with pgweir in front of it."""

    def __init__(self, directory, options):
        self.directory = directory / "local"
        command = [ROOT / "deploy/local/up", "--dir", self.directory, "--port", "0", "--detach",
                   "--standbys", str(options.standbys),
                   "--pg-set", f"max_connections={options.server_connections}",
                   "--set", f"pool_size={options.pool_size}"]
        for setting in options.pgweir_set:
            command += ["--set", setting]
        self.output = directory / "up.log"
        with open(self.output, "wb") as out:
            failed = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                    start_new_session=True).returncode
        if failed:
            tail = self.output.read_text(errors="replace").splitlines()[-20:]
            self.stop()
            raise RuntimeError("deploy/local/up failed:\n" + "\n".join(tail))
        values = self._read_env()
        self.primary_port = int(values["PRIMARY_PORT"])
        self.standby_ports = [int(port) for port in values["STANDBY_PORTS"].split()]
        self.user, self.password = values["PGUSER"], values["PGPASSWORD"]
        self.database = values["PGDATABASE"]
        self.pgweir_port = int(values["PGWEIR_PORT"])
        self.pgweir_pid = int(values["PGWEIR_PID"])

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


class PrivateCluster(Cluster):
    """Servers alone, to compare the peers among themselves before pgweir is built."""

    password = "bench"

    def __init__(self, directory, options):
        self.bin = Path(options.pg_bin)
        self.nodes = []
        self.directory = directory
        self.max_connections = options.server_connections
        secret = directory / "secret"
        secret.write_text(self.password)
        processes.give_to_postgres(directory)
        primary = directory / "node0"
        self._run(self.bin / "initdb", "-D", primary, "-U", self.user, "-A", "scram-sha-256",
                  "--pwfile", secret, "-N", "--no-instructions")
        self.primary_port = self._start(primary)
        self.standby_ports = []
        for number in range(1, options.standbys + 1):
            node = directory / f"node{number}"
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
            try:
                self._run(self.bin / "pg_ctl", "-D", node, "-w", "-m", "fast", "stop")
            except RuntimeError as error:
                print(error)
