//! tokio-postgres: tasks of one thread; prepared statements, pipelining by joined futures, COPY.

mod clients;

use clients::{Check, Client, expect, same};
use futures_util::future::{join_all, try_join_all};
use futures_util::{SinkExt, StreamExt, TryStreamExt, stream};
use std::time::Duration;
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, NoTls};

const INSERT: &str = "insert into driver_rows (client, n, body) values ($1, $2, $3)";
const READ: &str = "select body from driver_rows where client = $1 and n = $2";
const NUMBERS: &str = "select n from driver_rows where client = $1 and n between $2 and $3 order by n";
const OWN_ROWS: &str = "select count(*), count(*) filter (where body <> client || ':' || n) \
                        from driver_rows where client = $1";

impl Client {
    async fn insert(&self, n: i32) -> Result<u64, tokio_postgres::Error> {
        self.connection.execute(INSERT, &[&self.number, &n, &self.body(n)]).await
    }

    async fn shown(&self) -> Result<String, tokio_postgres::Error> {
        Ok(self.connection.query_one("show work_mem", &[]).await?.get(0))
    }

    async fn numbers(&self, low: i32, high: i32) -> Result<Vec<i32>, tokio_postgres::Error> {
        let rows = self.connection.query(NUMBERS, &[&self.number, &low, &high]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    pub async fn check(&mut self, name: &str) -> Check {
        match name {
            "settings" => self.settings().await,
            "transactions" => self.transactions().await,
            "prepared" => self.prepared().await,
            "pipeline" => self.pipeline().await,
            "errors" => self.errors().await,
            "cancel" => self.cancel().await,
            "copy" => self.copy().await,
            "own_rows" => self.own_rows().await,
            "temporary_table" => self.temporary_table().await,
            "hold_cursor" => self.hold_cursor().await,
            "listen" => self.listen().await,
            _ => Err(format!("there is no check {name}").into()),
        }
    }

    async fn settings(&mut self) -> Check {
        for step in 0..5 {
            let wanted = format!("{}kB", 10001 + 20 * self.number + 2 * step);
            self.connection.batch_execute(&format!("set work_mem = '{wanted}'")).await?;
            let block = self.connection.transaction().await?;
            block.batch_execute("set local work_mem = '99kB'").await?;
            let shown: String = block.query_one("show work_mem", &[]).await?.get(0);
            same(shown, "99kB".into(), "work_mem in a block")?;
            block.rollback().await?;
            same(self.shown().await?, wanted, "work_mem")?;
        }
        Ok(())
    }

    async fn transactions(&mut self) -> Check {
        let (number, body) = (self.number, |n: i32| format!("{number}:{n}", number = self.number));
        let bodies = [body(1), body(2), body(3), body(4)];
        let block = self.connection.transaction().await?;
        block.execute(INSERT, &[&number, &1, &bodies[0]]).await?;
        block.commit().await?;
        let block = self.connection.transaction().await?;
        block.execute(INSERT, &[&number, &2, &bodies[1]]).await?;
        block.rollback().await?;
        let mut block = self.connection.transaction().await?;
        block.execute(INSERT, &[&number, &3, &bodies[2]]).await?;
        let again = block.savepoint("again").await?;
        expect(SqlState::UNIQUE_VIOLATION, again.execute(INSERT, &[&number, &3, &bodies[2]]).await)?;
        again.rollback().await?;
        block.execute(INSERT, &[&number, &4, &bodies[3]]).await?;
        block.commit().await?;
        self.rows += 3;
        same(self.numbers(1, 9).await?, vec![1, 3, 4], "rows that were committed")
    }

    async fn prepared(&mut self) -> Check {
        let insert = self.connection.prepare(INSERT).await?;
        let read = self.connection.prepare(READ).await?;
        // Every client has a text of its own under the same name.
        let add = self.connection.prepare(&format!("select $1::int + {}", self.number)).await?;
        for n in 100..120 {
            self.connection.execute(&insert, &[&self.number, &n, &self.body(n)]).await?;
            self.rows += 1;
        }
        for n in 100..120 {
            let body: String = self.connection.query_one(&read, &[&self.number, &n]).await?.get(0);
            same(body, self.body(n), "prepared read")?;
            let sum: i32 = self.connection.query_one(&add, &[&n]).await?.get(0);
            same(sum, n + self.number, "prepared sum")?;
        }
        let sent: Vec<u8> = (0..=255).collect();
        let row = self.connection.query_one("select $1::bytea, null::int", &[&sent]).await?;
        same(row.get::<_, Vec<u8>>(0), sent, "bytes")?;
        same(row.get::<_, Option<i32>>(1), None, "null")?;
        self.portal().await
    }

    async fn portal(&mut self) -> Check {
        let block = self.connection.transaction().await?;
        let portal = block.bind(NUMBERS, &[&self.number, &100, &119]).await?;
        let mut found: Vec<i32> = Vec::new();
        loop {
            let rows = block.query_portal(&portal, 7).await?;
            if rows.is_empty() {
                break;
            }
            found.extend(rows.iter().map(|row| row.get::<_, i32>(0)));
        }
        block.commit().await?;
        same(found, (100..120).collect(), "rows of a portal fetched in parts")
    }

    async fn pipeline(&mut self) -> Check {
        let insert = self.connection.prepare(INSERT).await?;
        let read = self.connection.prepare(READ).await?;
        let bodies: Vec<String> = (200..210).map(|n| self.body(n)).collect();
        let parameters: Vec<i32> = (200..210).collect();
        // All requests are sent before the first answer is awaited.
        let writes = (0..10).map(|i| {
            let (connection, number, insert) = (&self.connection, &self.number, &insert);
            let (n, body) = (&parameters[i], &bodies[i]);
            async move { connection.execute(insert, &[number, n, body]).await }
        });
        let reads = (0..10).map(|i| {
            let (connection, number, read, n) = (&self.connection, &self.number, &read, &parameters[i]);
            async move { connection.query_one(read, &[number, n]).await }
        });
        let (written, found) = tokio::join!(try_join_all(writes), try_join_all(reads));
        written?;
        self.rows += 10;
        let found: Vec<String> = found?.iter().map(|row| row.get(0)).collect();
        same(found, bodies, "reads in a pipeline")?;
        let again = join_all([200, 210, 201].map(|n| self.insert(n))).await;
        let mut failed = again.into_iter();
        expect(SqlState::UNIQUE_VIOLATION, failed.next().unwrap())?;
        failed.next().unwrap()?; // each has a Sync of its own
        self.rows += 1;
        expect(SqlState::UNIQUE_VIOLATION, failed.next().unwrap())?;
        same(self.numbers(200, 299).await?, (200..211).collect(), "rows after a pipeline with failures")
    }

    async fn errors(&mut self) -> Check {
        self.insert(300).await?;
        self.rows += 1;
        expect(SqlState::UNIQUE_VIOLATION, self.insert(300).await)?;
        expect(SqlState::SYNTAX_ERROR, self.connection.batch_execute("selec 1").await)?;
        expect(SqlState::SYNTAX_ERROR, self.connection.query("selec $1::int", &[&1]).await)?;
        self.connection.batch_execute("begin").await?;
        expect(SqlState::DIVISION_BY_ZERO, self.connection.query("select 1 / $1::int", &[&0]).await)?;
        expect(SqlState::IN_FAILED_SQL_TRANSACTION, self.connection.batch_execute("select 1").await)?;
        self.connection.batch_execute("rollback").await?;
        let value: i32 = self.connection.query_one("select $1::int", &[&self.number]).await?.get(0);
        same(value, self.number, "value after errors")
    }

    async fn cancel(&mut self) -> Check {
        self.connection.batch_execute("begin").await?;
        self.insert(400).await?;
        let token = self.connection.cancel_token();
        let sleep = self.connection.batch_execute("select pg_sleep(30)");
        tokio::pin!(sleep);
        // The driver does not wait until its request has been worked off: a second one only if it was lost.
        let mut pause = Duration::from_millis(200);
        let end = loop {
            tokio::select! {
                end = &mut sleep => break end,
                () = tokio::time::sleep(pause) => token.cancel_query(NoTls).await?,
            }
            pause = Duration::from_secs(10);
        };
        expect(SqlState::QUERY_CANCELED, end)?;
        self.connection.batch_execute("rollback").await?;
        same(self.numbers(400, 400).await?, vec![], "rows of the cancelled block")
    }

    async fn copy(&mut self) -> Check {
        let lines: Vec<String> = (1000..1500).map(|n| format!("{}\t{n}\t{}\n", self.number, self.body(n))).collect();
        let sink = self.connection.copy_in("copy driver_rows (client, n, body) from stdin").await?;
        tokio::pin!(sink);
        for line in &lines {
            sink.feed(bytes::Bytes::from(line.clone())).await?;
        }
        same(sink.finish().await?, 500, "rows copied in")?;
        self.rows += 500;
        let sql = format!(
            "copy (select client, n, body from driver_rows where client = {} and n >= 1000 order by n) to stdout",
            self.number
        );
        let chunks: Vec<bytes::Bytes> = self.connection.copy_out(&sql).await?.try_collect().await?;
        same(chunks.concat(), lines.concat().into_bytes(), "rows copied out")
    }

    async fn own_rows(&mut self) -> Check {
        let row = self.connection.query_one(OWN_ROWS, &[&self.number]).await?;
        same((row.get(0), row.get(1)), (self.rows, 0i64), "own rows, wrong ones")
    }

    async fn temporary_table(&mut self) -> Check {
        self.connection.batch_execute("create temporary table mine (n int, body text)").await?;
        let body = self.body(0);
        for step in 0..3i64 {
            let block = self.connection.transaction().await?;
            for n in 0..10 {
                block.execute("insert into mine values ($1, $2)", &[&n, &body]).await?;
            }
            block.commit().await?;
            let sql = "select count(*) from mine where body = $1";
            let count: i64 = self.connection.query_one(sql, &[&body]).await?.get(0);
            same(count, 10 * step + 10, "temporary rows")?;
        }
        Ok(self.connection.batch_execute("drop table mine").await?)
    }

    async fn hold_cursor(&mut self) -> Check {
        let first = self.number;
        let sql = format!("declare held cursor with hold for select generate_series({first}, {})", first + 19);
        self.connection.batch_execute(&sql).await?;
        for n in (first..first + 20).step_by(5) {
            let rows = self.connection.query("fetch 5 from held", &[]).await?;
            let found: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
            same(found, (n..n + 5).collect(), "fetched")?;
            let value: i32 = self.connection.query_one("select $1::int", &[&n]).await?.get(0);
            same(value, n, "between two fetches")?;
        }
        Ok(self.connection.batch_execute("close held").await?)
    }

    async fn listen(&mut self) -> Check {
        // Its own connection: notifications come out of the driver's connection task.
        let (listener, mut connection) = tokio_postgres::connect(&clients::settings(), NoTls).await?;
        let (sender, mut notifications) = tokio::sync::mpsc::unbounded_channel();
        let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
        let task = tokio::spawn(async move {
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notification(notification) = message {
                    let _ = sender.send(notification.payload().to_string());
                }
            }
        });
        let channel = format!("drivers_{}", self.number);
        listener.batch_execute(&format!("listen {channel}")).await?;
        self.connection.execute("select pg_notify($1, $2)", &[&channel, &self.body(0)]).await?;
        let payload = tokio::time::timeout(Duration::from_secs(10), notifications.recv()).await?;
        same(payload, Some(self.body(0)), "payload")?;
        listener.batch_execute("unlisten *").await?;
        drop(listener);
        task.await?;
        Ok(())
    }

    pub async fn refused(&mut self) -> Check {
        let began = tokio::time::Instant::now();
        expect(SqlState::TOO_MANY_CONNECTIONS, self.insert(1).await)?;
        same(began.elapsed() < Duration::from_secs(20), true, "refused in time")
    }

    pub async fn served(&mut self) -> Check {
        self.insert(1).await?;
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    clients::run().await;
}
