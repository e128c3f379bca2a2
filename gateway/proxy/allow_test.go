// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/gateway/proxy"
)

// A list that misses a method of a service that it has is likely a mistake: the operator
// learns of it. Whatever else strangers call says nothing.
func TestForgottenMethodIsLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	w := newWorld(t, proxy.Config{
		Allow:  []string{"S.Echo", "a.b.M"},
		Client: client.Option{Logger: slog.New(slog.NewTextHandler(&log, nil))},
	})
	w.post("/Nobody/M", "").want(t, 404, "can't find service Nobody")
	w.post("/a/b.M", "").want(t, 404, "can't find service a")
	long := strings.Repeat("x", 1000)
	for range 3 {
		w.post("/S/"+long, "").want(t, 404, "can't find method "+long)
	}
	w.post("/a.b/N", "").want(t, 404, "can't find method N")
	if err := w.proxy.Close(); err != nil { // nothing is written any more
		t.Fatal(err)
	}
	text := log.String()
	first, _, _ := strings.Cut(text, "\n")
	if want := "service=S method=" + long[:100] + " times=1"; !strings.Contains(first, "Config.Allow") || !strings.Contains(first, want) ||
		strings.Contains(text, "Nobody") {
		t.Errorf("logged %q, want %q", text, want)
	}
}
