// lib/pq through database/sql: prepared statements, COPY in. It cannot COPY out, and has no pipeline.
package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"clients"

	"github.com/lib/pq"
)

type client struct {
	clients.Identity
	database *sql.DB
	conn     *sql.Conn
}

var ctx = context.Background()

func (c *client) Connect() (err error) {
	if c.database, err = sql.Open("postgres", "sslmode=disable"); err != nil {
		return err
	}
	if c.conn, err = c.database.Conn(ctx); err != nil {
		return err
	}
	return c.sees(c.Number, "select $1::int", c.Number)
}

func (c *client) Close() {
	c.conn.Close()
	c.database.Close()
}

func (c *client) Reset() { _ = c.Run("rollback") }

func (c *client) State(err error) string {
	var failure *pq.Error
	if errors.As(err, &failure) {
		return string(failure.Code)
	}
	return ""
}

func (c *client) Checks() map[string]func() error {
	return map[string]func() error{
		"settings": c.settings, "transactions": c.transactions, "prepared": c.prepared, "errors": c.errors,
		"cancel": c.cancel, "copy": c.copyIn, "own_rows": c.ownRows,
		"temporary_table": c.temporaryTable, "hold_cursor": c.holdCursor, "listen": c.listen,
	}
}

func (c *client) Run(text string) error {
	_, err := c.conn.ExecContext(ctx, text)
	return err
}

func (c *client) Insert(n int) error { return c.insertBy(c.conn.ExecContext, n) }

func (c *client) insertBy(exec func(context.Context, string, ...any) (sql.Result, error), n int) error {
	_, err := exec(ctx, clients.InsertRow, c.Number, n, c.Body(n))
	return err
}

// sees: the statement's only value is that.
func (c *client) sees(wanted any, text string, arguments ...any) error {
	row := c.conn.QueryRowContext(ctx, text, arguments...)
	if _, number := wanted.(int); number {
		var got int
		return clients.First(row.Scan(&got), clients.Same(got, wanted, text))
	}
	var got string
	return clients.First(row.Scan(&got), clients.Same(got, wanted, text))
}

func (c *client) seesNumbers(wanted []int, text string, arguments ...any) error {
	rows, err := c.conn.QueryContext(ctx, text, arguments...)
	if err != nil {
		return err
	}
	defer rows.Close()
	got := []int{}
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return err
		}
		got = append(got, n)
	}
	return clients.First(rows.Err(), clients.Same(got, wanted, text))
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

func (c *client) inBlock(action func(*sql.Tx) error) error {
	block, err := c.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err = action(block); err != nil {
		_ = block.Rollback()
		return err
	}
	return block.Commit()
}

func (c *client) transactions() error {
	undo := errors.New("undo")
	err := clients.First(
		c.inBlock(func(block *sql.Tx) error { return c.insertBy(block.ExecContext, 1) }),
		c.inBlock(func(block *sql.Tx) error {
			if err := c.insertBy(block.ExecContext, 3); err != nil {
				return err
			}
			if _, err := block.Exec("savepoint again"); err != nil {
				return err
			}
			err := clients.Expect(c, "23505", c.insertBy(block.ExecContext, 3))
			_, back := block.Exec("rollback to again")
			return clients.First(err, back, c.insertBy(block.ExecContext, 4))
		}))
	rolledBack := c.inBlock(func(block *sql.Tx) error {
		return clients.First(c.insertBy(block.ExecContext, 2), undo)
	})
	if rolledBack != undo {
		err = clients.First(err, rolledBack)
	}
	c.Rows += 3
	return clients.First(err, c.seesNumbers([]int{1, 3, 4}, clients.Numbers, c.Number, 1, 9))
}

