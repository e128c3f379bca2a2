// SPDX-License-Identifier: Apache-2.0

package middleware

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
)

// However often it happens, there is a line a second, and none of it is lost.
func TestNoticeLogsOncePerSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		n := newNotice(slog.New(slog.NewTextHandler(&out, nil)), "something happens")
		for range 25 {
			n.warn(t.Context(), called("S", "M"))
			time.Sleep(100 * time.Millisecond)
		}
		text := out.String()
		if got := strings.Count(text, "something happens"); got != 3 {
			t.Errorf("%d lines in 2.5 seconds:\n%s", got, text)
		}
		for _, want := range []string{"level=WARN", "method=S.M", "times=1\n", "times=10\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
	})
}

// What a client's interceptor refuses was not sent; a handler that passes the error on
// must not promise its own caller that nothing ran.
func TestRefusalPromisesOnlyOnAServer(t *testing.T) {
	t.Parallel()
	for _, side := range []rpcx.Side{rpcx.ClientSide, rpcx.ServerSide} {
		err := refusal(&rpcx.Call{Side: side}, rpcx.Unavailable, "no")
		if !rpcx.SafeToRetry(err) {
			t.Errorf("%v: not safe to retry", side)
		}
		promised := bytes.Contains(rpcx.AppendWireError(nil, err), []byte("__rpcx_not_executed"))
		if want := side == rpcx.ServerSide; promised != want {
			t.Errorf("%v: promised to the caller: %v, want %v", side, promised, want)
		}
	}
}
