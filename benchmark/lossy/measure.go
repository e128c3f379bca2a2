// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/kcp"
	"github.com/rpcx-go/rpcx/transport/quic"
	"github.com/rpcx-go/rpcx/transport/tcp"
	"github.com/rpcx-go/rpcx/transport/utp"
)

const serverPort = 7000

// plan is what to measure.
type plan struct {
	delay    time.Duration
	mbits    int
	duration time.Duration
	rounds   int
}

// subject is a transport under measurement.
type subject struct {
	name, network string
	transport     transport.Transport
	conns         int
	tls           bool
}

// result is what came of the runs of one subject on one line.
type result struct {
	took   []time.Duration // calls
	bulk   []time.Duration // the large call
	failed int
}

func subjects() ([]subject, error) {
	cipher, err := kcp.AES(kcp.DeriveKey("key", "salt"))
	if err != nil {
		return nil, err
	}
	return []subject{
		{"TCP", "tcp", tcp.New(), 1, false},
		{"QUIC, 1 stream", "quic", quic.New(), 1, true},
		{"QUIC, 8 streams", "quic", quic.New(), 8, true},
		{"KCP", "kcp", kcp.New(kcp.Config{Cipher: cipher}), 1, false},
		{"uTP", "utp", utp.New(), 1, false},
	}, nil
}

// run measures and prints.
func (p plan) run() error {
	l, err := newLine(p.delay, p.mbits*1_000_000/8)
	if err != nil {
		return err
	}
	go l.run() // for as long as the program runs
	all, err := subjects()
	if err != nil {
		return err
	}
	serverTLS, clientTLS, err := certificates()
	if err != nil {
		return err
	}
	fmt.Printf("| loss each way | transport | p50 | p99 | slowest | 1 MiB each way | failed |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, loss := range []int64{0, 1, 5, 10} {
		results := make([]result, len(all))
		for range p.rounds { // one after the other, so that all see the same machine
			for i, s := range all {
				if err := p.measure(l, loss, s, serverTLS, clientTLS, &results[i]); err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
			}
		}
		for i, s := range all {
			r := results[i]
			fmt.Printf("| %d %% | %s | %s | %s | %s | %s | %d of %d |\n", loss, s.name,
				ms(quantile(r.took, 0.5)), ms(quantile(r.took, 0.99)), ms(quantile(r.took, 1)), ms(quantile(r.bulk, 0.5)), r.failed, len(r.took)+r.failed)
		}
	}
	return nil
}

// measure makes one run: small calls at a constant rate, then a large one.
func (p plan) measure(l *line, loss int64, sub subject, serverTLS, clientTLS *tls.Config, r *result) error {
	l.loss.Store(0)
	quiet := slog.New(slog.DiscardHandler)
	options := []server.Option{server.WithTransport(sub.transport), server.WithLogger(quiet)}
	opt := client.Option{Transports: []transport.Transport{sub.transport}, ConnsPerServer: sub.conns, ConnectTimeout: 10 * time.Second, Logger: quiet}
	if sub.tls {
		options = append(options, server.WithTLSConfig(serverTLS))
		opt.TLSConfig = clientTLS
	}
	s := server.NewServer(options...)
	err := server.Handle(s, "Echo", "Say", func(_ context.Context, args, reply *[]byte) error {
		*reply = bytes.Clone(*args)
		return nil
	})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(sub.network, fmt.Sprintf("%s:%d", near, serverPort)) }()
	select {
	case <-s.Started():
	case err := <-ended:
		return err
	}
	x := client.NewXClient("Echo", client.Failfast, client.RoundRobin, client.NewPeer2PeerDiscovery(fmt.Sprintf("%s@%s:%d", sub.network, far, serverPort), ""), opt)
	defer func() {
		l.loss.Store(0)
		_ = x.Close()
		_ = s.Close() // has no registry to fail
		<-ended       //nolint:errcheck // says that the server was closed
		if c, ok := sub.transport.(interface{ Close() error }); ok {
			_ = c.Close() // until the port is free
		}
		<-time.After(500 * time.Millisecond)
	}()
	for range 4 * sub.conns { // connect, and learn the delay
		if _, err := say(x, 200); err != nil {
			return err
		}
	}
	l.loss.Store(loss * 10)
	p.calls(x, r)
	took, err := say(x, 1<<20)
	if err != nil {
		r.failed++
		return nil
	}
	r.bulk = append(r.bulk, took)
	return nil
}

// calls makes 100 calls a second, whether those before have returned or not.
func (p plan) calls(x *client.XClient, r *result) {
	var mu sync.Mutex
	var all sync.WaitGroup
	ticks := time.NewTicker(10 * time.Millisecond)
	defer ticks.Stop()
	for end := time.Now().Add(p.duration); time.Now().Before(end); {
		<-ticks.C
		all.Go(func() {
			took, err := say(x, 200)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				r.failed++
				return
			}
			r.took = append(r.took, took)
		})
	}
	all.Wait()
}

// say makes a call of a size and returns the time that it took.
func say(x *client.XClient, size int) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	began := time.Now()
	args, reply := make([]byte, size), []byte(nil)
	err := x.Call(ctx, "Say", &args, &reply)
	if err == nil && len(reply) != size {
		err = fmt.Errorf("%d bytes came back, want %d", len(reply), size)
	}
	return time.Since(began), err
}

// quantile returns the duration that the part q of all do not exceed.
func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)-1, int(q*float64(len(all))))]
}

func ms(d time.Duration) string {
	if d == 0 {
		return "–"
	}
	return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
}