func (c *client) prepared() error {
	insert, err := c.conn.PrepareContext(ctx, clients.InsertRow)
	if err != nil {
		return err
	}
	defer insert.Close()
	// Every client has a text of its own under the same name.
	add, err := c.conn.PrepareContext(ctx, fmt.Sprintf("select $1::int + %d", c.Number))
	if err != nil {
		return err
	}
	defer add.Close()
	for n := 100; n < 120; n++ {
		if _, err = insert.Exec(c.Number, n, c.Body(n)); err != nil {
			return err
		}
		c.Rows++
	}
	for n := 100; n < 120; n++ {
		var sum int
		err := clients.First(add.QueryRow(n).Scan(&sum), clients.Same(sum, n+c.Number, "prepared sum"),
			c.sees(c.Body(n), clients.ReadRow, c.Number, n))
		if err != nil {
			return err
		}
	}
	sent := bytes.Repeat([]byte{0, 1, 254, 255}, 64)
	var got []byte
	var none sql.NullInt64
	err = c.conn.QueryRowContext(ctx, "select $1::bytea, null::int", sent).Scan(&got, &none)
	return clients.First(err, clients.Same(got, sent, "bytes"), clients.Same(none.Valid, false, "null"))
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

// The driver sends a cancel request when the context ends, and gives the connection up: one more than usual.
func (c *client) cancel() error {
	other := &client{Identity: c.Identity}
	if err := other.Connect(); err != nil {
		return err
	}
	defer other.Close()
	if err := clients.First(other.Run("begin"), other.Insert(400)); err != nil {
		return err
	}
	limited, stop := context.WithTimeout(ctx, 200*time.Millisecond)
	defer stop()
	began := time.Now()
	_, err := other.conn.ExecContext(limited, "select pg_sleep(30)")
	return clients.First(clients.Same(err == nil, false, "pg_sleep came to its end"),
		clients.Same(time.Since(began) < 20*time.Second, true, "cancelled in time"),
		c.seesNumbers([]int{}, clients.Numbers, c.Number, 400, 400))
}

func (c *client) copyIn() error {
	err := c.inBlock(func(block *sql.Tx) error {
		rows, err := block.Prepare("copy driver_rows (client, n, body) from stdin")
		if err != nil {
			return err
		}
		for n := 1000; n < 1500; n++ {
			if _, err = rows.Exec(c.Number, n, c.Body(n)); err != nil {
				return err
			}
		}
		_, err = rows.Exec()
		return clients.First(err, rows.Close())
	})
	c.Rows += 500
	return clients.First(err, c.sees(500, "select count(*)::int from driver_rows where client = $1 and n >= 1000", c.Number))
}

func (c *client) ownRows() error {
	var all, wrong int
	err := c.conn.QueryRowContext(ctx, clients.OwnRows, c.Number).Scan(&all, &wrong)
	return clients.First(err, clients.Same([]int{all, wrong}, []int{c.Rows, 0}, "own rows, wrong ones"))
}

func (c *client) temporaryTable() error {
	if err := c.Run("create temporary table mine (n int, body text)"); err != nil {
		return err
	}
	for step := range 3 {
		err := c.inBlock(func(block *sql.Tx) error {
			for n := range 10 {
				if _, err := block.Exec("insert into mine values ($1, $2)", n, c.Body(0)); err != nil {
					return err
				}
			}
			return nil
		})
		if err = clients.First(err, c.sees(10*step+10, "select count(*) from mine where body = $1", c.Body(0))); err != nil {
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
	// A connection of its own, which the driver checks and opens again if need be.
	listener := pq.NewListener("sslmode=disable", time.Second, time.Second, nil)
	defer listener.Close()
	if err := listener.Listen(channel); err != nil {
		return err
	}
	if _, err := c.conn.ExecContext(ctx, "select pg_notify($1, $2)", channel, c.Body(0)); err != nil {
		return err
	}
	select {
	case notification := <-listener.Notify:
		return clients.First(clients.Same(notification.Extra, c.Body(0), "payload"), listener.UnlistenAll())
	case <-time.After(10 * time.Second):
		return errors.New("no notification in 10 s")
	}
}

func main() {
	clients.Main(func(number int) clients.Client {
		return &client{Identity: clients.Identity{Number: number}}
	}, map[string]string{"pipeline": "lib/pq has none"})
}
