"""Sessions that write tokens and read them back through pgweir, and remember what they were told."""

import threading
import time

import psycopg2


class Load:
    """`sessions` threads, each with a connection of its own that it keeps. As a context it runs until its end.

    Afterwards: `acknowledged` tokens, `errors` (SQLSTATE or text -> count), `disconnects`, `longest_gap_s`
    between two acknowledged writes of all sessions, `writes`, `reads`.
    """

    def __init__(self, conninfo, sessions=8, table="tokens"):
        self.conninfo = conninfo
        self.sessions = sessions
        self.table = table
        self.acknowledged = set()
        self.errors = {}
        self.disconnects = 0
        self.writes = self.reads = 0
        self.stale = 0
        self.longest_gap_s = 0.0
        self._last_write = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = []

    def __enter__(self):
        with psycopg2.connect(self.conninfo) as session, session.cursor() as cursor:
            cursor.execute(f"create table if not exists {self.table} (session int, n int, primary key (session, n))")
            cursor.execute(f"truncate {self.table}")
        self._threads = [threading.Thread(target=self._work, args=(i,), daemon=True) for i in range(self.sessions)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def restart_gap(self):
        """The longest gap is counted from here on."""
        with self._lock:
            self.longest_gap_s = 0.0
            self._last_write = time.monotonic()

    def lost(self, conninfo):
        """Acknowledged tokens that are not there."""
        with psycopg2.connect(conninfo) as session, session.cursor() as cursor:
            cursor.execute(f"select session, n from {self.table}")
            return self.acknowledged - set(cursor.fetchall())

    def told(self):
        return (f"{self.writes} writes, {self.reads} reads, longest gap {self.longest_gap_s:.1f} s, "
                f"{self.disconnects} disconnects, errors {self.errors or 0}, stale reads {self.stale}")

    def _work(self, me):
        session, number = None, 0
        while not self._stop.is_set():
            try:
                if session is None:
                    session = psycopg2.connect(self.conninfo, connect_timeout=30)
                    session.autocommit = True
                number = self._step(session, me, number)
            except psycopg2.Error as error:
                self._count(error)
                number += 1
                if session is None or session.closed:
                    with self._lock:
                        self.disconnects += 1
                    session = None
                    self._stop.wait(0.2)

    def _step(self, session, me, number):
        with session.cursor() as cursor:
            cursor.execute(f"insert into {self.table} values (%s, %s)", (me, number))
            self._acknowledge((me, number))
            cursor.execute(f"select max(n) from {self.table} where session = %s", (me,))
            seen = cursor.fetchone()[0]
        with self._lock:
            self.reads += 1
            self.stale += seen is None or seen < number
        return number + 1

    def _acknowledge(self, token):
        now = time.monotonic()
        with self._lock:
            self.acknowledged.add(token)
            self.writes += 1
            if self._last_write is not None:
                self.longest_gap_s = max(self.longest_gap_s, now - self._last_write)
            self._last_write = now

    def _count(self, error):
        name = error.pgcode or str(error).strip().split("\n")[0][:100]
        with self._lock:
            self.errors[name] = self.errors.get(name, 0) + 1
