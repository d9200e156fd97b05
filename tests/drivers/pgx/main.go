// pgx: its own interface, statement cache on, batches (pipelines), COPY.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"clients"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

type client struct {
	clients.Identity
	conn *pgx.Conn
}

var ctx = context.Background()

func (c *client) Connect() (err error) {
	if c.conn, err = pgx.Connect(ctx, ""); err != nil {
		return err
	}
	return c.sees(c.Number, "select $1::int", c.Number)
}

func (c *client) Close() { c.conn.Close(ctx) }

func (c *client) Reset() { _ = c.Run("rollback") }

func (c *client) State(err error) string {
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		return failure.Code
	}
	return ""
}

func (c *client) Checks() map[string]func() error {
	return map[string]func() error{
		"settings": c.settings, "transactions": c.transactions, "prepared": c.prepared, "pipeline": c.pipeline,
		"errors": c.errors, "cancel": c.cancel, "copy": c.copy, "own_rows": c.ownRows,
		"temporary_table": c.temporaryTable, "hold_cursor": c.holdCursor, "listen": c.listen,
	}
}

func (c *client) Run(sql string) error {
	_, err := c.conn.Exec(ctx, sql)
	return err
}

func (c *client) Insert(n int) error {
	_, err := c.conn.Exec(ctx, clients.InsertRow, c.Number, n, c.Body(n))
	return err
}

// sees: the statement's only value is that.
func (c *client) sees(wanted any, sql string, arguments ...any) error {
	rows, err := c.conn.Query(ctx, sql, arguments...)
	if err != nil {
		return err
	}
	var got any
	switch wanted.(type) {
	case int:
		got, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[int])
	default:
		got, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[string])
	}
	return clients.First(err, clients.Same(got, wanted, sql))
}

func (c *client) seesNumbers(wanted []int, sql string, arguments ...any) error {
	rows, err := c.conn.Query(ctx, sql, arguments...)
	if err != nil {
		return err
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[int])
	return clients.First(err, clients.Same(got, wanted, sql))
}

func (c *client) settings() error {
	for step := range 5 {
		wanted := fmt.Sprintf("%dkB", 10001+20*c.Number+2*step)
		err := clients.First(c.Run("set work_mem = '"+wanted+"'"),
			c.Run("begin"), c.Run("set local work_mem = '99kB'"), c.sees("99kB", "show work_mem"),
			c.Run("rollback"), c.sees(wanted, "show work_mem"))
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *client) transactions() error {
	err := pgx.BeginFunc(ctx, c.conn, func(pgx.Tx) error { return c.Insert(1) })
	if err != nil {
		return err
	}
	block, err := c.conn.Begin(ctx)
	if err != nil {
		return err
	}
	if err = clients.First(c.Insert(2), block.Rollback(ctx)); err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, c.conn, func(block pgx.Tx) error {
		if err := c.Insert(3); err != nil {
			return err
		}
		again := pgx.BeginFunc(ctx, block, func(pgx.Tx) error { return c.Insert(3) })
		return clients.First(clients.Expect(c, "23505", again), c.Insert(4))
	})
	c.Rows += 3
	return clients.First(err, c.seesNumbers([]int{1, 3, 4}, clients.Numbers, c.Number, 1, 9))
}

func (c *client) prepared() error {
	for n := 100; n < 120; n++ {
		if err := c.Insert(n); err != nil {
			return err
		}
		c.Rows++
	}
	// Every client has a text of its own under the same name.
	if _, err := c.conn.Prepare(ctx, "add", fmt.Sprintf("select $1::int + %d", c.Number)); err != nil {
		return err
	}
	for n := 100; n < 120; n++ {
		err := clients.First(c.sees(c.Body(n), clients.ReadRow, c.Number, n), c.sees(n+c.Number, "add", n))
		if err != nil {
			return err
		}
	}
	sent := bytes.Repeat([]byte{0, 1, 254, 255}, 64)
	var got []byte
	var none *int
	err := c.conn.QueryRow(ctx, "select $1::bytea, null::int", sent).Scan(&got, &none)
	return clients.First(err, clients.Same(got, sent, "bytes"), clients.Same(none, (*int)(nil), "null"))
}

func (c *client) pipeline() error {
	batch := &pgx.Batch{}
	for n := 200; n < 210; n++ {
		batch.Queue(clients.InsertRow, c.Number, n, c.Body(n))
		batch.Queue(clients.ReadRow, c.Number, n).QueryRow(func(row pgx.Row) error {
			var body string
			return clients.First(row.Scan(&body), clients.Same(body, c.Body(n), "read in a batch"))
		})
	}
	if err := c.conn.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	c.Rows += 10
	failing := &pgx.Batch{}
	for _, n := range []int{210, 200, 211} {
		failing.Queue(clients.InsertRow, c.Number, n, c.Body(n))
	}
	err := clients.Expect(c, "23505", c.conn.SendBatch(ctx, failing).Close())
	return clients.First(err, c.seesNumbers([]int{200, 201, 202, 203, 204, 205, 206, 207, 208, 209},
		clients.Numbers, c.Number, 200, 299))
}

