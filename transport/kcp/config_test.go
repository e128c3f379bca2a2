// SPDX-License-Identifier: Apache-2.0

package kcp_test

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/kcp"
)

// TestConfig: what cannot work is an error of both sides.
func TestConfig(t *testing.T) {
	t.Parallel()
	cipher := kcp.NoCipher()
	tests := []struct {
		name   string
		config kcp.Config
		want   string // in the error; "": none
	}{
		{"defaults", kcp.Config{Cipher: cipher}, ""},
		{"no cipher", kcp.Config{}, "no cipher"},
		{"no fec", kcp.Config{Cipher: cipher, DataShards: kcp.NoFEC}, ""},
		{"other shards", kcp.Config{Cipher: cipher, DataShards: 4, ParityShards: 2}, ""},
		{"no parity", kcp.Config{Cipher: cipher, DataShards: 10}, "shards"},
		{"negative shards", kcp.Config{Cipher: cipher, DataShards: -2, ParityShards: 3}, "shards"},
		{"too many shards", kcp.Config{Cipher: cipher, DataShards: 200, ParityShards: 100}, "shards"},
		{"window", kcp.Config{Cipher: cipher, SendWindow: -1}, "window"},
		{"large window", kcp.Config{Cipher: cipher, ReceiveWindow: 1 << 20}, "window"},
		{"mtu", kcp.Config{Cipher: cipher, MTU: 9000}, "mtu"},
		{"interval", kcp.Config{Cipher: cipher, Interval: time.Millisecond}, "interval"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tr := kcp.New(tt.config)
			conn, dialErr := tr.Dial(t.Context(), "kcp", "127.0.0.1:9", transport.Settings{})
			l, listenErr := tr.Listen(t.Context(), "kcp", "127.0.0.1:0", transport.Settings{})
			for side, err := range map[string]error{"Dial": dialErr, "Listen": listenErr} {
				switch {
				case tt.want == "" && err != nil:
					t.Errorf("%s: %v", side, err)
				case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
					t.Errorf("%s: %v, want an error with %q", side, err, tt.want)
				}
			}
			if dialErr == nil {
				_ = conn.Close()
			}
			if listenErr == nil {
				_ = l.Close()
			}
			_ = tr.Close()
		})
	}
}

// TestDeriveKey: the key of rpcx's public examples.
func TestDeriveKey(t *testing.T) {
	t.Parallel()
	key := kcp.DeriveKey("password", "salt")
	// RFC 6070: 4096 rounds, the first 20 bytes.
	if want := "4b007901b765489abead49d926f721d065a429c1"; len(key) != 32 || hex.EncodeToString(key[:20]) != want {
		t.Errorf("DeriveKey = %x, want 32 bytes that begin with %s", key, want)
	}
}

func TestCipherKeys(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func([]byte) error{
		"AES":     func(key []byte) error { _, err := kcp.AES(key); return err },
		"AESGCM":  func(key []byte) error { _, err := kcp.AESGCM(key); return err },
		"Salsa20": func(key []byte) error { _, err := kcp.Salsa20(key); return err },
	} {
		if err := make(nil); err == nil || !strings.HasPrefix(err.Error(), "kcp: ") {
			t.Errorf("%s without a key: %v", name, err)
		}
		if err := make(kcp.DeriveKey("a", "b")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCiphersAndShards: peers with the same configuration understand each other, plain
// and through the end of the stream; others do not.
func TestCiphersAndShards(t *testing.T) {
	t.Parallel()
	key := kcp.DeriveKey("password", "salt")
	aes, err := kcp.AES(key)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := kcp.AESGCM(key)
	if err != nil {
		t.Fatal(err)
	}
	salsa, err := kcp.Salsa20(key)
	if err != nil {
		t.Fatal(err)
	}
	other, err := kcp.AES(kcp.DeriveKey("another", "salt"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name           string
		client, server kcp.Config
		ok             bool
	}{
		{"aes", kcp.Config{Cipher: aes}, kcp.Config{Cipher: aes}, true},
		{"aes-gcm", kcp.Config{Cipher: gcm}, kcp.Config{Cipher: gcm}, true},
		{"salsa20", kcp.Config{Cipher: salsa}, kcp.Config{Cipher: salsa}, true},
		{"none", kcp.Config{Cipher: kcp.NoCipher()}, kcp.Config{Cipher: kcp.NoCipher()}, true},
		{"no fec", kcp.Config{Cipher: aes, DataShards: kcp.NoFEC}, kcp.Config{Cipher: aes, DataShards: kcp.NoFEC}, true},
		{"fec of one", kcp.Config{Cipher: aes}, kcp.Config{Cipher: aes, DataShards: kcp.NoFEC}, true},
		{"each its own tuning", kcp.Config{Cipher: aes, SendWindow: 32, ReceiveWindow: 32, MTU: 500, CongestionControl: true}, kcp.Config{Cipher: aes, Interval: 50 * time.Millisecond}, true},
		{"another key", kcp.Config{Cipher: aes}, kcp.Config{Cipher: other}, false},
		{"another cipher", kcp.Config{Cipher: aes}, kcp.Config{Cipher: salsa}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l, err := newTransport(t, tt.server).Listen(t.Context(), "kcp", "127.0.0.1:0", transport.Settings{})
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				_, _ = io.CopyN(conn, conn, 100_000) // the client sees what comes back
			}()
			conn, err := newTransport(t, tt.client).Dial(t.Context(), "kcp", l.Addr().String(), transport.Settings{})
			if err != nil {
				t.Fatal(err)
			}
			wait := 20 * time.Second
			if !tt.ok {
				wait = 300 * time.Millisecond
			}
			if err := conn.SetDeadline(time.Now().Add(wait)); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write(make([]byte, 100_000)); err != nil {
				t.Fatal(err)
			}
			n, err := io.ReadFull(conn, make([]byte, 100_000))
			switch {
			case tt.ok && err != nil:
				t.Errorf("read %d bytes, %v", n, err)
			case !tt.ok && !errors.Is(err, os.ErrDeadlineExceeded):
				t.Errorf("read %d bytes, %v, want silence", n, err)
			}
			_ = conn.Close()
			_ = l.Close()
			<-done
		})
	}
}

// TestSilence: TLS makes Dial notice that nobody listens.
func TestSilence(t *testing.T) {
	t.Parallel()
	tr := newTransport(t, kcp.Config{})
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	conn, err := tr.Dial(ctx, "kcp", pc.LocalAddr().String(), transport.Settings{TLS: tlsClient(t)})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Dial = %v, %v, want context.DeadlineExceeded", conn, err)
	}
}
