//! The clients, each a task, and the lines that the program prints.

use futures_util::future::join_all;
use std::collections::HashMap;
use std::env;
use std::fmt::Debug;
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

pub type Failure = Box<dyn std::error::Error>;
pub type Check = Result<(), Failure>;

pub struct Client {
    pub number: i32,
    pub rows: i64,
    pub connection: tokio_postgres::Client,
}

pub fn settings() -> String {
    let value = |name| env::var(name).unwrap_or_default();
    format!(
        "host={} port={} user={} password={} dbname={}",
        value("PGHOST"), value("PGPORT"), value("PGUSER"), value("PGPASSWORD"), value("PGDATABASE")
    )
}

pub fn same<T: PartialEq + Debug>(got: T, wanted: T, what: &str) -> Check {
    if got == wanted { Ok(()) } else { Err(format!("{what}: {got:?} instead of {wanted:?}").into()) }
}

pub fn expect<T>(state: SqlState, end: Result<T, tokio_postgres::Error>) -> Check {
    match end {
        Ok(_) => Err(format!("no error {}", state.code()).into()),
        Err(error) if error.code() == Some(&state) => Ok(()),
        Err(error) => Err(format!("not {}: {}", state.code(), text_of(&error)).into()),
    }
}

fn text_of(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

impl Client {
    async fn connect(number: i32) -> Result<Client, Failure> {
        let (client, connection) = tokio_postgres::connect(&settings(), NoTls).await?;
        tokio::spawn(connection);
        let value: i32 = client.query_one("select $1::int", &[&number]).await?.get(0);
        same(value, number, "own number")?;
        Ok(Client { number, rows: 0, connection: client })
    }

    pub fn body(&self, n: i32) -> String {
        format!("{}:{n}", self.number)
    }

    async fn in_order(&mut self, checks: &[String]) -> Vec<(String, i32, Failure)> {
        let mut failures = Vec::new();
        for check in checks {
            if let Err(error) = self.check(check).await {
                failures.push((check.clone(), self.number, error));
                let _ = self.connection.batch_execute("rollback").await;
            }
        }
        failures
    }
}

fn print(checks: &[String], failures: &[(String, i32, Failure)]) {
    let mut reasons: HashMap<&str, Vec<String>> = HashMap::new();
    for (check, number, error) in failures {
        let text = format!("client {number}: {}", text_of(error.as_ref()).replace('\n', " "));
        reasons.entry(check).or_default().push(text);
    }
    for check in checks {
        match reasons.get(check.as_str()) {
            Some(all) => println!("not ok {check}: {} clients; {}", all.len(), all[0]),
            None => println!("ok {check}"),
        }
    }
}

pub async fn run() {
    let checks: Vec<String> = env::args().skip(1).collect();
    let count: i32 = env::var("CLIENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(50);
    let mut clients = Vec::new();
    let mut failures = Vec::new();
    for (number, end) in (1..).zip(join_all((1..=count).map(Client::connect)).await) {
        match end {
            Ok(client) => clients.push(client),
            Err(error) => failures.push(("connect".to_string(), number, error)),
        }
    }
    if !failures.is_empty() {
        return print(&["connect".to_string()], &failures);
    }
    if checks == ["waiters"] {
        failures = waiters(&mut clients).await;
    } else {
        for found in join_all(clients.iter_mut().map(|client| client.in_order(&checks))).await {
            failures.extend(found);
        }
    }
    print(&["connect".to_string()], &failures);
    print(&checks, &failures);
}

/// One more client keeps the only server connection; the others are refused in time, and served later.
async fn waiters(clients: &mut [Client]) -> Vec<(String, i32, Failure)> {
    let mut failures = Vec::new();
    let mut note = |number, end: Check| {
        if let Err(error) = end {
            failures.push(("waiters".to_string(), number, error));
        }
    };
    let holder = match Client::connect(0).await {
        Ok(holder) => holder,
        Err(error) => {
            note(0, Err(error));
            return failures;
        }
    };
    note(0, holder.connection.batch_execute("create temporary table kept (n int)").await.map_err(Into::into));
    for (number, end) in (1..).zip(join_all(clients.iter_mut().map(Client::refused)).await) {
        note(number, end);
    }
    note(0, holder.connection.batch_execute("drop table kept").await.map_err(Into::into));
    for (number, end) in (1..).zip(join_all(clients.iter_mut().map(Client::served)).await) {
        note(number, end);
    }
    failures
}
