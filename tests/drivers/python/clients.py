"""What the Python families share: the clients, each in a thread, and the lines that a program prints."""

import concurrent.futures
import os
import sys
import threading
import time

CLIENTS = int(os.environ.get("CLIENTS", "50"))
INSERT = "insert into driver_rows (client, n, body) values (%s, %s, %s)"
OWN_ROWS = "select count(*), count(*) filter (where body <> client || ':' || n) from driver_rows where client = %s"


def same(got, wanted, what):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r} instead of {wanted!r}")


class Results:
    """What went wrong, by check. Checks without a reason have passed."""

    def __init__(self, checks, skipped):
        self.skipped = skipped
        self.reasons = {check: [] for check in checks}

    def failed(self, check, number, error):
        text = f"{type(error).__name__}: {error}".replace("\n", " ")
        self.reasons[check].append(f"client {number}: {text}")

    def print(self):
        for check, reasons in self.reasons.items():
            if check in self.skipped:
                print(f"skip {check}: {self.skipped[check]}")
            elif reasons:
                print(f"not ok {check}: {len(reasons)} of {CLIENTS}; {reasons[0]}")
            else:
                print(f"ok {check}")


class Client:
    """A client and what it has committed. Families add how its driver does things."""

    def __init__(self, number):
        self.number = number
        self.rows = 0
        self.thread = concurrent.futures.ThreadPoolExecutor(max_workers=1)

    def body(self, n):
        return f"{self.number}:{n}"

    def row(self, n):
        return (self.number, n, self.body(n))

    def keep(self):
        self.run("create temporary table kept (n int)")

    def let_go(self):
        self.run("drop table kept")

    def refused(self):
        seconds = expect_error("53300", self.sqlstate, lambda: self.insert(1))
        same(seconds < 20, True, f"refused in time ({seconds:.1f} s)")

    def served(self):
        self.insert(1)


def until_done(seconds, action):
    """Does it in another thread after so many seconds, again and again until `set` is called."""
    done = threading.Event()

    def work():
        while not done.wait(seconds):
            action()

    thread = threading.Thread(target=work)
    thread.start()
    return done, thread


def expect_error(sqlstate, state_of, action):
    """The action fails with that SQLSTATE. Returns after how many seconds."""
    began = time.monotonic()
    try:
        action()
    except Exception as error:  # each driver has its own classes
        same(state_of(error), sqlstate, f"SQLSTATE of {error}")
        return time.monotonic() - began
    raise AssertionError(f"no error {sqlstate}")


def everybody(results, check, clients, action):
    """All clients at once, each in its own thread."""
    for client, end in [(client, client.thread.submit(action, client)) for client in clients]:
        try:
            end.result()
        except Exception as error:
            results.failed(check, client.number, error)


def main(family):
    """`family`: a class of clients; each check is a method of that name."""
    checks = sys.argv[1:]
    results = Results(["connect", *checks], family.skipped)
    clients = [family(number) for number in range(1, CLIENTS + 1)]
    everybody(results, "connect", clients, family.connect)
    if results.reasons["connect"]:
        results.reasons = {"connect": results.reasons["connect"]}
    elif checks == ["waiters"]:
        waiters(results, family, clients)
    else:
        everybody(results, checks[0], clients, lambda client: in_order(results, client, checks))
    results.print()
    everybody(results, "connect", clients, family.close)


def in_order(results, client, checks):
    for check in checks:
        if check in client.skipped:
            continue
        try:
            getattr(client, check)()
        except Exception as error:
            results.failed(check, client.number, error)
            client.reset()


def waiters(results, family, clients):
    """One more client keeps the only server connection; the others are refused in time, and served later."""
    holder = family(0)
    everybody(results, "waiters", [holder], lambda client: (client.connect(), client.keep()))
    everybody(results, "waiters", clients, lambda client: client.refused())
    everybody(results, "waiters", [holder], lambda client: client.let_go())
    everybody(results, "waiters", clients, lambda client: client.served())
    everybody(results, "waiters", [holder], lambda client: client.close())
