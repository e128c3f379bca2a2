// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/mem"
)

// grace is what handlers get when the time is up.
const grace = 100 * time.Millisecond

// stopping is a handler that returns something when it is told to stop.
func stopping(began chan<- struct{}) func(context.Context, *Args, *Reply) error {
	return func(ctx context.Context, _ *Args, reply *Reply) error {
		began <- struct{}{}
		<-ctx.Done()
		reply.C = 42
		return nil
	}
}

// A shutdown that runs out of time tells handlers to stop, and sends what they return then.
func TestOutOfTimeHandlersAreAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t)
		began := make(chan struct{})
		w.handle("work", stopping(began))
		p := w.dial(t)
		p.send(request("S", "work", `{}`), request("S", "work", `{}`))
		<-began
		<-began
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		since := time.Now()
		done := w.shutdown(ctx)
		for range 2 {
			if m := p.receive(); m.Status != protocol.Normal || string(m.Payload) != `{"C":42}` {
				t.Errorf("received %+v", m)
			}
		}
		err := <-done
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "calls told to stop: 2, connections open: 1") {
			t.Errorf("Shutdown returned %v", err)
		}
		if took := time.Since(since); took > time.Second+grace/2 {
			t.Errorf("Shutdown took %v", took)
		}
	})
}

// The same holds for calls over HTTP.
func TestOutOfTimeOverHTTP(t *testing.T) {
	t.Parallel()
	w := onTCP(t)
	began := make(chan struct{})
	w.handle("work", stopping(began))
	answered := make(chan string, 1)
	go func() {
		web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := web.Post("http://"+w.addr+"/S/work", "application/json", strings.NewReader(`{}`))
		if err != nil {
			answered <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		answered <- strings.TrimSpace(string(body))
	}()
	<-began
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := w.Shutdown(ctx)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "calls told to stop: 1, connections open: 1") {
		t.Errorf("Shutdown returned %v", err)
	}
	if got := <-answered; got != `{"C":42}` {
		t.Errorf("answered %s", got)
	}
}

// deadlined is a listener whose Accept returns when its deadline has passed, and no sooner.
type deadlined struct {
	net.Listener
	at chan time.Time
}

func (l deadlined) SetDeadline(at time.Time) error {
	l.at <- at
	return nil
}

func (l deadlined) Accept() (net.Conn, error) {
	time.Sleep(time.Until(<-l.at))
	return nil, os.ErrDeadlineExceeded
}

// A shutdown without any time blames no listener that is about to return.
func TestOutOfTimeListenersAreWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		below, err := mem.New().Listen(t.Context(), "mem", "", transport.Settings{})
		if err != nil {
			t.Fatal(err)
		}
		s := server.NewServer(server.WithLogger(slog.New(slog.DiscardHandler)))
		served := make(chan error, 1)
		go func() { served <- s.ServeListener("mem", deadlined{below, make(chan time.Time, 1)}) }()
		<-s.Started()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown returned %v", err)
		}
		if err := <-served; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("ServeListener returned %v", err)
		}
	})
}