func (c *client) errors() error {
	if err := c.Insert(300); err != nil {
		return err
	}
	c.Rows++
	return clients.First(
		clients.Expect(c, "23505", c.Insert(300)),
		clients.Expect(c, "42601", c.Run("selec 1")),
		clients.Expect(c, "42601", c.sees(1, "selec $1::int", 1)),
		c.Run("begin"),
		clients.Expect(c, "22012", c.sees(1, "select 1 / $1::int", 0)),
		clients.Expect(c, "25P02", c.Run("select 1")),
		c.Run("rollback"),
		c.sees(c.Number, "select $1::int", c.Number))
}

func (c *client) cancel() error {
	if err := clients.First(c.Run("begin"), c.Insert(400)); err != nil {
		return err
	}
	stop := clients.UntilDone(100*time.Millisecond, func() { _ = c.conn.PgConn().CancelRequest(ctx) })
	err := clients.Expect(c, "57014", c.Run("select pg_sleep(30)"))
	stop()
	return clients.First(err, c.Run("rollback"), c.seesNumbers([]int{}, clients.Numbers, c.Number, 400, 400))
}

func (c *client) copy() error {
	var rows [][]any
	var wanted strings.Builder
	for n := 1000; n < 1500; n++ {
		rows = append(rows, []any{c.Number, n, c.Body(n)})
		fmt.Fprintf(&wanted, "%d\t%d\t%s\n", c.Number, n, c.Body(n))
	}
	_, err := c.conn.CopyFrom(ctx, pgx.Identifier{"driver_rows"}, []string{"client", "n", "body"}, pgx.CopyFromRows(rows))
	if err != nil {
		return err
	}
	c.Rows += len(rows)
	var out bytes.Buffer
	_, err = c.conn.PgConn().CopyTo(ctx, io.Writer(&out), fmt.Sprintf(
		"copy (select client, n, body from driver_rows where client = %d and n >= 1000 order by n) to stdout", c.Number))
	return clients.First(err, clients.Same(out.String(), wanted.String(), "rows copied out"))
}

func (c *client) ownRows() error {
	var all, wrong int
	err := c.conn.QueryRow(ctx, clients.OwnRows, c.Number).Scan(&all, &wrong)
	return clients.First(err, clients.Same([]int{all, wrong}, []int{c.Rows, 0}, "own rows, wrong ones"))
}

func (c *client) temporaryTable() error {
	if err := c.Run("create temporary table mine (n int, body text)"); err != nil {
		return err
	}
	for step := range 3 {
		err := pgx.BeginFunc(ctx, c.conn, func(block pgx.Tx) error {
			for n := range 10 {
				if _, err := block.Exec(ctx, "insert into mine values ($1, $2)", n, c.Body(0)); err != nil {
					return err
				}
			}
			return nil
		})
		if err = clients.First(err, c.sees(10*step+10, "select count(*)::int from mine where body = $1", c.Body(0))); err != nil {
			return err
		}
	}
	return c.Run("drop table mine")
}

func (c *client) holdCursor() error {
	err := c.Run(fmt.Sprintf("declare held cursor with hold for select generate_series(%d, %d)", c.Number, c.Number+19))
	for n := c.Number; n < c.Number+20 && err == nil; n += 5 {
		err = clients.First(c.seesNumbers([]int{n, n + 1, n + 2, n + 3, n + 4}, "fetch 5 from held"),
			c.sees(n, "select $1::int", n))
	}
	return clients.First(err, c.Run("close held"))
}

func (c *client) listen() error {
	channel := fmt.Sprintf("drivers_%d", c.Number)
	if err := c.Run("listen " + channel); err != nil {
		return err
	}
	other, err := pgx.Connect(ctx, "")
	if err != nil {
		return err
	}
	_, err = other.Exec(ctx, "select pg_notify($1, $2)", channel, c.Body(0))
	if err = clients.First(err, other.Close(ctx)); err != nil {
		return err
	}
	limited, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	notification, err := c.conn.WaitForNotification(limited)
	if err != nil {
		return err
	}
	return clients.First(clients.Same(notification.Payload, c.Body(0), "payload"), c.Run("unlisten *"))
}

func main() {
	clients.Main(func(number int) clients.Client {
		return &client{Identity: clients.Identity{Number: number}}
	}, nil)
}
