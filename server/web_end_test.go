// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/mem"
)

// A request that begins in the moment in which its connection is found quiet is answered.
func TestHaltAnswersWhatRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		memory := mem.New()
		ln, err := memory.Listen(t.Context(), "mem", "", transport.Settings{})
		if err != nil {
			t.Fatal(err)
		}
		b := newBlocker()
		w := inMemory(t).handle("Wait", b.handle)
		served := make(chan error, 1)
		go func() { served <- w.ServeListener("tcp", ln) }()
		tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return memory.Dial(ctx, "mem", ln.Addr().String(), transport.Settings{})
		}}
		defer tr.CloseIdleConnections()
		answered := make(chan string, 1)
		go func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/S/Wait", strings.NewReader(`{"A":6,"B":7}`))
			if err != nil {
				panic(err)
			}
			r.Header.Set("Content-Type", "application/json")
			res, err := tr.RoundTrip(r)
			if err != nil {
				answered <- err.Error()
				return
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil {
				body = []byte(err.Error())
			}
			answered <- string(body)
		}()
		<-b.began
		c := w.AllConns()[0]
		halted := make(chan struct{})
		go func() {
			defer close(halted)
			c.Halt(t.Context())
		}()
		synctest.Wait()
		close(b.release)
		if got := <-answered; got != `{"C":42}` {
			t.Errorf("answered with %s", got)
		}
		<-halted
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
}

// Close does not wait for a request that begins when its connection is being closed, as one
// does that was sent before the answer to another.
func TestCloseWaitsForNoRequest(t *testing.T) {
	t.Parallel()
	dying := make(chan struct{})
	close(dying)
	for name, states := range map[string][]http.ConnState{
		"done":         {http.StateIdle, http.StateClosed},
		"next":         {http.StateIdle, http.StateActive},
		"next but one": {http.StateIdle, http.StateActive, http.StateIdle, http.StateActive},
		"under way":    {http.StateActive},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				over, change := server.Over(dying, states[0])
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					over()
				}()
				for _, s := range states[1:] {
					synctest.Wait()
					change(s)
				}
				synctest.Wait()
				select {
				case <-ended:
				default:
					t.Error("it is still waited for")
					change(http.StateClosed)
				}
			})
		})
	}
}
