<?php
// PHP's PDO: a process for each client; prepared statements of the server, COPY, notifications.
// PDO cannot cancel and has no pipeline.

const SKIPPED = ['pipeline' => 'PDO has none', 'cancel' => 'PDO has no call for it'];
const INSERT = 'insert into driver_rows (client, n, body) values (?, ?, ?)';
const NUMBERS = 'select n from driver_rows where client = ? and n between ? and ? order by n';
const OWN_ROWS = "select count(*), count(*) filter (where body <> client || ':' || n) from driver_rows where client = ?";

function same(mixed $got, mixed $wanted, string $what): void
{
    if ($got !== $wanted) {
        throw new Exception("$what: " . json_encode($got) . ' instead of ' . json_encode($wanted));
    }
}

function fails(string $sqlstate, callable $action): void
{
    try {
        $action();
    } catch (PDOException $error) {
        same($error->errorInfo[0] ?? '', $sqlstate, "SQLSTATE of {$error->getMessage()}");
        return;
    }
    throw new Exception("no error $sqlstate");
}

class Client
{
    private PDO $connection;
    private int $rows = 0;

    public function __construct(private int $number)
    {
    }

    public static function open(): PDO
    {
        return new PDO(
            sprintf('pgsql:host=%s;port=%s;dbname=%s', getenv('PGHOST'), getenv('PGPORT'), getenv('PGDATABASE')),
            getenv('PGUSER'),
            getenv('PGPASSWORD'),
            [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_NUM]
        );
    }

    public function login(): void
    {
        $this->connection = self::open();
    }

    public function connect(): void
    {
        $this->login();
        same($this->value('select ?::int', $this->number), $this->number, 'own number');
    }

    public function reset(): void
    {
        if ($this->connection->inTransaction()) {
            $this->connection->rollBack();
        }
    }

    private function body(int $n): string
    {
        return "$this->number:$n";
    }

    public function run(string $sql): void
    {
        $this->connection->exec($sql);
    }

    private function query(string $sql, mixed ...$values): PDOStatement
    {
        $statement = $this->connection->prepare($sql);
        $statement->execute($values);
        return $statement;
    }

    private function value(string $sql, mixed ...$values): mixed
    {
        return $this->query($sql, ...$values)->fetchColumn();
    }

    private function numbers(int $low, int $high): array
    {
        return $this->query(NUMBERS, $this->number, $low, $high)->fetchAll(PDO::FETCH_COLUMN);
    }

    public function insert(int $n): void
    {
        $this->query(INSERT, $this->number, $n, $this->body($n));
    }

    public function settings(): void
    {
        for ($step = 0; $step < 5; ++$step) {
            $wanted = 10001 + 20 * $this->number + 2 * $step . 'kB';
            $this->run("set work_mem = '$wanted'");
            $this->connection->beginTransaction();
            $this->run("set local work_mem = '99kB'");
            same($this->value('show work_mem'), '99kB', 'work_mem in a block');
            $this->connection->rollBack();
            same($this->value('show work_mem'), $wanted, 'work_mem');
        }
    }

    public function transactions(): void
    {
        $this->connection->beginTransaction();
        $this->insert(1);
        $this->connection->commit();
        $this->connection->beginTransaction();
        $this->insert(2);
        $this->connection->rollBack();
        $this->connection->beginTransaction();
        $this->insert(3);
        $this->run('savepoint again');
        fails('23505', fn () => $this->insert(3));
        $this->run('rollback to again');
        $this->insert(4);
        $this->connection->commit();
        $this->rows += 3;
        same($this->numbers(1, 9), [1, 3, 4], 'rows that were committed');
    }

    public function prepared(): void
    {
        $insert = $this->connection->prepare(INSERT);
        $read = $this->connection->prepare('select body from driver_rows where client = ? and n = ?');
        // Every client has a text of its own under the same name.
        $add = $this->connection->prepare("select ?::int + $this->number");
        for ($n = 100; $n < 120; ++$n) {
            $insert->execute([$this->number, $n, $this->body($n)]);
            ++$this->rows;
        }
        for ($n = 100; $n < 120; ++$n) {
            $read->execute([$this->number, $n]);
            same($read->fetchAll(), [[$this->body($n)]], 'prepared read');
            $add->execute([$n]);
            same($add->fetchAll(), [[$n + $this->number]], 'prepared sum');
        }
        $bytes = implode('', array_map('chr', range(0, 255)));
        $statement = $this->connection->prepare('select ?::bytea, null::int');
        $statement->bindValue(1, $bytes, PDO::PARAM_LOB);
        $statement->execute();
        $row = $statement->fetch();
        same(bin2hex(stream_get_contents($row[0])), bin2hex($bytes), 'bytes');
        same($row[1], null, 'null');
    }

    public function errors(): void
    {
        $this->insert(300);
        ++$this->rows;
        fails('23505', fn () => $this->insert(300));
        fails('42601', fn () => $this->run('selec 1'));
        fails('42601', fn () => $this->query('selec ?::int', 1));
        $this->connection->beginTransaction();
        fails('22012', fn () => $this->query('select 1 / ?::int', 0));
        fails('25P02', fn () => $this->run('select 1'));
        $this->connection->rollBack();
        same($this->value('select ?::int', $this->number), $this->number, 'value after errors');
    }

