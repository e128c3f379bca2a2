// SPDX-License-Identifier: Apache-2.0

package unix

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Config {
		return transporttest.Config{Transport: New(), Network: "unix", Addr: socket(t), NoHost: true}
	})
}

// socket returns a path for a socket. Those may be about 100 bytes long, so the
// test's name is not part of it.
func socket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rpcx")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

func listen(t *testing.T, path string) (net.Listener, error) {
	l, err := New().Listen(t.Context(), "unix", path, transport.Settings{})
	if err == nil {
		t.Cleanup(func() { l.Close() })
	}
	return l, err
}

// leave puts a socket at path that nobody listens on, as a killed process does.
func leave(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}
}

func TestCloseRemovesTheSocket(t *testing.T) {
	t.Parallel()
	path := socket(t)
	l, err := listen(t, path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSocket == 0 {
		t.Errorf("Lstat = %v, %v, want a socket", info, err)
	}
	l.Close()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Lstat after Close: %v, want nothing there", err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	t.Parallel()
	path := socket(t)
	leave(t, path)
	l, err := listen(t, path)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := New().Dial(t.Context(), "unix", path, transport.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if got, err := l.Accept(); err != nil {
		t.Errorf("Accept: %v", err)
	} else {
		got.Close()
	}
}

func TestLiveSocketIsKept(t *testing.T) {
	t.Parallel()
	path := socket(t)
	if _, err := listen(t, path); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(t, path); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second listener: %v, want address already in use", err)
	}
	conn, err := New().Dial(t.Context(), "unix", path, transport.Settings{})
	if err != nil {
		t.Fatalf("the first listener is gone: %v", err)
	}
	conn.Close()
}

// TestOtherFilesAreKept: what is at the path is no socket, so it is somebody's data.
func TestOtherFilesAreKept(t *testing.T) {
	t.Parallel()
	file := socket(t)
	if err := os.WriteFile(file, []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := socket(t)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	target, link := socket(t), socket(t)
	leave(t, target)
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, dir, link} {
		before, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := listen(t, path); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("Listen on a %v: %v, want address already in use", before.Mode().Type(), err)
		}
		if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
			t.Errorf("the %v is gone: %v", before.Mode().Type(), err)
		}
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "data" {
		t.Errorf("the file holds %q, %v", data, err)
	}
}

// TestStaleCheckEndsWithContext: who cannot ask whether somebody answers removes
// nothing.
func TestStaleCheckEndsWithContext(t *testing.T) {
	t.Parallel()
	path := socket(t)
	leave(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if l, err := New().Listen(ctx, "unix", path, transport.Settings{}); err == nil {
		t.Error("Listen with a context that is over: no error")
		l.Close()
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the socket was removed: %v", err)
	}
}

func TestErrorsNameTheAddress(t *testing.T) {
	t.Parallel()
	path := socket(t)
	if _, err := New().Dial(t.Context(), "unix", path, transport.Settings{}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("Dial of nothing: %v, want one that names the path", err)
	}
	deep := filepath.Join(path, "no", "such", "folder")
	if _, err := listen(t, deep); err == nil || !strings.Contains(err.Error(), deep) {
		t.Errorf("Listen in a folder that is not there: %v, want one that names the path", err)
	}
	if _, err := listen(t, "/"+strings.Repeat("x", 200)); err == nil {
		t.Error("Listen on a path that is too long: no error")
	}
}

// TestTLSNeedsAName: the address names no host, and a server that is not verified is
// not used.
func TestTLSNeedsAName(t *testing.T) {
	t.Parallel()
	ca := transporttest.NewCA(t)
	l, err := New().Listen(t.Context(), "unix", socket(t), transport.Settings{TLS: ca.Server()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := New().Dial(t.Context(), "unix", l.Addr().String(), transport.Settings{TLS: ca.Client()})
	if err == nil {
		t.Error("Dial without a server's name: no error")
		conn.Close()
	} else if !strings.Contains(err.Error(), "ServerName") {
		t.Errorf("error %v, want one that says what to set", err)
	}
}
