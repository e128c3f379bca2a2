// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Bounds of connections beside Config.
const (
	headerLimit   = 32 << 10
	headerTimeout = 5 * time.Second
	idleTimeout   = 2 * time.Minute
	streams       = 100 // of an HTTP/2 connection, at a time
)

func (p *Proxy) initServer() {
	p.http = http.Server{
		Handler:                      p,
		ReadHeaderTimeout:            headerTimeout,
		ReadTimeout:                  headerTimeout + p.limits.bounds.Stall, // of what nobody reads; see httpcall.Bounds
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               headerLimit,
		ErrorLog:                     slog.NewLogLogger(p.config.Client.Logger.Handler(), slog.LevelDebug),
		ConnState:                    p.count,
		DisableGeneralOptionsHandler: true,
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: streams},
		Protocols:                    new(http.Protocols),
	}
	p.http.Protocols.SetHTTP1(true)
	p.http.Protocols.SetHTTP2(true)
	p.http.Protocols.SetUnencryptedHTTP2(true)
}

// count keeps no more connections than may be.
func (p *Proxy) count(nc net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if p.conns.Add(1) > int64(p.config.MaxConnections) {
			_ = nc.Close() // whose end is told as well
		}
	case http.StateClosed, http.StateHijacked:
		p.conns.Add(-1)
	}
}

// Serve serves HTTP/1.1 and HTTP/2 on ln, with bounds for strangers, until Shutdown or
// Close; it then returns http.ErrServerClosed. ln may be one of package tls, whose
// configuration names h2 for HTTP/2. A program with an http.Server of its own uses the
// proxy as its handler instead, and bounds headers and connections by itself.
func (p *Proxy) Serve(ln net.Listener) error { return p.http.Serve(ln) }

// Shutdown ends Serve, waits for the requests under way, and closes the proxy. When ctx
// ends first it waits no longer, and the error says so. See Drain for what to do before.
func (p *Proxy) Shutdown(ctx context.Context) error {
	p.Drain()
	err := p.http.Shutdown(ctx)
	if closed := p.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("proxy: shut down: %w", err)
	}
	return nil
}
