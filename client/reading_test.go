// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// lonely makes call after call on a connection, each alone, until callers read for
// themselves.
func lonely(t testing.TB, c *client.Conn, w *wire) {
	t.Helper()
	for range client.Lonely {
		done := inBackground(on(t.Context(), c), "x")
		w.reply(w.next(), "x")
		wantOK(t, receive(t, done, "a call"), "x")
		synctest.Wait() // or the next call may be there before the goroutine looks
	}
	heldBy(t, c, "nobody")
}

func heldBy(t testing.TB, c *client.Conn, want string) {
	t.Helper()
	if got := c.HeldBy(); got != want {
		t.Errorf("%s reads the connection, want %s", got, want)
	}
}

// alone runs f on a connection whose callers read for themselves, in fake time.
func alone(t *testing.T, f func(t *testing.T, c *client.Conn, w *wire)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := newPeer(t).dial(client.Option{Logger: quiet()})
		w.accept(c, "cancel")
		lonely(t, c, w)
		f(t, c, w)
	})
}

func TestLoneCallerReads(t *testing.T) {
	alone(t, func(t *testing.T, c *client.Conn, w *wire) {
		for i := range 100 {
			text := strconv.Itoa(i)
			done := inBackground(on(t.Context(), c), text)
			m := w.next()
			synctest.Wait()
			heldBy(t, c, "a caller")
			w.reply(m, text)
			wantOK(t, <-done, text)
			synctest.Wait()
			heldBy(t, c, "nobody")
		}
	})
}

// Who reads gives others their replies, in whatever order they come, and hands the
// connection on when its own is there.
func TestLoneCallerReadsForOthers(t *testing.T) {
	alone(t, func(t *testing.T, c *client.Conn, w *wire) {
		first := inBackground(on(t.Context(), c), "first")
		m1 := w.next()
		synctest.Wait()
		second := inBackground(on(t.Context(), c), "second")
		m2 := w.next()
		third := inBackground(on(t.Context(), c), "third")
		m3 := w.next()
		w.reply(m2, "second")
		wantOK(t, <-second, "second")
		heldBy(t, c, "a caller")
		w.reply(m1, "first")
		wantOK(t, <-first, "first")
		synctest.Wait()
		heldBy(t, c, "its goroutine")
		w.reply(m3, "third")
		wantOK(t, <-third, "third")
	})
}

// Replies that arrive in one piece are all given out by who reads the first.
func TestLoneCallerReadsTheWholeBatch(t *testing.T) {
	alone(t, func(t *testing.T, c *client.Conn, w *wire) {
		const n = 20
		var calls [n]<-chan result
		var batch []byte
		for i := range calls {
			calls[i] = inBackground(on(t.Context(), c), fmt.Sprint(i))
			m := w.next()
			batch, _ = answerTo(m, fmt.Sprint(i)).AppendBinary(batch)
			synctest.Wait()
		}
		w.sendBytes(batch)
		for i := range calls {
			wantOK(t, <-calls[i], fmt.Sprint(i))
		}
		synctest.Wait()
		heldBy(t, c, "nobody")
	})
}

// The context of a caller that reads ends its call at the time it says, and the
// connection and the handler learn of it as they do otherwise.
func TestLoneCallerHeedsItsContext(t *testing.T) {
	tests := map[string]struct {
		end  func(ctx context.Context) (context.Context, context.CancelFunc)
		code rpcx.Code
	}{
		"deadline": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, rpcx.DeadlineExceeded},
		"cancel": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		}, rpcx.Canceled},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			alone(t, func(t *testing.T, c *client.Conn, w *wire) {
				for range 3 {
					began := time.Now()
					ctx, cancel := tt.end(t.Context())
					done := inBackground(on(ctx, c), "late")
					m := w.next()
					r := <-done
					cancel()
					wantError(t, r.err, tt.code, false)
					if took := time.Since(began); took != time.Second {
						t.Errorf("the call ended after %v", took)
					}
					if m := w.next(); m.Service != control || m.Method != "cancel" {
						t.Errorf("got %+v, want a cancel", m)
					}
					w.reply(m, "too late")
					done = inBackground(on(t.Context(), c), "next")
					w.reply(w.next(), "next")
					wantOK(t, <-done, "next")
				}
			})
		})
	}
}

// A caller that leaves while others wait hands the connection on.
func TestLoneCallerLeavesOthersBehind(t *testing.T) {
	alone(t, func(t *testing.T, c *client.Conn, w *wire) {
		ctx, cancel := context.WithCancel(t.Context())
		first := inBackground(on(ctx, c), "first")
		w.next()
		synctest.Wait()
		second := inBackground(on(t.Context(), c), "second")
		m := w.next()
		cancel()
		wantError(t, (<-first).err, rpcx.Canceled, false)
		w.next() // the cancel
		w.reply(m, "second")
		wantOK(t, <-second, "second")
	})
}

// Half a reply is kept when the caller that reads it leaves.
func TestLoneCallerLeavesHalfAReply(t *testing.T) {
	alone(t, func(t *testing.T, c *client.Conn, w *wire) {
		ctx, cancel := context.WithCancel(t.Context())
		first := inBackground(on(ctx, c), "first")
		b, _ := answerTo(w.next(), "first").AppendBinary(nil)
		w.sendBytes(b[:len(b)/2])
		synctest.Wait()
		cancel()
		wantError(t, (<-first).err, rpcx.Canceled, false)
		w.next() // the cancel
		second := inBackground(on(t.Context(), c), "second")
		m := w.next()
		w.sendBytes(b[len(b)/2:])
		w.reply(m, "second")
		wantOK(t, <-second, "second")
	})
}

