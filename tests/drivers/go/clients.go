// Package clients is what the Go families share: the clients, each a goroutine, and the lines that a program prints.
package clients

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Client is one of the clients of a program. Checks finds what it can check, by name; the others are skipped.
type Client interface {
	Connect() error
	Checks() map[string]func() error
	Reset()
	Run(sql string) error
	Insert(n int) error
	State(err error) string // the SQLSTATE of an error of this driver
	Close()
}

// Identity is who a client is, and how many rows it has committed.
type Identity struct{ Number, Rows int }

func (c *Identity) Body(n int) string { return fmt.Sprintf("%d:%d", c.Number, n) }

const (
	InsertRow = "insert into driver_rows (client, n, body) values ($1, $2, $3)"
	ReadRow   = "select body from driver_rows where client = $1 and n = $2"
	Numbers   = "select n from driver_rows where client = $1 and n between $2 and $3 order by n"
	OwnRows   = "select count(*), count(*) filter (where body <> client || ':' || n) from driver_rows where client = $1"
)

// Same fails unless both are equal.
func Same(got, wanted any, what string) error {
	if reflect.DeepEqual(got, wanted) {
		return nil
	}
	return fmt.Errorf("%s: %v instead of %v", what, got, wanted)
}

// First is the first error, or none.
func First(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

// Expect fails unless err has that SQLSTATE.
func Expect(c Client, state string, err error) error {
	if err == nil {
		return errors.New("no error " + state)
	}
	if c.State(err) != state {
		return fmt.Errorf("not %s: %w", state, err)
	}
	return nil
}

// UntilDone does it after a while, and again until the function that it returns is called.
func UntilDone(every time.Duration, action func()) func() {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-time.After(every):
				action()
			}
		}
	}()
	return func() { close(done); <-ended }
}

type results struct {
	mutex   sync.Mutex
	reasons map[string][]string
}

func (r *results) failed(check string, number int, err error) {
	if err == nil {
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	text := fmt.Sprintf("client %d: %v", number, err)
	r.reasons[check] = append(r.reasons[check], strings.ReplaceAll(text, "\n", " "))
}

func (r *results) print(checks []string, skipped map[string]string) {
	for _, check := range checks {
		if why, skip := skipped[check]; skip {
			fmt.Printf("skip %s: %s\n", check, why)
		} else if all := r.reasons[check]; len(all) > 0 {
			fmt.Printf("not ok %s: %d clients; %s\n", check, len(all), all[0])
		} else {
			fmt.Printf("ok %s\n", check)
		}
	}
}

func (r *results) everybody(check string, clients []Client, action func(int, Client) error) {
	var all sync.WaitGroup
	for number, client := range clients {
		all.Add(1)
		go func() {
			defer all.Done()
			r.failed(check, number+1, action(number+1, client))
		}()
	}
	all.Wait()
}

// Main does the checks that the command line names.
func Main(make func(number int) Client, skipped map[string]string) {
	checks := os.Args[1:]
	count, err := strconv.Atoi(os.Getenv("CLIENTS"))
	if err != nil {
		count = 50
	}
	var clients []Client
	for number := 1; number <= count; number++ {
		clients = append(clients, make(number))
	}
	r := &results{reasons: map[string][]string{}}
	r.everybody("connect", clients, func(_ int, c Client) error { return c.Connect() })
	if len(r.reasons["connect"]) > 0 {
		r.print([]string{"connect"}, nil)
		return
	}
	if checks[0] == "waiters" {
		r.waiters(make(0), clients)
	} else {
		r.everybody(checks[0], clients, func(number int, c Client) error {
			for _, check := range checks {
				r.inOrder(c, check, number)
			}
			return nil
		})
	}
	r.print(append([]string{"connect"}, checks...), skipped)
	for _, c := range clients {
		c.Close()
	}
}

func (r *results) inOrder(c Client, check string, number int) {
	action, known := c.Checks()[check]
	if !known {
		return
	}
	if err := action(); err != nil {
		r.failed(check, number, err)
		c.Reset()
	}
}

// One more client keeps the only server connection; the others are refused in time, and served later.
func (r *results) waiters(holder Client, clients []Client) {
	r.failed("waiters", 0, First(holder.Connect(), holder.Run("create temporary table kept (n int)")))
	r.everybody("waiters", clients, func(_ int, c Client) error {
		began := time.Now()
		err := Expect(c, "53300", c.Insert(1))
		return First(err, Same(time.Since(began) < 20*time.Second, true, "refused in time"))
	})
	r.failed("waiters", 0, holder.Run("drop table kept"))
	r.everybody("waiters", clients, func(_ int, c Client) error { return c.Insert(1) })
	holder.Close()
}
