"""Django's ORM over psycopg 3 with server-side binding; each thread has a connection of its own."""

import os

import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=[],
    USE_TZ=True,
    DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"], "NAME": os.environ["PGDATABASE"],
        "USER": os.environ["PGUSER"], "PASSWORD": os.environ["PGPASSWORD"],
        "OPTIONS": {"server_side_binding": True, "prepare_threshold": 0},
    }})
django.setup()

from django.db import connection, models, transaction  # noqa: E402  only after setup()

from clients import OWN_ROWS, Client, expect_error, main, same, until_done  # noqa: E402


class Row(models.Model):
    id = models.BigAutoField(primary_key=True)
    client = models.IntegerField()
    n = models.IntegerField()
    body = models.TextField()

    class Meta:
        app_label = "drivers"
        db_table = "driver_rows"
        managed = False


class Mine(models.Model):
    n = models.IntegerField(primary_key=True)
    body = models.TextField()

    class Meta:
        app_label = "drivers"
        db_table = "mine"
        managed = False


def sqlstate(error):
    return getattr(error.__cause__, "sqlstate", None)


def run(sql, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return cursor.fetchall() if cursor.description else None


class DjangoClient(Client):
    sqlstate = staticmethod(sqlstate)
    skipped = {"pipeline": "Django has none; bulk_create is in `prepared`"}

    def connect(self):
        connection.ensure_connection()
        same(run("select %s::int", self.number), [(self.number,)], "own number")

    def close(self):
        connection.close()

    def reset(self):
        run("rollback")

    def run(self, sql):
        run(sql)

    def insert(self, n):
        return Row.objects.create(client=self.number, n=n, body=self.body(n))

    def numbers(self, low, high):
        found = Row.objects.filter(client=self.number, n__gte=low, n__lte=high).order_by("n")
        return list(found.values_list("n", flat=True))

    def settings(self):
        for step in range(5):
            wanted = f"{10001 + 20 * self.number + 2 * step}kB"
            run(f"set work_mem = '{wanted}'")
            with transaction.atomic():
                run("set local work_mem = '99kB'")
                same(run("show work_mem"), [("99kB",)], "work_mem in a block")
                transaction.set_rollback(True)
            same(run("show work_mem"), [(wanted,)], "work_mem")

    def transactions(self):
        with transaction.atomic():
            self.insert(1)
        with transaction.atomic():
            self.insert(2)
            transaction.set_rollback(True)
        with transaction.atomic():
            self.insert(3)
            expect_error("23505", sqlstate, self.insert_three_in_a_savepoint)
            self.insert(4)
        same(self.numbers(1, 9), [1, 3, 4], "rows that were committed")
        self.rows += 3

    def insert_three_in_a_savepoint(self):
        with transaction.atomic():
            self.insert(3)

    def prepared(self):
        for n in range(100, 120):
            self.insert(n)
            self.rows += 1
        for n in range(100, 120):
            row = Row.objects.get(client=self.number, n=n)
            same(row.body, self.body(n), "prepared read")
            with transaction.atomic():
                locked = Row.objects.select_for_update().get(pk=row.pk)
                locked.body = self.body(n)
                locked.save(update_fields=["body"])
        rows = [Row(client=self.number, n=n, body=self.body(n)) for n in range(120, 140)]
        Row.objects.bulk_create(rows)
        self.rows += len(rows)
        same(self.numbers(100, 139), list(range(100, 140)), "rows written at once")

    def errors(self):
        self.insert(300)
        self.rows += 1
        expect_error("23505", sqlstate, lambda: self.insert(300))
        expect_error("42601", sqlstate, lambda: run("selec 1"))
        run("begin")
        expect_error("22012", sqlstate, lambda: run("select 1 / 0"))
        expect_error("25P02", sqlstate, lambda: run("select 1"))
        run("rollback")
        same(run("select %s::int", self.number), [(self.number,)], "value after errors")

    def cancel(self):
        run("begin")
        self.insert(400)
        driver = connection.connection
        done, thread = until_done(0.1, lambda: driver.cancel_safe(timeout=10))
        try:
            expect_error("57014", sqlstate, lambda: run("select pg_sleep(30)"))
        finally:
            done.set()
            thread.join()
        run("rollback")
        same(self.numbers(400, 400), [], "rows of the cancelled block")

    def copy(self):
        rows = [self.row(n) for n in range(1000, 1500)]
        with connection.cursor() as cursor:
            with cursor.copy("copy driver_rows (client, n, body) from stdin") as copy:
                for row in rows:
                    copy.write_row(row)
        self.rows += len(rows)
        sql = f"copy (select client, n, body from driver_rows where client = {self.number} and n >= 1000 order by n) to stdout"
        with connection.cursor() as cursor:
            with cursor.copy(sql) as copy:
                copy.set_types(["int4", "int4", "text"])
                same(list(copy.rows()), rows, "rows copied out")

    def own_rows(self):
        same(run(OWN_ROWS, self.number), [(self.rows, 0)], "own rows, wrong ones")

    def temporary_table(self):
        run("create temporary table mine (n int primary key, body text)")
        for step in range(3):
            with transaction.atomic():
                for n in range(10):
                    Mine.objects.create(n=10 * step + n, body=self.body(0))
            found = Mine.objects.aggregate(models.Count("n"), models.Min("body"), models.Max("body"))
            same(list(found.values()), [10 * step + 10, self.body(0), self.body(0)], "temporary rows")
        run("drop table mine")

    def hold_cursor(self):
        # iterator() outside a block is a WITH HOLD cursor of the server.
        for n in range(20):
            self.insert(1000 * self.number + n)
        read = []
        for row in Row.objects.filter(client=self.number).order_by("n").iterator(chunk_size=5):
            read.append(row.n)
            same(run("select %s::int", row.n), [(row.n,)], "between two fetches")
        same(read, [1000 * self.number + n for n in range(20)], "fetched")

    def listen(self):
        run(f"listen drivers_{self.number}")
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("select pg_notify(%s, %s)", (f"drivers_{self.number}", self.body(0)))
        other.close()
        found = [n.payload for n in connection.connection.notifies(timeout=10, stop_after=1)]
        same(found, [self.body(0)], "payload")
        run("unlisten *")


main(DjangoClient)
