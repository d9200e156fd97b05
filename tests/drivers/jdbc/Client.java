import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/** JDBC: server-side statements from the first execution, batches, rows fetched in parts, COPY. */
class Client implements AutoCloseable {
    private static final String INSERT = "insert into driver_rows (client, n, body) values (?, ?, ?)";
    private static final String READ = "select body from driver_rows where client = ? and n = ?";
    private static final String NUMBERS =
            "select n from driver_rows where client = ? and n between ? and ? order by n";
    private static final String OWN_ROWS = "select count(*) || ' ' || count(*) filter "
            + "(where body <> client || ':' || n) from driver_rows where client = ?";

    final int number;
    private int rows = 0;
    private Connection connection;

    Client(int number) {
        this.number = number;
    }

    static Connection open() throws SQLException {
        String url = "jdbc:postgresql://%s:%s/%s?sslmode=disable&prepareThreshold=1".formatted(
                System.getenv("PGHOST"), System.getenv("PGPORT"), System.getenv("PGDATABASE"));
        return DriverManager.getConnection(url, System.getenv("PGUSER"), System.getenv("PGPASSWORD"));
    }

    void connect() throws SQLException {
        connection = open();
        sees(number, "select ?::int", number);
    }

    @Override
    public void close() throws SQLException {
        connection.close();
    }

    void reset() throws SQLException {
        if (!connection.getAutoCommit()) connection.rollback();
        connection.setAutoCommit(true);
    }

    static void same(Object got, Object wanted, String what) {
        if (!Objects.equals(got, wanted)) throw new AssertionError(what + ": " + got + " instead of " + wanted);
    }

    static void fails(String sqlstate, Program.Action action) throws Exception {
        try {
            action.run();
        } catch (SQLException error) {
            same(error.getSQLState(), sqlstate, "SQLSTATE of " + error);
            return;
        }
        throw new AssertionError("no error " + sqlstate);
    }

    private static List<Integer> range(int low, int high) {
        return IntStream.range(low, high).boxed().toList();
    }

    String body(int n) {
        return number + ":" + n;
    }