    public function copy(): void
    {
        $lines = array_map(fn ($n) => "$this->number\t$n\t{$this->body($n)}\n", range(1000, 1499));
        $this->connection->pgsqlCopyFromArray('driver_rows', $lines, "\t", '\\\\N', 'client, n, body');
        $this->rows += 500;
        $from = "(select client, n, body from driver_rows where client = $this->number and n >= 1000 order by n)";
        same($this->connection->pgsqlCopyToArray($from), $lines, 'rows copied out');
    }

    public function own_rows(): void
    {
        same($this->query(OWN_ROWS, $this->number)->fetch(), [$this->rows, 0], 'own rows, wrong ones');
    }

    public function temporary_table(): void
    {
        $this->run('create temporary table mine (n int, body text)');
        for ($step = 1; $step <= 3; ++$step) {
            $this->connection->beginTransaction();
            for ($n = 0; $n < 10; ++$n) {
                $this->query('insert into mine values (?, ?)', $n, $this->body(0));
            }
            $this->connection->commit();
            same($this->value('select count(*) from mine where body = ?', $this->body(0)), 10 * $step, 'rows');
        }
        $this->run('drop table mine');
    }

    public function hold_cursor(): void
    {
        // PDO's scrollable cursors are WITH HOLD cursors of the server.
        $held = $this->connection->prepare(
            "select generate_series($this->number, $this->number + 19)",
            [PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL]
        );
        $held->execute();
        for ($n = $this->number; $n < $this->number + 20; ++$n) {
            same($held->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_NEXT), [$n], 'fetched');
            same($this->value('select ?::int', $n), $n, 'between two fetches');
        }
        $held = null;
    }

    public function listen(): void
    {
        $this->run("listen drivers_$this->number");
        $other = self::open();
        $other->prepare('select pg_notify(?, ?)')->execute(["drivers_$this->number", $this->body(0)]);
        $other = null;
        $got = $this->connection->pgsqlGetNotify(PDO::FETCH_ASSOC, 10000);
        same($got['payload'] ?? null, $this->body(0), 'payload');
        $this->run('unlisten *');
    }

    public function refused(): void
    {
        $began = microtime(true);
        fails('53300', fn () => $this->insert(1));
        same(microtime(true) - $began < 20, true, 'refused in time');
    }

    public function served(): void
    {
        $this->insert(1);
    }
}

/** What one client has to say, in its own process: a line `CHECK TAB reason` for each failure. */
function work(int $number, array $checks): string
{
    $failures = '';
    $client = new Client($number);
    foreach ($checks as $check) {
        if (isset(SKIPPED[$check])) {
            continue;
        }
        try {
            $client->$check();
        } catch (Throwable $error) {
            $failures .= "$check\tclient $number: " . strtr($error->getMessage(), "\n\t", '  ') . "\n";
            if ($check === 'connect' || $check === 'login') {
                break;
            }
            try {
                $client->reset();
            } catch (Throwable) {
            }
        }
    }
    return $failures;
}

/** All clients at once, each a process; returns their failures by check. */
function everybody(array $checks): array
{
    $pipes = $reasons = [];
    for ($number = 1; $number <= (int) (getenv('CLIENTS') ?: 50); ++$number) {
        [$ours, $theirs] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        if (pcntl_fork() === 0) {
            fwrite($theirs, work($number, $checks) . "end\t\n");
            exit(0);
        }
        fclose($theirs);
        $pipes[$number] = $ours;
    }
    foreach ($pipes as $number => $pipe) {
        $lines = explode("\n", rtrim(stream_get_contents($pipe), "\n"));
        if (array_pop($lines) !== "end\t") {
            $reasons[$checks[0]][] = "client $number: its process died";
        }
        foreach ($lines as $line) {
            [$check, $reason] = explode("\t", "$line\t");
            $reasons[$check][] = $reason;
        }
    }
    return $reasons;
}

/** In a process of its own: a forked one would end the connection when it exits. */
function hold(): void
{
    $holder = new Client(0);
    $holder->connect();
    $holder->run('create temporary table kept (n int)');
    echo "held\n";
    fgets(STDIN);
    $holder->run('drop table kept');
}

/** One more client keeps the only server connection; the others are refused in time, and served later. */
function waiters(): array
{
    $holder = proc_open([PHP_BINARY, __FILE__, 'hold'], [['pipe', 'r'], ['pipe', 'w'], STDERR], $pipes);
    same(fgets($pipes[1]), "held\n", 'who keeps the connection');
    $refused = everybody(['login', 'refused']);
    fwrite($pipes[0], "\n");
    same(proc_close($holder), 0, 'end of who kept the connection');
    $reasons = array_merge(...array_values($refused), ...array_values(everybody(['login', 'served'])));
    return $reasons === [] ? [] : ['waiters' => $reasons];
}

if ($argv[1] === 'hold') {
    hold();
    exit(0);
}
$checks = array_slice($argv, 1);
$reasons = $checks === ['waiters'] ? waiters() : everybody(['connect', ...$checks]);
foreach (['connect', ...$checks] as $check) {
    if (isset(SKIPPED[$check])) {
        echo "skip $check: ", SKIPPED[$check], "\n";
    } elseif (isset($reasons[$check])) {
        echo "not ok $check: ", count($reasons[$check]), " clients; {$reasons[$check][0]}\n";
    } else {
        echo "ok $check\n";
    }
}
