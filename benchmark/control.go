// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"time"

	"github.com/rpcx-go/rpcx/benchmark/peers"
)

// control is how a server tells what it has used, beside what it serves: over HTTP,
// at /usage and /memory, and profiles at /debug/pprof.
type control struct {
	addr   string
	server *http.Server
	done   chan error
}

func newControl(ctx context.Context, addr string, s *peers.Service) (*control, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /usage", func(w http.ResponseWriter, _ *http.Request) {
		u, err := currentUsage(s.Served())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(u) // who asked is gone
	})
	mux.HandleFunc("GET /memory", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(settledMemory())
	})
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.Handle("GET /debug/pprof/heap", pprof.Handler("heap"))
	mux.Handle("GET /debug/pprof/allocs", pprof.Handler("allocs"))
	c := &control{
		addr:   ln.Addr().String(),
		server: &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second},
		done:   make(chan error, 1),
	}
	go func() { c.done <- c.server.Serve(ln) }()
	return c, nil
}

func (c *control) close() error {
	err := c.server.Close()
	if serveErr := <-c.done; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}

// controlAt is the address of a control, as clients use it.
type controlAt string

// usage asks the server what it has used.
func (c controlAt) usage(ctx context.Context) (u usage, err error) {
	err = c.get(ctx, "/usage", func(body io.Reader) error { return json.NewDecoder(body).Decode(&u) })
	return u, err
}

// memory asks the server what it holds, once it has collected its garbage.
func (c controlAt) memory(ctx context.Context) (m memory, err error) {
	err = c.get(ctx, "/memory", func(body io.Reader) error { return json.NewDecoder(body).Decode(&m) })
	return m, err
}

// cpuProfile profiles the server for d and writes the profile to a file.
func (c controlAt) cpuProfile(ctx context.Context, name string, d time.Duration) error {
	return c.save(ctx, fmt.Sprintf("/debug/pprof/profile?seconds=%d", max(int(d/time.Second), 1)), name)
}

// allocProfile writes what the server has allocated to a file.
func (c controlAt) allocProfile(ctx context.Context, name string) error {
	return c.save(ctx, "/debug/pprof/allocs", name)
}

// save writes a page to a file.
func (c controlAt) save(ctx context.Context, path, name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	err = c.get(ctx, path, func(body io.Reader) error {
		_, err := io.Copy(f, body)
		return err
	})
	return errors.Join(err, f.Close())
}

func (c controlAt) get(ctx context.Context, path string, read func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+string(c)+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	return read(resp.Body)
}
