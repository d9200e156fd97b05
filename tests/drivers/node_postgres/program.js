// node-postgres: connections of one event loop; named prepared statements, queued queries, COPY by streams.
import { Readable } from 'node:stream';
import { pipeline as connectStreams } from 'node:stream/promises';
import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';

const insertRow = 'insert into driver_rows (client, n, body) values ($1, $2, $3)';
const readRow = 'select body from driver_rows where client = $1 and n = $2';
const numbers = 'select n from driver_rows where client = $1 and n between $2 and $3 order by n';
const ownRows = `select count(*)::int as rows, count(*) filter (where body <> client || ':' || n)::int as wrong
    from driver_rows where client = $1`;

function same(got, wanted, what) {
    if (!isDeepStrictEqual(got, wanted)) {
        throw new Error(`${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`);
    }
}

async function fails(sqlstate, promise) {
    try {
        await promise;
    } catch (error) {
        if (error.code !== sqlstate) throw new Error(`not ${sqlstate}: ${error.code} ${error.message}`);
        return;
    }
    throw new Error(`no error ${sqlstate}`);
}

const range = (low, count) => Array.from({ length: count }, (_, i) => low + i);
const seconds = (count) => new Promise((resolve) => setTimeout(resolve, 1000 * count));

class Client {
    constructor(number) {
        this.number = number;
        this.rows = 0;
    }

    async connect() {
        this.connection = new pg.Client();
        this.connection.on('error', (error) => console.error(error.message));
        await this.connection.connect();
        same(await this.value('select $1::int', [this.number]), this.number, 'own number');
    }

    async close() {
        await this.connection.end();
    }

    async reset() {
        await this.run('rollback');
    }

    body(n) {
        return `${this.number}:${n}`;
    }

    row(n) {
        return [this.number, n, this.body(n)];
    }

    run(text, values) {
        return this.connection.query(text, values);
    }

    named(name, text, values) {
        return this.connection.query({ name, text, values });
    }

    async value(text, values) {
        return Object.values((await this.run(text, values)).rows[0])[0];
    }

    insert(n) {
        return this.run(insertRow, this.row(n));
    }

    async numbers(low, high) {
        return (await this.run(numbers, [this.number, low, high])).rows.map((row) => row.n);
    }

    async settings() {
        for (let step = 0; step < 5; ++step) {
            const wanted = `${10001 + 20 * this.number + 2 * step}kB`;
            await this.run(`set work_mem = '${wanted}'`);
            await this.run('begin');
            await this.run("set local work_mem = '99kB'");
            same(await this.value('show work_mem'), '99kB', 'work_mem in a block');
            await this.run('rollback');
            same(await this.value('show work_mem'), wanted, 'work_mem');
        }
    }

    async transactions() {
        await this.run('begin');
        await this.insert(1);
        await this.run('commit');
        await this.run('begin');
        await this.insert(2);
        await this.run('rollback');
        await this.run('begin');
        await this.insert(3);
        await this.run('savepoint again');
        await fails('23505', this.insert(3));
        await this.run('rollback to again');
        await this.insert(4);
        await this.run('commit');
        this.rows += 3;
        same(await this.numbers(1, 9), [1, 3, 4], 'rows that were committed');
    }

    async prepared() {
        for (const n of range(100, 20)) {
            await this.named('insert', insertRow, this.row(n));
            this.rows += 1;
        }
        for (const n of range(100, 20)) {
            const read = await this.named('read', readRow, [this.number, n]);
            same(read.rows, [{ body: this.body(n) }], 'prepared read');
            // Every client has a text of its own under the same name.
            const sum = await this.named('add', `select $1::int + ${this.number} as sum`, [n]);
            same(sum.rows, [{ sum: n + this.number }], 'prepared sum');
        }
        const sent = Buffer.from(range(0, 256));
        const found = await this.run('select $1::bytea as bytes, null::int as none', [sent]);
        same(found.rows[0], { bytes: sent, none: null }, 'bytes and null');
    }

    // All queries are given to the driver before the first answer is awaited.
    async pipeline() {
        const batch = range(200, 10).flatMap((n) => [
            this.named('insert', insertRow, this.row(n)),
            this.named('read', readRow, [this.number, n]),
        ]);
        const ends = await Promise.all(batch);
        this.rows += 10;
        same(ends.filter((_, i) => i % 2 === 1).map((end) => end.rows[0].body),
            range(200, 10).map((n) => this.body(n)), 'reads in a batch');
        const again = await Promise.allSettled([200, 210, 201].map((n) => this.insert(n)));
        this.rows += 1;
        same(again.map((end) => end.reason?.code), ['23505', undefined, '23505'], 'errors in a batch');
        same(await this.numbers(200, 299), range(200, 11), 'rows after a batch with failures');
    }

    async errors() {
        await this.insert(300);
        this.rows += 1;
        await fails('23505', this.insert(300));
        await fails('42601', this.run('selec 1'));
        await fails('42601', this.run('selec $1::int', [1]));
        await this.run('begin');
        await fails('22012', this.run('select 1 / $1::int', [0]));
        await fails('25P02', this.run('select 1'));
        await this.run('rollback');
        same(await this.value('select $1::int', [this.number]), this.number, 'value after errors');
    }

