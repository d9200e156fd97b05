"""asyncpg: 50 connections in one event loop; every statement is a prepared one in binary format."""

import asyncio
import io
import sys

import asyncpg

from clients import CLIENTS, Client, Results, same

INSERT = "insert into driver_rows (client, n, body) values ($1, $2, $3)"
READ = "select body from driver_rows where client = $1 and n = $2"


async def expect_error(sqlstate, action):
    began = asyncio.get_running_loop().time()
    try:
        await action
    except asyncpg.PostgresError as error:
        same(error.sqlstate, sqlstate, f"SQLSTATE of {error}")
        return asyncio.get_running_loop().time() - began
    raise AssertionError(f"no error {sqlstate}")


class AsyncpgClient(Client):
    skipped = {}

    async def connect(self):
        self.connection = await asyncpg.connect()
        same(await self.connection.fetchval("select $1::int", self.number), self.number, "own number")

    async def insert(self, n):
        await self.connection.execute(INSERT, *self.row(n))

    async def settings(self):
        for step in range(5):
            wanted = f"{10001 + 20 * self.number + 2 * step}kB"
            await self.connection.execute(f"set work_mem = '{wanted}'")
            transaction = self.connection.transaction()
            await transaction.start()
            await self.connection.execute("set local work_mem = '99kB'")
            same(await self.connection.fetchval("show work_mem"), "99kB", "work_mem in a block")
            await transaction.rollback()
            same(await self.connection.fetchval("show work_mem"), wanted, "work_mem")

    async def transactions(self):
        async with self.connection.transaction():
            await self.insert(1)
        transaction = self.connection.transaction()
        await transaction.start()
        await self.insert(2)
        await transaction.rollback()
        async with self.connection.transaction():
            await self.insert(3)
            await expect_error("23505", self.insert_three_in_a_savepoint())
            await self.insert(4)
        found = await self.connection.fetch(
            "select n from driver_rows where client = $1 and n < 10 order by n", self.number)
        same([row["n"] for row in found], [1, 3, 4], "rows that were committed")
        self.rows += 3

    async def insert_three_in_a_savepoint(self):
        async with self.connection.transaction():
            await self.insert(3)

    async def prepared(self):
        for n in range(100, 120):
            await self.insert(n)
            self.rows += 1
        read = await self.connection.prepare(READ)
        # Every client has a text of its own under the same name.
        add = await self.connection.prepare(f"select $1::int + {self.number}, $2::bytea, $3::numeric, null")
        for n in range(100, 120):
            same(await read.fetchval(self.number, n), self.body(n), "prepared read")
            value = bytes(range(256))
            same(tuple(await add.fetchrow(n, value, n)), (n + self.number, value, n, None), "prepared values")
        seen = 0
        async with self.connection.transaction():
            async for row in self.connection.cursor(
                    "select n from driver_rows where client = $1 and n between 100 and 119 order by n",
                    self.number, prefetch=7):
                same(row["n"], 100 + seen, "row of a portal fetched in parts")
                seen += 1
        same(seen, 20, "rows of a portal")

    async def pipeline(self):
        await self.connection.executemany(INSERT, [self.row(n) for n in range(200, 210)])
        self.rows += 10
        # executemany is one transaction.
        await expect_error("23505", self.connection.executemany(INSERT, [self.row(210), self.row(200), self.row(211)]))
        count = "select count(*) from driver_rows where client = $1 and n between 200 and 299"
        same(await self.connection.fetchval(count, self.number), 10, "rows after a batch that failed")

    async def errors(self):
        await self.insert(300)
        self.rows += 1
        await expect_error("23505", self.insert(300))
        await expect_error("42601", self.connection.execute("selec 1"))
        await expect_error("42601", self.connection.fetch("selec $1", 1))
        transaction = self.connection.transaction()
        await transaction.start()
        await expect_error("22012", self.connection.fetchval("select 1 / $1::int", 0))
        await expect_error("25P02", self.connection.fetchval("select 1"))
        await transaction.rollback()
        same(await self.connection.fetchval("select $1::int", self.number), self.number, "value after errors")

    async def cancel(self):
        transaction = self.connection.transaction()
        await transaction.start()
        await self.insert(400)
        try:
            # The driver sends a cancel request when the time is over.
            await self.connection.fetchval("select pg_sleep(30)", timeout=0.2)
            raise AssertionError("pg_sleep came to its end")
        except asyncio.TimeoutError:
            pass
        await expect_error("25P02", self.connection.fetchval("select 1"))
        await transaction.rollback()
        count = "select count(*) from driver_rows where client = $1 and n = 400"
        same(await self.connection.fetchval(count, self.number), 0, "rows of the cancelled block")

    async def copy(self):
        rows = [self.row(n) for n in range(1000, 1500)]
        await self.connection.copy_records_to_table("driver_rows", records=rows, columns=["client", "n", "body"])
        self.rows += len(rows)
        out = io.BytesIO()
        await self.connection.copy_from_query(
            "select client, n, body from driver_rows where client = $1 and n >= 1000 order by n",
            self.number, output=out)
        same(out.getvalue(), "".join("%d\t%d\t%s\n" % row for row in rows).encode(), "rows copied out")

    async def own_rows(self):
        found = await self.connection.fetchrow(
            "select count(*), count(*) filter (where body <> client || ':' || n) from driver_rows where client = $1",
            self.number)
        same(tuple(found), (self.rows, 0), "own rows, wrong ones")
        # What asyncpg's pool sends when a connection goes back to it.
        await self.connection.reset(timeout=30)
        same(await self.connection.fetchval("select $1::int", self.number), self.number, "value after a reset")

    async def temporary_table(self):
        await self.connection.execute("create temporary table mine (n int, body text)")
        for step in range(3):
            await self.connection.executemany("insert into mine values ($1, $2)", [(n, self.body(0)) for n in range(10)])
            found = await self.connection.fetchrow("select count(*), min(body), max(body) from mine")
            same(tuple(found), (10 * step + 10, self.body(0), self.body(0)), "temporary rows")
        await self.connection.execute("drop table mine")

    async def hold_cursor(self):
        first = self.number
        await self.connection.execute(
            f"declare held cursor with hold for select generate_series({first}, {first + 19})")
        for n in range(first, first + 20, 5):
            found = await self.connection.fetch("fetch 5 from held")
            same([row[0] for row in found], list(range(n, n + 5)), "fetched")
            same(await self.connection.fetchval("select $1::int", n), n, "between two fetches")
        await self.connection.execute("close held")

    async def listen(self):
        arrived = asyncio.get_running_loop().create_future()

        def listener(_connection, _pid, _channel, payload):
            if not arrived.done():
                arrived.set_result(payload)

        await self.connection.add_listener(f"drivers_{self.number}", listener)
        other = await asyncpg.connect()
        await other.execute("select pg_notify($1, $2)", f"drivers_{self.number}", self.body(0))
        await other.close()
        same(await asyncio.wait_for(arrived, 10), self.body(0), "payload")
        await self.connection.remove_listener(f"drivers_{self.number}", listener)

    async def refused(self):
        seconds = await expect_error("53300", self.insert(1))
        same(seconds < 20, True, f"refused in time ({seconds:.1f} s)")

    async def served(self):
        await self.insert(1)


