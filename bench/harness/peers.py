"""What is compared: direct PostgreSQL, PgBouncer, pgpool and pgweir, each as a port and its pids."""

import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from harness import processes
from harness.cluster import tail

TEMPLATES = Path(__file__).resolve().parents[1] / "peers"
LOGIN_PATIENCE_S = 30


class Peer:
    """One target of the load. `pids` is empty for direct PostgreSQL: there is no proxy."""

    def __init__(self, name, port, pids, version, process=None):
        self.name, self.port, self.pids = name, port, pids
        self.version, self.process = version, process
        self.cannot = {}  # mode -> why this peer cannot run it
        self.idle_clients = None  # how many idle clients it can hold; None: as many as asked for

    def stop(self):
        if self.process:
            processes.stop(self.process, signal.SIGINT)


class NotInstalled(Exception):
    pass


def binary(path):
    found = shutil.which(path, path="/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin")
    if not found:
        raise NotInstalled(f"{path} is not installed")
    return found


def version_of(command, pattern):
    done = subprocess.run(command, capture_output=True, text=True)
    match = re.search(pattern, done.stdout + done.stderr)
    return match.group(1) if match else "?"


def write_configuration(directory, names, values):
    """Copies templates into `directory` with every @NAME@ replaced."""
    directory.mkdir()
    for name in names:
        text = (TEMPLATES / name).read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        (directory / name).write_text(text)
        (directory / name).chmod(0o600)
    processes.give_to_postgres(directory)


def wait_until_it_answers(peer, cluster, log):
    deadline = time.monotonic() + LOGIN_PATIENCE_S
    while True:
        try:
            cluster.psql("select 1", peer.port)
            return
        except subprocess.CalledProcessError as error:
            if time.monotonic() > deadline or (peer.process and peer.process.poll() is not None):
                raise RuntimeError("\n".join([f"{peer.name} does not answer: {error.stderr}",
                                              *tail(log)]))
        time.sleep(0.2)


def direct(cluster, _directory, _options, _stack):
    return Peer("direct", cluster.primary_port, [], cluster.server_name())


def pgweir(cluster, _directory, _options, _stack):
    if not cluster.pgweir_port:
        raise NotInstalled("pgweir does not run")
    version = version_of([f"/proc/{cluster.pgweir_pid}/exe", "--version"], r"([0-9][0-9.]+)")
    peer = Peer("pgweir", cluster.pgweir_port, [cluster.pgweir_pid], f"pgweir {version}")
    wait_until_it_answers(peer, cluster, cluster.pgweir_log)
    return peer


def pgbouncer(cluster, directory, options, stack):
    program = binary(options.pgbouncer)
    version = version_of([program, "--version"], r"PgBouncer ([0-9.]+)")
    can_prepare = tuple(int(part) for part in version.split(".")[:2]) >= (1, 21)
    port = processes.free_port()
    write_configuration(directory / "pgbouncer", ["pgbouncer.ini", "userlist.txt"], {
        "DIR": directory / "pgbouncer", "PORT": port, "PRIMARY_PORT": cluster.primary_port,
        "DATABASE": cluster.database, "USER": cluster.user, "SECRET": cluster.stored_secret(),
        "POOL_SIZE": options.pool_size, "CLIENT_LIMIT": options.idle_clients + 1000,
        "PREPARED_STATEMENTS": "max_prepared_statements = 200" if can_prepare else ""})
    log = directory / "pgbouncer.log"
    process = processes.start([program, directory / "pgbouncer/pgbouncer.ini"], log,
                              **processes.as_postgres())
    peer = Peer("pgbouncer", port, [process.pid], f"PgBouncer {version}", process)
    stack.callback(peer.stop)
    if not can_prepare:
        peer.cannot["prepared"] = f"needs 1.21, this is {version}"
    wait_until_it_answers(peer, cluster, log)
    return peer


def pgpool(cluster, directory, options, stack):
    if options.null_server:
        raise NotInstalled("it asks its servers for more than the null server can make up")
    program = binary(options.pgpool)
    version = version_of([program, "--version"], r"version ([0-9.]+)")
    children = max(options.clients) + 8
    ports = [cluster.primary_port, *cluster.standby_ports]
    backends = "\n".join(f"backend_hostname{i} = '127.0.0.1'\nbackend_port{i} = {port}\n"
                         f"backend_weight{i} = 1" for i, port in enumerate(ports))
    port = processes.free_port()
    home = directory / "pgpool"
    write_configuration(home, ["pgpool.conf", "pool_hba.conf", "pool_passwd", "pcp.conf"], {
        "DIR": home, "PORT": port, "PCP_PORT": processes.free_port(), "BACKENDS": backends,
        "DATABASE": cluster.database, "USER": cluster.user, "PASSWORD": cluster.password,
        "CHILDREN": children})
    log = directory / "pgpool.log"
    process = processes.start(
        [program, "-n", "-D", "-f", home / "pgpool.conf", "-a", home / "pool_hba.conf",
         "-F", home / "pcp.conf"], log, **processes.as_postgres())
    peer = Peer("pgpool", port, [process.pid], f"pgpool {version}", process)
    stack.callback(peer.stop)
    peer.idle_clients = children - 4
    wait_until_it_answers(peer, cluster, log)
    return peer


# name -> function(cluster, work directory, options, ExitStack that stops what it starts)
STARTERS = {"direct": direct, "pgbouncer": pgbouncer, "pgpool": pgpool, "pgweir": pgweir}