    void run(String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private void fill(PreparedStatement statement, Object... values) throws SQLException {
        for (int i = 0; i < values.length; ++i) statement.setObject(i + 1, values[i]);
    }

    void insert(int n) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(INSERT)) {
            fill(statement, number, n, body(n));
            statement.executeUpdate();
        }
    }

    /** The first column of all rows. */
    private List<Object> column(String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            fill(statement, values);
            List<Object> all = new ArrayList<>();
            ResultSet result = statement.executeQuery();
            while (result.next()) all.add(result.getObject(1));
            return all;
        }
    }

    private void sees(Object wanted, String sql, Object... values) throws SQLException {
        same(column(sql, values), List.of(wanted), sql);
    }

    void settings() throws SQLException {
        for (int step = 0; step < 5; ++step) {
            String wanted = 10001 + 20 * number + 2 * step + "kB";
            run("set work_mem = '" + wanted + "'");
            connection.setAutoCommit(false);
            run("set local work_mem = '99kB'");
            sees("99kB", "show work_mem");
            reset();
            sees(wanted, "show work_mem");
        }
    }

    void transactions() throws Exception {
        connection.setAutoCommit(false);
        insert(1);
        connection.commit();
        insert(2);
        connection.rollback();
        insert(3);
        Savepoint again = connection.setSavepoint("again");
        fails("23505", () -> insert(3));
        connection.rollback(again);
        insert(4);
        connection.commit();
        rows += 3;
        connection.setAutoCommit(true);
        same(column(NUMBERS, number, 1, 9), List.of(1, 3, 4), "rows that were committed");
    }

    void prepared() throws SQLException {
        try (PreparedStatement insert = connection.prepareStatement(INSERT);
                PreparedStatement read = connection.prepareStatement(READ);
                // Every client has a text of its own under the same name.
                PreparedStatement add = connection.prepareStatement("select ?::int + " + number)) {
            for (int n = 100; n < 120; ++n) {
                fill(insert, number, n, body(n));
                insert.executeUpdate();
                rows += 1;
            }
            for (int n = 100; n < 120; ++n) {
                fill(read, number, n);
                ResultSet found = read.executeQuery();
                found.next();
                same(found.getString(1), body(n), "prepared read");
                fill(add, n);
                found = add.executeQuery();
                found.next();
                same(found.getInt(1), n + number, "prepared sum");
            }
        }
        byte[] sent = new byte[256];
        for (int i = 0; i < 256; ++i) sent[i] = (byte) i;
        byte[] got = (byte[]) column("select ?::bytea", (Object) sent).get(0);
        same(Arrays.equals(got, sent), true, "bytes");
        same(column("select null::int").get(0), null, "null");
        fetchInParts();
    }

    /** In a block, a fetch size makes the driver use a portal. */
    private void fetchInParts() throws SQLException {
        connection.setAutoCommit(false);
        try (PreparedStatement statement = connection.prepareStatement(NUMBERS)) {
            statement.setFetchSize(7);
            fill(statement, number, 100, 119);
            List<Integer> found = new ArrayList<>();
            ResultSet result = statement.executeQuery();
            while (result.next()) found.add(result.getInt(1));
            same(found, range(100, 120), "rows of a portal fetched in parts");
        }
        connection.commit();
        connection.setAutoCommit(true);
    }

    /** A batch goes out before its answers are read. */
    void pipeline() throws Exception {
        try (PreparedStatement insert = connection.prepareStatement(INSERT)) {
            for (int n = 200; n < 210; ++n) {
                fill(insert, number, n, body(n));
                insert.addBatch();
            }
            same(IntStream.of(insert.executeBatch()).sum(), 10, "rows of a batch");
            rows += 10;
            connection.setAutoCommit(false);
            for (int n : new int[] {210, 200, 211}) {
                fill(insert, number, n, body(n));
                insert.addBatch();
            }
            fails("23505", insert::executeBatch);
            reset();
        }
        same(column(NUMBERS, number, 200, 299), range(200, 210), "rows after a batch that failed");
    }

    void errors() throws Exception {
        insert(300);
        rows += 1;
        fails("23505", () -> insert(300));
        fails("42601", () -> run("selec 1"));
        fails("42601", () -> column("selec ?::int", 1));
        connection.setAutoCommit(false);
        fails("22012", () -> column("select 1 / ?::int", 0));
        fails("25P02", () -> run("select 1"));
        reset();
        sees(number, "select ?::int", number);
    }

    void cancel() throws Exception {
        connection.setAutoCommit(false);
        insert(400);
        CountDownLatch done = new CountDownLatch(1);
        try (Statement sleep = connection.createStatement()) {
            Thread canceller = new Thread(() -> {
                try {
                    while (!done.await(100, TimeUnit.MILLISECONDS)) sleep.cancel();
                } catch (InterruptedException | SQLException error) {
                    System.err.println(error);
                }
            });
            canceller.start();
            try {
                fails("57014", () -> sleep.execute("select pg_sleep(30)"));
            } finally {
                done.countDown();
                canceller.join();
            }
        }
        reset();
        same(column(NUMBERS, number, 400, 400), List.of(), "rows of the cancelled block");
    }

    void copy() throws Exception {
        StringBuilder lines = new StringBuilder();
        for (int n = 1000; n < 1500; ++n) lines.append("%d\t%d\t%s\n".formatted(number, n, body(n)));
        var copy = connection.unwrap(PGConnection.class).getCopyAPI();
        long copied = copy.copyIn("copy driver_rows (client, n, body) from stdin", new StringReader(lines.toString()));
        same(copied, 500L, "rows copied in");
        rows += 500;
        StringWriter out = new StringWriter();
        copy.copyOut("copy (select client, n, body from driver_rows where client = " + number
                + " and n >= 1000 order by n) to stdout", out);
        same(out.toString().contentEquals(lines), true, "rows copied out are those copied in");
    }

    void ownRows() throws SQLException {
        sees(rows + " 0", OWN_ROWS, number);
    }

    void temporaryTable() throws SQLException {
        run("create temporary table mine (n int, body text)");
        for (int step = 1; step <= 3; ++step) {
            connection.setAutoCommit(false);
            try (PreparedStatement insert = connection.prepareStatement("insert into mine values (?, ?)")) {
                for (int n = 0; n < 10; ++n) {
                    fill(insert, n, body(0));
                    insert.executeUpdate();
                }
            }
            connection.commit();
            connection.setAutoCommit(true);
            sees(10L * step, "select count(*) from mine where body = ?", body(0));
        }
        run("drop table mine");
    }

    void holdCursor() throws SQLException {
        run("declare held cursor with hold for select generate_series(%d, %d)".formatted(number, number + 19));
        for (int n = number; n < number + 20; n += 5) {
            same(column("fetch 5 from held"), range(n, n + 5), "fetched");
            sees(n, "select ?::int", n);
        }
        run("close held");
    }

    void listen() throws SQLException {
        run("listen drivers_" + number);
        try (Connection other = open(); PreparedStatement notify = other.prepareStatement("select pg_notify(?, ?)")) {
            notify.setString(1, "drivers_" + number);
            notify.setString(2, body(0));
            notify.execute();
        }
        PGNotification[] got = connection.unwrap(PGConnection.class).getNotifications(10000);
        same(got != null && got.length == 1, true, "a notification in 10 s");
        same(got[0].getParameter(), body(0), "payload");
        run("unlisten *");
    }

    void refused() throws Exception {
        long began = System.nanoTime();
        fails("53300", () -> insert(1));
        same(System.nanoTime() - began < 20_000_000_000L, true, "refused in time");
    }
}