async def everybody(results, check, clients, action):
    ends = await asyncio.gather(*(action(client) for client in clients), return_exceptions=True)
    for client, end in zip(clients, ends):
        if isinstance(end, BaseException):
            results.failed(check, client.number, end)


async def in_order(results, client, checks):
    for check in checks:
        try:
            await getattr(client, check)()
        except Exception as error:
            results.failed(check, client.number, error)
            if client.connection.is_in_transaction():
                await client.connection.execute("rollback")


async def run(checks):
    results = Results(["connect", *checks], AsyncpgClient.skipped)
    clients = [AsyncpgClient(number) for number in range(1, CLIENTS + 1)]
    await everybody(results, "connect", clients, AsyncpgClient.connect)
    if checks == ["waiters"]:
        holder = AsyncpgClient(0)
        await holder.connect()
        await holder.connection.execute("create temporary table kept (n int)")
        await everybody(results, "waiters", clients, AsyncpgClient.refused)
        await holder.connection.execute("drop table kept")
        await everybody(results, "waiters", clients, AsyncpgClient.served)
        await holder.connection.close()
    else:
        await everybody(results, checks[0], clients, lambda client: in_order(results, client, checks))
    await asyncio.gather(*(client.connection.close() for client in clients))
    results.print()


asyncio.run(run(sys.argv[1:]))
