"""SQLAlchemy: the ORM and Core over psycopg 3, each client a session of one engine's pool."""

import os

from sqlalchemy import URL, Identity, UniqueConstraint, create_engine, func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from clients import CLIENTS, OWN_ROWS, Client, expect_error, main, same, until_done


class Base(DeclarativeBase):
    pass


class Row(Base):
    __tablename__ = "driver_rows"
    __table_args__ = (UniqueConstraint("client", "n"),)
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    client: Mapped[int]
    n: Mapped[int]
    body: Mapped[str]


ENGINE = create_engine(
    URL.create("postgresql+psycopg", username=os.environ["PGUSER"], password=os.environ["PGPASSWORD"],
               host=os.environ["PGHOST"], port=int(os.environ["PGPORT"]), database=os.environ["PGDATABASE"]),
    pool_size=CLIENTS + 1, max_overflow=CLIENTS, connect_args={"prepare_threshold": 0})


def sqlstate(error):
    return error.orig.sqlstate if isinstance(error, DBAPIError) else None


class SqlalchemyClient(Client):
    sqlstate = staticmethod(sqlstate)
    skipped = {}

    def connect(self):
        self.connection = ENGINE.connect()
        self.session = Session(self.connection)
        same(self.session.scalar(select(self.number)), self.number, "own number")
        self.session.commit()

    def close(self):
        self.session.close()
        self.connection.close()

    def reset(self):
        self.session.rollback()

    def run(self, sql, **parameters):
        """A transaction of its own."""
        result = self.session.execute(text(sql), parameters)
        rows = result.all() if result.returns_rows else None
        self.session.commit()
        return rows

    def insert(self, n):
        self.session.add(Row(client=self.number, n=n, body=self.body(n)))
        self.session.flush()

    def numbers(self, low, high):
        query = select(Row.n).where(Row.client == self.number, Row.n.between(low, high)).order_by(Row.n)
        found = list(self.session.scalars(query))
        self.session.commit()
        return found

    def failing(self, state, action):
        expect_error(state, sqlstate, action)
        self.session.rollback()

    def settings(self):
        for step in range(5):
            wanted = f"{10001 + 20 * self.number + 2 * step}kB"
            self.run(f"set work_mem = '{wanted}'")
            self.session.execute(text("set local work_mem = '99kB'"))
            same(self.session.scalar(text("show work_mem")), "99kB", "work_mem in a block")
            self.session.rollback()
            same(self.run("show work_mem"), [(wanted,)], "work_mem")

    def transactions(self):
        self.insert(1)
        self.session.commit()
        self.insert(2)
        self.session.rollback()
        self.insert(3)
        expect_error("23505", sqlstate, self.insert_three_in_a_savepoint)
        self.insert(4)
        self.session.commit()
        same(self.numbers(1, 9), [1, 3, 4], "rows that were committed")
        self.rows += 3

    def insert_three_in_a_savepoint(self):
        with self.session.begin_nested():
            self.insert(3)

    def prepared(self):
        for n in range(100, 120):
            self.insert(n)
            self.session.commit()
            self.rows += 1
        for n in range(100, 120):
            row = self.session.scalars(select(Row).where(Row.client == self.number, Row.n == n)).one()
            same(row.body, self.body(n), "prepared read")
            row.body = "changed"
            self.session.flush()
            row.body = self.body(n)
            self.session.commit()
        value = bytes(range(256))
        found = self.run("select cast(:value as bytea), cast(:number as int), null", value=value, number=self.number)
        same(found, [(value, self.number, None)], "values")

    def pipeline(self):
        # Many rows at once: psycopg's executemany is a pipeline, insertmanyvalues a statement of many rows.
        rows = [{"client": self.number, "n": n, "body": self.body(n)} for n in range(200, 210)]
        self.session.execute(text("insert into driver_rows (client, n, body) values (:client, :n, :body)"), rows[:5])
        ids = self.session.scalars(insert(Row).returning(Row.id), rows[5:]).all()
        self.session.commit()
        same(len(set(ids)), 5, "keys that were returned")
        self.rows += 10
        self.failing("23505", lambda: self.session.execute(insert(Row), rows))
        same(self.numbers(200, 299), list(range(200, 210)), "rows after a batch that failed")

    def errors(self):
        self.insert(300)
        self.session.commit()
        self.rows += 1
        self.failing("23505", lambda: self.insert(300))
        self.failing("42601", lambda: self.run("selec 1"))
        expect_error("22012", sqlstate, lambda: self.session.execute(text("select 1 / 0")))
        expect_error("25P02", sqlstate, lambda: self.session.execute(text("select 1")))
        self.session.rollback()
        same(self.session.scalar(select(func.abs(-self.number))), self.number, "value after errors")
        self.session.commit()

    def cancel(self):
        self.insert(400)
        driver = self.connection.connection.driver_connection
        done, thread = until_done(0.1, lambda: driver.cancel_safe(timeout=10))
        try:
            expect_error("57014", sqlstate, lambda: self.session.execute(text("select pg_sleep(30)")))
        finally:
            done.set()
            thread.join()
        self.session.rollback()
        same(self.numbers(400, 400), [], "rows of the cancelled block")

    def copy(self):
        rows = [self.row(n) for n in range(1000, 1500)]
        driver = self.session.connection().connection.driver_connection
        with driver.cursor().copy("copy driver_rows (client, n, body) from stdin") as copy:
            for row in rows:
                copy.write_row(row)
        self.session.commit()
        self.rows += len(rows)
        sql = f"copy (select client, n, body from driver_rows where client = {self.number} and n >= 1000 order by n) to stdout"
        with driver.cursor().copy(sql) as copy:
            copy.set_types(["int4", "int4", "text"])
            same(list(copy.rows()), rows, "rows copied out")
        driver.rollback()

    def own_rows(self):
        same(self.run(OWN_ROWS.replace("%s", ":number"), number=self.number), [(self.rows, 0)], "own rows, wrong ones")

    def temporary_table(self):
        self.run("create temporary table mine (n int, body text)")
        for step in range(3):
            self.session.execute(text("insert into mine values (:n, :body)"),
                                 [{"n": n, "body": self.body(0)} for n in range(10)])
            self.session.commit()
            same(self.run("select count(*), min(body), max(body) from mine"),
                 [(10 * step + 10, self.body(0), self.body(0))], "temporary rows")
        self.run("drop table mine")

    def hold_cursor(self):
        first = self.number
        self.run(f"declare held cursor with hold for select generate_series({first}, {first + 19})")
        for n in range(first, first + 20, 5):
            same(self.run("fetch 5 from held"), [(i,) for i in range(n, n + 5)], "fetched")
            same(self.run("select cast(:n as int)", n=n), [(n,)], "between two fetches")
        self.run("close held")

    def listen(self):
        # As an application listens: in a block the pin would have to be waited for with a connection in hand.
        self.connection.execution_options(isolation_level="AUTOCOMMIT")
        self.run(f"listen drivers_{self.number}")
        with ENGINE.begin() as other:
            other.execute(text("select pg_notify(:channel, :payload)"),
                          {"channel": f"drivers_{self.number}", "payload": self.body(0)})
        driver = self.connection.connection.driver_connection
        same([n.payload for n in driver.notifies(timeout=10, stop_after=1)], [self.body(0)], "payload")
        self.run("unlisten *")

    def refused(self):
        super().refused()
        self.session.rollback()

    def served(self):
        super().served()
        self.session.commit()


main(SqlalchemyClient)