    async cancel() {
        await this.run('begin');
        await this.insert(400);
        let done = false;
        const sleeping = fails('57014', this.run('select pg_sleep(30)')).finally(() => { done = true; });
        const running = this.connection._activeQuery ?? this.connection.activeQuery;
        while (!done) {
            await Promise.race([seconds(0.1), sleeping.catch(() => {})]);
            if (!done) await cancel(this.connection, running);
        }
        await sleeping;
        await this.run('rollback');
        same(await this.numbers(400, 400), [], 'rows of the cancelled block');
    }

    async copy() {
        const lines = range(1000, 500).map((n) => `${this.row(n).join('\t')}\n`);
        const into = this.connection.query(copyFrom('copy driver_rows (client, n, body) from stdin'));
        await connectStreams(Readable.from(lines), into);
        this.rows += lines.length;
        const out = this.connection.query(copyTo(
            `copy (select client, n, body from driver_rows where client = ${this.number} and n >= 1000 order by n) to stdout`));
        let received = '';
        for await (const chunk of out) received += chunk;
        if (received !== lines.join('')) throw new Error('rows copied out: others than copied in');
    }

    async own_rows() {
        same((await this.run(ownRows, [this.number])).rows[0], { rows: this.rows, wrong: 0 }, 'own rows, wrong ones');
    }

    async temporary_table() {
        await this.run('create temporary table mine (n int, body text)');
        for (let step = 1; step <= 3; ++step) {
            await this.run('begin');
            for (const n of range(0, 10)) {
                await this.named('mine', 'insert into mine values ($1, $2)', [n, this.body(0)]);
            }
            await this.run('commit');
            same(await this.value('select count(*)::int from mine where body = $1', [this.body(0)]), 10 * step,
                'temporary rows');
        }
        await this.run('drop table mine');
    }

    async hold_cursor() {
        const first = this.number;
        await this.run(`declare held cursor with hold for select generate_series(${first}, ${first + 19}) as n`);
        for (let n = first; n < first + 20; n += 5) {
            same((await this.run('fetch 5 from held')).rows.map((row) => row.n), range(n, 5), 'fetched');
            same(await this.value('select $1::int', [n]), n, 'between two fetches');
        }
        await this.run('close held');
    }

    async listen() {
        const channel = `drivers_${this.number}`;
        const arrived = new Promise((resolve) => this.connection.once('notification', resolve));
        await this.run(`listen ${channel}`);
        const other = new pg.Client();
        await other.connect();
        await other.query('select pg_notify($1, $2)', [channel, this.body(0)]);
        await other.end();
        const notification = await Promise.race([arrived, seconds(10)]);
        same(notification?.payload, this.body(0), 'payload');
        await this.run('unlisten *');
    }

    async refused() {
        const began = Date.now();
        await fails('53300', this.insert(1));
        same(Date.now() - began < 20000, true, 'refused in time');
    }
}

// The driver's own cancel() does not tell when its request has arrived.
function cancel(connection, running) {
    return new Promise((resolve) => {
        const other = new pg.Client();
        other.connection.once('end', resolve);
        other.cancel(connection, running);
    });
}

const checks = process.argv.slice(2);
const reasons = new Map(['connect', ...checks].map((check) => [check, []]));

async function attempt(check, client, action) {
    try {
        await action();
        return true;
    } catch (error) {
        reasons.get(check).push(`client ${client.number}: ${error.message}`);
        return false;
    }
}

async function inOrder(client) {
    for (const check of checks) {
        if (!await attempt(check, client, () => client[check]())) await client.reset().catch(() => {});
    }
}

// One more client keeps the only server connection; the others are refused in time, and served later.
async function waiters(clients) {
    const holder = new Client(0);
    await attempt('waiters', holder, () => holder.connect());
    await attempt('waiters', holder, () => holder.run('create temporary table kept (n int)'));
    await Promise.all(clients.map((client) => attempt('waiters', client, () => client.refused())));
    await attempt('waiters', holder, () => holder.run('drop table kept'));
    await Promise.all(clients.map((client) => attempt('waiters', client, () => client.insert(1))));
    await holder.close();
}

function print() {
    for (const [check, all] of reasons) {
        if (all.length > 0) {
            console.log(`not ok ${check}: ${all.length} clients; ${all[0].replaceAll('\n', ' ')}`);
        } else {
            console.log(`ok ${check}`);
        }
    }
}

const clients = range(1, Number(process.env.CLIENTS ?? 50)).map((number) => new Client(number));
await Promise.all(clients.map((client) => attempt('connect', client, () => client.connect())));
if (reasons.get('connect').length > 0) {
    console.log(`not ok connect: ${reasons.get('connect')[0]}`);
    process.exit(1);
}
if (checks[0] === 'waiters') {
    await waiters(clients);
} else {
    await Promise.all(clients.map(inOrder));
}
print();
await Promise.all(clients.map((client) => client.close()));