// What the server does while nobody reads is noticed soon.
func TestNobodyReads(t *testing.T) {
	tests := map[string]func(w *wire){
		"close": func(w *wire) { w.Close() },
		"drain": func(w *wire) { w.drain() },
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			alone(t, func(t *testing.T, c *client.Conn, w *wire) {
				began := time.Now()
				end(w)
				<-c.Done()
				if took := time.Since(began); took > 100*time.Millisecond {
					t.Errorf("it took %v", took)
				}
				err := c.Call(t.Context(), "S", "M", []byte("x"), new([]byte))
				wantError(t, err, rpcx.Unavailable, true)
			})
		})
	}
}

// A connection that ends under a caller that reads ends all calls, as unknown.
func TestConnectionEndsUnderLoneCaller(t *testing.T) {
	tests := map[string]struct {
		end  func(c *client.Conn, w *wire)
		code rpcx.Code
	}{
		"lost":      {func(_ *client.Conn, w *wire) { w.Close() }, rpcx.Unavailable},
		"malformed": {func(_ *client.Conn, w *wire) { w.sendBytes([]byte("GET / HTTP/1.1\r\n\r\n")) }, rpcx.Internal},
		"closed":    {func(c *client.Conn, _ *wire) { c.Close() }, rpcx.Canceled},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			alone(t, func(t *testing.T, c *client.Conn, w *wire) {
				first := inBackground(on(t.Context(), c), "first")
				w.next()
				synctest.Wait()
				second := inBackground(on(t.Context(), c), "second")
				w.next()
				synctest.Wait()
				tt.end(c, w)
				wantError(t, (<-first).err, tt.code, false)
				wantError(t, (<-second).err, tt.code, false)
				<-c.Done()
			})
		})
	}
}

// A client that wants pushes does not wait for the next call to read them.
func TestPushesWithoutCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pushed := make(chan *protocol.Message, 1)
		c, w := newPeer(t).dial(client.Option{Pushes: pushed})
		for range 3 * client.Lonely {
			done := inBackground(on(t.Context(), c), "x")
			w.reply(w.next(), "x")
			wantOK(t, <-done, "x")
		}
		synctest.Wait()
		heldBy(t, c, "its goroutine")
		w.push("weather")
		synctest.Wait()
		if len(pushed) != 1 {
			t.Error("the push has not come")
		}
	})
}

// A connection that the server closed while nobody read it is not used again: the call
// goes out on a new one, under Failfast as well.
func TestCallAfterTheServerClosed(t *testing.T) {
	t.Parallel()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var answering sync.WaitGroup
	defer answering.Wait()
	defer ln.Close()
	conns := make(chan net.Conn, 100)
	answering.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			conns <- nc
			answering.Go(func() { answerAll(nc) })
		}
	})
	x := client.NewXClient("S", client.Failfast, client.RandomSelect,
		client.NewPeer2PeerDiscovery("tcp@"+ln.Addr().String(), ""), client.Option{Logger: quiet()})
	defer x.Close()
	for range 10 {
		for range 3 * client.Lonely {
			var reply []byte
			if err := x.Call(t.Context(), "M", []byte("x"), &reply); err != nil {
				t.Fatal(err)
			}
		}
		(<-conns).Close()
		time.Sleep(2 * client.Fresh) // the end has arrived, and has probably not been read yet
	}
}

// answerAll answers every frame that comes over nc with itself.
func answerAll(nc net.Conn) {
	defer nc.Close()
	in := protocol.NewReader(nc, protocol.Limits{})
	for {
		f, err := in.Next()
		if err != nil {
			return
		}
		m := f.Message()
		m.Type = protocol.Response
		b, _ := m.AppendBinary(nil)
		if _, err := nc.Write(b); err != nil {
			return
		}
	}
}

// Few callers come and go, some give up, over real sockets: the role is handed on all
// the time, and every call ends with its own reply or its own context's error.
func TestReadersTakeTurns(t *testing.T) {
	t.Parallel()
	s := server.NewServer()
	handle(t, s, "M", echo)
	handle(t, s, "Wait", func(ctx context.Context, _, _ *[]byte) error {
		<-ctx.Done()
		return ctx.Err()
	})
	addr := startTCP(t, s)
	for _, callers := range []int{1, 2, 3, 8} {
		t.Run(fmt.Sprint(callers), func(t *testing.T) {
			t.Parallel()
			c, err := client.Dial(t.Context(), "tcp", addr, client.Option{})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			var group sync.WaitGroup
			for g := range callers {
				group.Go(func() {
					for i := range 3000 {
						if i%97 == 96 {
							ctx, cancel := context.WithTimeout(t.Context(), 100*time.Microsecond)
							err := c.Call(ctx, "S", "Wait", []byte("x"), new([]byte))
							cancel()
							if !errors.Is(err, context.DeadlineExceeded) {
								t.Errorf("caller %d, call %d: %v", g, i, err)
							}
							continue
						}
						want := fmt.Sprint(g, i)
						var reply []byte
						if err := c.Call(t.Context(), "S", "M", []byte(want), &reply); err != nil || string(reply) != want {
							t.Errorf("caller %d, call %d: %q, %v", g, i, reply, err)
							return
						}
					}
				})
			}
			group.Wait()
		})
	}
}
