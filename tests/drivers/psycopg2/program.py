"""psycopg 2: parameters in the text, simple queries, COPY; no pipeline and no prepared statements."""

import io
import select

import psycopg2

from clients import INSERT, OWN_ROWS, Client, expect_error, main, same, until_done


def sqlstate(error):
    return getattr(error, "pgcode", None)


class Psycopg2Client(Client):
    sqlstate = staticmethod(sqlstate)
    skipped = {"pipeline": "psycopg 2 has none"}

    def connect(self):
        self.connection = psycopg2.connect("")
        self.connection.autocommit = True
        same(self.value("select %s::int", self.number), self.number, "own number")

    def close(self):
        self.connection.close()

    def reset(self):
        self.connection.rollback()
        self.connection.autocommit = True

    def run(self, sql, *parameters):
        cursor = self.connection.cursor()
        cursor.execute(sql, parameters or None)
        return cursor

    def value(self, sql, *parameters):
        return self.run(sql, *parameters).fetchone()[0]

    def insert(self, n):
        self.run(INSERT, *self.row(n))

    def settings(self):
        for step in range(5):
            wanted = f"{10001 + 20 * self.number + 2 * step}kB"
            self.run(f"set work_mem = '{wanted}'")
            self.connection.autocommit = False
            self.run("set local work_mem = '99kB'")
            same(self.value("show work_mem"), "99kB", "work_mem in a block")
            self.reset()
            same(self.value("show work_mem"), wanted, "work_mem")

    def transactions(self):
        self.connection.autocommit = False
        self.insert(1)
        self.connection.commit()
        self.insert(2)
        self.connection.rollback()
        self.insert(3)
        self.run("savepoint again")
        expect_error("23505", sqlstate, lambda: self.insert(3))
        self.run("rollback to again")
        self.insert(4)
        self.connection.commit()
        self.connection.autocommit = True
        found = self.run("select n from driver_rows where client = %s and n < 10 order by n", self.number)
        same(found.fetchall(), [(1,), (3,), (4,)], "rows that were committed")
        self.rows += 3

    def prepared(self):
        for n in range(100, 120):
            self.insert(n)
            self.rows += 1
        for n in range(100, 120):
            sql = "select body, %s + %s, %s from driver_rows where client = %s and n = %s"
            value = bytes(range(256))
            found = self.run(sql, n, self.number, psycopg2.Binary(value), self.number, n).fetchone()
            same((found[0], found[1], bytes(found[2])), (self.body(n), n + self.number, value), "read")

    def errors(self):
        self.insert(300)
        self.rows += 1
        expect_error("23505", sqlstate, lambda: self.insert(300))
        expect_error("42601", sqlstate, lambda: self.run("selec 1"))
        self.connection.autocommit = False
        expect_error("22012", sqlstate, lambda: self.run("select 1 / 0"))
        expect_error("25P02", sqlstate, lambda: self.run("select 1"))
        self.reset()
        same(self.value("select %s::int", self.number), self.number, "value after errors")

    def cancel(self):
        self.connection.autocommit = False
        self.insert(400)
        done, thread = until_done(0.1, self.connection.cancel)
        try:
            expect_error("57014", sqlstate, lambda: self.run("select pg_sleep(30)"))
        finally:
            done.set()
            thread.join()
        self.reset()
        same(self.value("select count(*) from driver_rows where client = %s and n = 400", self.number), 0,
             "rows of the cancelled block")

    def copy(self):
        lines = "".join("%d\t%d\t%s\n" % self.row(n) for n in range(1000, 1500))
        cursor = self.connection.cursor()
        cursor.copy_expert("copy driver_rows (client, n, body) from stdin", io.StringIO(lines))
        self.rows += 500
        out = io.StringIO()
        sql = f"copy (select client, n, body from driver_rows where client = {self.number} and n >= 1000 order by n) to stdout"
        cursor.copy_expert(sql, out)
        same(out.getvalue(), lines, "rows copied out")

    def own_rows(self):
        same(self.run(OWN_ROWS, self.number).fetchone(), (self.rows, 0), "own rows, wrong ones")

    def temporary_table(self):
        self.run("create temporary table mine (n int, body text)")
        for step in range(3):
            self.connection.autocommit = False
            for n in range(10):
                self.run("insert into mine values (%s, %s)", n, self.body(0))
            self.connection.commit()
            self.connection.autocommit = True
            same(self.run("select count(*), min(body), max(body) from mine").fetchone(),
                 (10 * step + 10, self.body(0), self.body(0)), "temporary rows")
        self.run("drop table mine")

    def hold_cursor(self):
        first = self.number
        held = self.connection.cursor("held", withhold=True)
        held.execute("select generate_series(%s, %s)", (first, first + 19))
        for n in range(first, first + 20, 5):
            same(held.fetchmany(5), [(i,) for i in range(n, n + 5)], "fetched")
            same(self.value("select %s", n), n, "between two fetches")
        held.close()

    def listen(self):
        self.run(f"listen drivers_{self.number}")
        other = psycopg2.connect("")
        other.autocommit = True
        other.cursor().execute("select pg_notify(%s, %s)", (f"drivers_{self.number}", self.body(0)))
        other.close()
        same(bool(select.select([self.connection], [], [], 10)[0]), True, "a notification in 10 s")
        self.connection.poll()
        same([notify.payload for notify in self.connection.notifies], [self.body(0)], "payload")
        self.run("unlisten *")


main(Psycopg2Client)
