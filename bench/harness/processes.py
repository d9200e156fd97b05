"""Processes from outside: who belongs to a proxy, what CPU it used, how many system calls it made."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")


def as_postgres():
    """Arguments for subprocess: PostgreSQL and its peers do not run as root."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def give_to_postgres(path):
    """Hands a file or a whole directory to the user that the servers run as."""
    if os.geteuid() != 0:
        return
    entry = pwd.getpwnam("postgres")
    for one in [path, *path.rglob("*")]:
        os.chown(one, entry.pw_uid, entry.pw_gid)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(command, log, **settings):
    """A background process with its output in `log`; Ctrl-C is for us alone, who stop it."""
    with open(log, "ab") as out:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                start_new_session=True, **settings)


def stop(process, how=signal.SIGTERM, patience_s=10):
    """Asks a process that we started to end, and ends it and its children if it does not."""
    if process.poll() is not None:
        return
    family = tree([process.pid])
    process.send_signal(how)
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        for pid in family:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.wait()


def stat_fields(pid):
    """/proc/PID/stat from its third field on; None if the process is gone. Source: man 5 proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def tree(roots):
    """`roots` and every process below them, as of now."""
    children = {}
    for name in os.listdir("/proc"):
        fields = stat_fields(name) if name.isdigit() else None
        if fields:
            children.setdefault(int(fields[1]), []).append(int(name))
    found, todo = set(), list(roots)
    while todo:
        pid = todo.pop()
        if pid not in found:
            found.add(pid)
            todo.extend(children.get(pid, []))
    return sorted(found)


def cpu_us(roots):
    """(user, system) µs of all their processes and threads since they began. Children that ended
    are in their parent's figure, so differences hold although processes come and go."""
    user = system = 0.0
    for pid in tree(roots):
        fields = stat_fields(pid)
        if fields:
            user += (int(fields[11]) + int(fields[13])) * TICK_US
            system += (int(fields[12]) + int(fields[14])) * TICK_US
    return user, system


SHOWN_CALLS = ["recvfrom", "sendto", "recvmsg", "sendmsg", "read", "write", "readv", "writev",
               "epoll_wait", "epoll_pwait", "epoll_ctl", "poll", "ppoll", "select", "pselect6",
               "futex", "timerfd_settime", "semtimedop", "getpid", "setitimer"]


class SystemCalls:
    """Counts the system calls of processes between start and stop: with perf's trace points, which
    cost next to nothing, or with strace -c, which slows them down but counts the same."""

    def __init__(self, work_dir):
        self.file = work_dir / "system_calls"
        self.process = None
        self.tool = self._choose()

    @staticmethod
    def _choose():
        if shutil.which("perf"):
            probe = subprocess.run(["perf", "stat", "-e", "raw_syscalls:sys_enter", "true"],
                                   capture_output=True, text=True)
            if probe.returncode == 0 and "raw_syscalls" in probe.stderr:
                return "perf"
        return "strace" if shutil.which("strace") else None

    def start(self, pids):
        self.file.unlink(missing_ok=True)
        listed = ",".join(str(pid) for pid in tree(pids))
        if self.tool == "perf":
            events = ["raw_syscalls:sys_enter"]
            events += [f"syscalls:sys_enter_{name}" for name in self._known_calls()]
            command = ["perf", "stat", "-x", ";", "-o", self.file, "-e", ",".join(events),
                       "-p", listed]
        else:
            command = ["strace", "-c", "-f", "-o", self.file]
            for pid in listed.split(","):
                command += ["-p", pid]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(0.7)  # until it is attached; neither says when

    def stop(self):
        """{name: count}, with "total"; empty if the tool could not look at the processes."""
        if not self.process:
            return {}
        stop(self.process, signal.SIGINT)
        if not self.file.exists():
            return {}
        read = self._read_perf if self.tool == "perf" else self._read_strace
        counts = read(self.file.read_text().splitlines())
        return {name: count for name, count in counts.items() if count > 0}

    @staticmethod
    def _known_calls():
        where = Path("/sys/kernel/tracing/events/syscalls")
        return [name for name in SHOWN_CALLS if (where / f"sys_enter_{name}").exists()]

    @staticmethod
    def _read_perf(lines):
        counts = {}
        for line in lines:
            fields = line.split(";")
            if len(fields) > 2 and fields[0].isdigit():
                name = fields[2].rpartition("sys_enter")[2].lstrip("_") or "total"
                counts[name] = int(fields[0])
        return counts

    @staticmethod
    def _read_strace(lines):
        counts = {}
        for line in lines:
            fields = line.split()
            if len(fields) >= 5 and fields[3].isdigit():
                counts[fields[-1]] = int(fields[3])
        return counts
