// SPDX-License-Identifier: Apache-2.0

package unix

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

// abstract returns a name that no other test has.
func abstract(t *testing.T) string {
	return "@" + strings.ReplaceAll(socket(t), "/", "-")
}

func TestConformanceAbstract(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Config {
		return transporttest.Config{Transport: New(), Network: "unix", Addr: abstract(t), NoHost: true}
	})
}

func TestAbstractName(t *testing.T) {
	t.Parallel()
	name := abstract(t)
	l, err := listen(t, name)
	if err != nil {
		t.Fatal(err)
	}
	if l.Addr().String() != name {
		t.Errorf("Addr() = %q, want %q", l.Addr(), name)
	}
	if _, err := os.Lstat(name); err == nil {
		t.Error("the name stands in the file system")
	}
	if _, err := listen(t, name); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second listener: %v, want address already in use", err)
	}
	conn, err := New().Dial(t.Context(), "unix", name, transport.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// TestNoNameNeeded lets the kernel choose.
func TestNoNameNeeded(t *testing.T) {
	t.Parallel()
	l, err := listen(t, "")
	if err != nil {
		t.Fatal(err)
	}
	if name := l.Addr().String(); !strings.HasPrefix(name, "@") {
		t.Errorf("Addr() = %q, want an abstract name", name)
	}
	conn, err := New().Dial(t.Context(), "unix", l.Addr().String(), transport.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}
