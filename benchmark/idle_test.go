// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Idle connections over real processes: what they cost is found, printed and saved.
func TestIdle(t *testing.T) {
	t.Setenv(asProgram, "1")
	dir := t.TempDir()
	file, profiles := filepath.Join(dir, "idle.jsonl"), filepath.Join(dir, "profiles")
	out, progress, err := run(t.Context(), "idle", "-peers", "ours-shared,netrpc,limit-c", "-conns", "20", "-json", file, "-profiles", profiles)
	if err != nil {
		t.Fatalf("%v\n%s", err, progress)
	}
	for _, want := range []string{"idle: what a connection costs", "netrpc", "idle: memory of a connection, server"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if strings.Contains(out, "limit-c") {
		t.Errorf("limits have no idle connections:\n%s", out)
	}
	res, err := readResults(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ours-shared", "netrpc"} {
		c := res.idleOf(name)
		if c == nil || c.Server.total() <= 0 || c.Client.total() <= 0 {
			t.Errorf("%s: %+v", name, c)
		} else if runtime.GOOS == "linux" && c.Conns != 20 {
			t.Errorf("%s: %d connections, want 20", name, c.Conns)
		}
	}
	for _, name := range []string{"netrpc-idle-client-heap.pprof", "ours-shared-idle-server-heap.pprof"} {
		if info, err := os.Stat(filepath.Join(profiles, name)); err != nil || info.Size() == 0 {
			t.Errorf("profile %s: %v", name, err)
		}
	}
}

func TestPerConn(t *testing.T) {
	t.Parallel()
	before := memory{Heap: 1000, Stacks: 500, RSS: 9000}
	got := memory{Heap: 3000, Stacks: 700, RSS: 8000}.since(before, 10)
	if got != (perConn{Heap: 200, Stacks: 20, RSS: -100}) || got.total() != 220 {
		t.Errorf("%+v, %v in all", got, got.total())
	}
}

//nolint:paralleltest // looks at what the process holds
func TestSettledMemory(t *testing.T) {
	before := settledMemory()
	const size = 8 << 20
	kept := make([]byte, size)
	grown := settledMemory()
	runtime.KeepAlive(kept)
	if more := int64(grown.Heap) - int64(before.Heap); more < size*9/10 {
		t.Errorf("%d bytes more with %d that are kept", more, size)
	}
	if after := settledMemory(); after.Heap > grown.Heap-size*9/10 {
		t.Errorf("%d bytes are left of %d that are not kept any more", after.Heap, grown.Heap)
	}
	if runtime.GOOS == "linux" && before.RSS == 0 {
		t.Error("RSS is not known")
	}
}

func TestFormatKiB(t *testing.T) {
	t.Parallel()
	for bytes, want := range map[float64]string{-3: "0.0", 0: "0.0", 1024: "1.0", 12_345: "12.1", -2048: "-2.0"} {
		if got := formatKiB(bytes); got != want {
			t.Errorf("%v bytes: %q, want %q", bytes, got, want)
		}
	}
}

func TestIdlePeers(t *testing.T) {
	t.Parallel()
	for _, p := range idlePeers(allPeers()) {
		if p.limit != nil {
			t.Errorf("%s is a limit", p.name)
		}
	}
	if len(idlePeers(allPeers())) < 6 {
		t.Error("peers are missing")
	}
}
