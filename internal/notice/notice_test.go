// SPDX-License-Identifier: Apache-2.0

package notice_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx/internal/notice"
)

// However often it happens, there is a line a second, and none of it is lost.
func TestOneLinePerSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		n := notice.New(slog.New(slog.NewTextHandler(&out, nil)), "something happens")
		for range 25 {
			n.Warn(t.Context(), slog.String("method", "S.M"))
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
