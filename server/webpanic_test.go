// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/server"
)

// lines is a log that may be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A panic of a user's handler is counted and logged as those of methods are, and one that
// is meant to end the connection is not.
func TestPanicOfHTTPHandler(t *testing.T) {
	t.Parallel()
	var log lines
	w := onTCP(t, server.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))).arith()
	for path, what := range map[string]any{"/boom": "boom", "/abort": http.ErrAbortHandler} {
		if err := w.HandleHTTP(path, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(what) })); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"/boom", "/abort"} {
		nc := w.dialNet(t)
		_ = nc.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(nc, "GET "+path+" HTTP/1.1\r\nHost: h\r\n\r\n")
		if got := drainAll(nc); len(got) > 0 {
			t.Errorf("%s: answered %q", path, got)
		}
	}
	if n := w.Stats().Panics; n != 1 {
		t.Errorf("%d panics were counted, want 1", n)
	}
	if text := log.String(); !strings.Contains(text, "boom") || !strings.Contains(text, "webpanic_test.go") || strings.Contains(text, "abort Handler") {
		t.Errorf("logged %q", text)
	}
	w.mustWork(t)
}
