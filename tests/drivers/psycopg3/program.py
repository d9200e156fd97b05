"""psycopg 3: server-side prepared statements from the first execution, pipeline mode, COPY."""

import psycopg

from clients import INSERT, OWN_ROWS, Client, expect_error, main, same, until_done


def sqlstate(error):
    return getattr(error, "sqlstate", None)


class PsycopgClient(Client):
    sqlstate = staticmethod(sqlstate)
    skipped = {}

    def connect(self):
        self.connection = psycopg.connect("", autocommit=True, prepare_threshold=0)
        same(self.value("select %s::int", self.number), self.number, "own number")

    def close(self):
        self.connection.close()

    def reset(self):
        if not self.connection.closed:
            self.connection.rollback()

    def run(self, sql, *parameters):
        return self.connection.execute(sql, parameters or None)

    def value(self, sql, *parameters):
        return self.run(sql, *parameters).fetchone()[0]

    def insert(self, n):
        self.run(INSERT, *self.row(n))

    def settings(self):
        for step in range(5):
            wanted = f"{10001 + 20 * self.number + 2 * step}kB"
            self.run(f"set work_mem = '{wanted}'")
            with self.connection.transaction(force_rollback=True):
                self.run("set local work_mem = '99kB'")
                same(self.value("show work_mem"), "99kB", "work_mem in a block")
            same(self.value("show work_mem"), wanted, "work_mem")

    def transactions(self):
        with self.connection.transaction():
            self.insert(1)
        with self.connection.transaction(force_rollback=True):
            self.insert(2)
        with self.connection.transaction():
            self.insert(3)
            expect_error("23505", sqlstate, self.insert_three_in_a_savepoint)
            self.insert(4)
        found = self.run("select n from driver_rows where client = %s and n < 10 order by n", self.number)
        same([n for (n,) in found], [1, 3, 4], "rows that were committed")
        self.rows += 3

    def insert_three_in_a_savepoint(self):
        with self.connection.transaction():
            self.insert(3)

    def prepared(self):
        for n in range(100, 120):
            self.insert(n)
            self.rows += 1
        for n in range(100, 120):
            sql = "select body from driver_rows where client = %s and n = %s"
            same(self.value(sql, self.number, n), self.body(n), "prepared read")
            # Every client has a text of its own under the same name.
            sql = f"select %s::int + {self.number}"
            same(self.value(sql, n), n + self.number, "prepared sum")
        with self.connection.cursor(binary=True) as cursor:
            value = bytes(range(256))
            cursor.execute("select %b::bytea, %b::numeric, null", (value, self.number))
            same(cursor.fetchone(), (value, self.number, None), "binary values")

    def pipeline(self):
        with self.connection.pipeline():
            cursors = []
            for n in range(200, 210):
                self.insert(n)
                sql = "select body from driver_rows where client = %s and n = %s"
                cursors.append((n, self.run(sql, self.number, n)))
            for n, cursor in cursors:
                same(cursor.fetchone(), (self.body(n),), "read in a pipeline")
        self.rows += 10
        expect_error("23505", sqlstate, self.failing_pipeline)
        same(self.value("select count(*) from driver_rows where client = %s and n between 200 and 299", self.number),
             10, "rows after a pipeline that failed")

    def failing_pipeline(self):
        with self.connection.pipeline() as pipeline:
            self.insert(200)
            self.insert(210)
            pipeline.sync()

    def errors(self):
        self.insert(300)
        self.rows += 1
        expect_error("23505", sqlstate, lambda: self.insert(300))
        expect_error("42601", sqlstate, lambda: self.run("selec 1"))
        self.run("begin")
        expect_error("22012", sqlstate, lambda: self.run("select 1 / 0"))
        expect_error("25P02", sqlstate, lambda: self.run("select 1"))
        self.run("rollback")
        same(self.value("select %s::int", self.number), self.number, "value after errors")

    def cancel(self):
        self.run("begin")
        self.insert(400)
        done, thread = until_done(0.1, lambda: self.connection.cancel_safe(timeout=10))
        try:
            expect_error("57014", sqlstate, lambda: self.run("select pg_sleep(30)"))
        finally:
            done.set()
            thread.join()
        self.run("rollback")
        same(self.value("select count(*) from driver_rows where client = %s and n = 400", self.number), 0,
             "rows of the cancelled block")

    def copy(self):
        numbers = range(1000, 1500)
        with self.connection.cursor().copy("copy driver_rows (client, n, body) from stdin") as copy:
            for n in numbers:
                copy.write_row(self.row(n))
        self.rows += len(numbers)
        sql = f"copy (select client, n, body from driver_rows where client = {self.number} and n >= 1000 order by n) to stdout"
        with self.connection.cursor().copy(sql) as copy:
            copy.set_types(["int4", "int4", "text"])
            same(list(copy.rows()), [self.row(n) for n in numbers], "rows copied out")

    def own_rows(self):
        same(self.run(OWN_ROWS, self.number).fetchone(), (self.rows, 0), "own rows, wrong ones")

    def temporary_table(self):
        self.run("create temporary table mine (n int, body text)")
        for step in range(3):
            with self.connection.transaction():
                for n in range(10):
                    self.run("insert into mine values (%s, %s)", n, self.body(0))
            same(self.run("select count(*), min(body), max(body) from mine").fetchone(),
                 (10 * step + 10, self.body(0), self.body(0)), "temporary rows")
        self.run("drop table mine")

    def hold_cursor(self):
        first = self.number
        with self.connection.transaction():
            held = self.connection.cursor("held", withhold=True)
            held.execute("select generate_series(%s::int, %s::int)", (first, first + 19))
        for n in range(first, first + 20, 5):
            same([row[0] for row in held.fetchmany(5)], list(range(n, n + 5)), "fetched")
            same(self.value("select %s::int", n), n, "between two fetches")
        held.close()

    def listen(self):
        self.run(f"listen drivers_{self.number}")
        with psycopg.connect("", autocommit=True) as other:
            other.execute("select pg_notify(%s, %s)", (f"drivers_{self.number}", self.body(0)))
        for notification in self.connection.notifies(timeout=10, stop_after=1):
            same(notification.payload, self.body(0), "payload")
            break
        else:
            raise AssertionError("no notification in 10 s")
        self.run("unlisten *")


main(PsycopgClient)
