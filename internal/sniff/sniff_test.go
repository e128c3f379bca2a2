// SPDX-License-Identifier: Apache-2.0

package sniff_test

import (
	"net/http"
	"testing"

	"github.com/rpcx-go/rpcx/internal/sniff"
	"github.com/rpcx-go/rpcx/protocol"
)

func TestFirst(t *testing.T) {
	t.Parallel()
	frame, err := (&protocol.Message{Service: "S", Method: "M"}).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		begin string
		want  sniff.Protocol
	}{
		"frame":             {string(frame), sniff.Frames},
		"HTTP/2":            {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", sniff.HTTP},
		"CONNECT":           {"CONNECT /_rpcx_ HTTP/1.0\n\n", sniff.HTTP},
		"own method":        {"PROPFIND / HTTP/1.1\r\n", sniff.HTTP},
		"TLS":               {"\x16\x03\x01\x02\x00", sniff.TLS},
		"SSH":               {"\x00\x00\x01", sniff.Unknown},
		"JSON":              {`{"jsonrpc":"2.0"}`, sniff.Unknown},
		"lower case":        {"get / HTTP/1.1", sniff.Unknown},
		"part of a method":  {"PO", sniff.HTTP},
		"letters alone":     {"ABCDEFGHIJKLMNOPQRSTUVWXYZ", sniff.Unknown},
		"letter and junk":   {"H\x00\x00", sniff.Unknown},
		"hyphen":            {"VERSION-CONTROL / HTTP/1.1", sniff.HTTP},
		"hyphen first":      {"- / HTTP/1.1", sniff.Unknown},
		"space first":       {" GET / HTTP/1.1", sniff.Unknown},
		"before the digits": {"@", sniff.Unknown},
		"after the letters": {"[", sniff.Unknown},
	}
	for _, m := range []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace,
	} {
		tests[m] = struct {
			begin string
			want  sniff.Protocol
		}{m + " / HTTP/1.1\r\n", sniff.HTTP}
	}
	for name, tt := range tests {
		if got := sniff.First([]byte(tt.begin)); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

// Every first byte has one meaning, and 27 of them are served.
func TestFirstIsTotal(t *testing.T) {
	t.Parallel()
	count := map[sniff.Protocol]int{}
	for b := range 256 {
		count[sniff.First([]byte{byte(b)})]++
	}
	want := map[sniff.Protocol]int{sniff.Frames: 1, sniff.HTTP: 26, sniff.TLS: 1, sniff.Unknown: 228}
	for p, n := range want {
		if count[p] != n {
			t.Errorf("%d bytes mean %d, want %d", count[p], p, n)
		}
	}
}

// Nothing that arrives later changes what was said, except that it is not HTTP after all.
func FuzzFirst(f *testing.F) {
	for _, s := range []string{"\x08", "\x16", "GET / HTTP/1.1", "PRI * HTTP/2.0", "X", "GET\x00"} {
		f.Add([]byte(s), 1)
	}
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		if cut < 1 || cut > len(b) {
			return
		}
		early, late := sniff.First(b[:cut]), sniff.First(b)
		if early != late && (early != sniff.HTTP || late != sniff.Unknown) {
			t.Errorf("%q is %d, and its first %d bytes %d", b, late, cut, early)
		}
	})
}
