"""Servers of a test's own, in a folder, reached by their Unix sockets only."""

import os
import pwd
import subprocess
from pathlib import Path

from harness.cases import Skipped
from harness.kubectl import Failed


def programs():
    folder = os.environ.get("PGWEIR_TEST_PG_BIN") or max(map(str, Path("/usr/lib/postgresql").glob("*/bin")), default="")
    if not folder or not Path(folder, "initdb").exists():
        raise Skipped("no PostgreSQL server is here")
    return Path(folder)


def as_server_user():
    """PostgreSQL does not run as root."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}


def run(command, *, check=True, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd="/", **more)
    if check and done.returncode != 0:
        raise Failed(f"{command}: {done.stderr}")
    return done


class Server:
    def __init__(self, folder, password, primary=None, settings=()):
        """With `primary`, a standby of it; `settings`: name=value."""
        self.folder, self.password, self.settings = folder, password, list(settings)
        folder.mkdir()
        secret = folder / "secret"
        secret.write_text(password)
        if os.getuid() == 0:
            for path in (folder, secret):
                os.chown(path, pwd.getpwnam("postgres").pw_uid, -1)
        if primary:
            run([programs() / "pg_basebackup", "-D", folder / "data", "-h", primary.folder, "-U", "postgres", "-R",
                 "--no-sync", "--checkpoint=fast"],
                env={**os.environ, "PGPASSWORD": primary.password}, **as_server_user())
        else:
            run([programs() / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "scram-sha-256", "--no-sync",
                 f"--pwfile={secret}"], **as_server_user())
        self.start()

    def control(self, verb, *options):
        run([programs() / "pg_ctl", "-D", self.folder / "data", "-w", verb, *options], **as_server_user())

    def start(self, *more):
        options = ["listen_addresses=", f"unix_socket_directories={self.folder}", "fsync=off", *self.settings, *more]
        self.control("start", "-l", self.folder / "log", "-o", " ".join(f"-c {option}" for option in options))

    def stop(self, mode="fast"):
        self.control("stop", "-m", mode)

    def psql(self, database, text, user="postgres", password=None):
        environment = {**os.environ, "PGHOST": str(self.folder), "PGUSER": user, "PGPASSWORD": password or self.password}
        return run(["psql", "-X", "-q", "-tA", "-v", "ON_ERROR_STOP=1", "-d", database], input=text,
                   env=environment).stdout.strip()
