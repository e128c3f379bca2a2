// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/rpcx-go/rpcx"
	wire "github.com/rpcx-go/rpcx/internal/health"
	"github.com/rpcx-go/rpcx/internal/peerip"
)

// HealthService is the name of a service that every server has. Its method Check says
// whether a service works, and Watch says so when that changes; protocol/spec.md
// describes both for programs in any language, and client.Option.HealthCheck uses them.
// Authentication and interceptors apply to it as to any other service, limits on calls
// do not, and it is not registered in registries.
const HealthService = wire.Service

// HealthStatus says whether a service works.
type HealthStatus = wire.Status

// The states. A service is Serving from its registration until SetHealth says otherwise.
const (
	HealthUnknown = wire.Unknown    // it is not registered
	Serving       = wire.Serving    // it works
	NotServing    = wire.NotServing // it exists, and should not be called now
)

// watchLimit is how long a watcher waits that does not say how long it wants to.
const watchLimit = time.Minute

// health is what the server knows of itself.
type health struct {
	server   *Server
	watchers *peerip.Crowd

	mu       sync.Mutex // guards what follows
	set      map[string]HealthStatus
	stopping bool
	changed  chan struct{} // closed when anything of the above, or the table, has changed
}

func (h *health) init(s *Server) {
	h.server = s
	places := s.config.limits.Handlers
	h.watchers = peerip.NewCrowd(max(places/2, 1), max(places/8, 1))
	h.set = make(map[string]HealthStatus)
	h.changed = make(chan struct{})
	if s.configErr == nil {
		s.table.Store(&table{HealthService: h.service()})
	}
}

// service returns what is registered under the name of HealthService.
func (h *health) service() service {
	check := h.method(wire.Check, h.check)
	watch := h.method(wire.Watch, h.watch)
	watch.pace.pin()
	return service{hidden: true, methods: map[string]*method{check.name: check, watch.name: watch}}
}

func (h *health) method(name string, f func(ctx context.Context, in *wire.Request) HealthStatus) *method {
	return &method{
		service: HealthService, name: name, vital: true,
		newArgs:  func() any { return new(wire.Request) },
		newReply: func() any { return new(wire.Reply) },
		call: func(ctx context.Context, args, reply any) error {
			in, okIn := args.(*wire.Request)
			out, okOut := reply.(*wire.Reply)
			if !okIn || !okOut {
				return rpcx.Errorf(rpcx.Internal, "server: an interceptor passed %T and %T on to %s.%s", args, reply, HealthService, name)
			}
			out.Status = f(ctx, in)
			return nil
		},
	}
}

// SetHealth says whether a service works; "" means all of them. It is for services that
// can tell, because they have lost their database for instance. A service that is not
// registered is HealthUnknown whatever was set. HealthUnknown makes it Serving again,
// as it is by default.
func (s *Server) SetHealth(service string, status HealthStatus) {
	h := &s.health
	h.mu.Lock()
	before := h.set[service]
	if status == HealthUnknown || status == Serving {
		delete(h.set, service)
		status = Serving
	} else {
		h.set[service] = status
	}
	now := h.set[service]
	if now != before {
		h.wake()
	}
	h.mu.Unlock()
	if now == before {
		return
	}
	s.logger.Info("health changed", slog.String("service", service), slog.String("status", status.String()))
	s.herald.tell(&rpcx.ServerEvent{Kind: rpcx.HealthChanged, Service: service})
}

// Health returns the status of a service, or with "" that of the server as a whole. While
// the server shuts down that is NotServing.
func (s *Server) Health(service string) HealthStatus {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	return s.health.status(service)
}

// status is Health. h.mu is held.
func (h *health) status(service string) HealthStatus {
	svc, known := (*h.server.table.Load())[service]
	switch {
	case service != "" && (!known || svc.hidden):
		return HealthUnknown
	case h.stopping, h.set[""] == NotServing, h.set[service] == NotServing:
		return NotServing
	default:
		return Serving
	}
}

// stop makes everything NotServing for good.
func (h *health) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.stopping {
		h.stopping = true
		h.wake()
	}
}

// refresh lets watchers look again, when services have come or gone.
func (h *health) refresh() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wake()
}

// wake lets watchers look again. h.mu is held.
func (h *health) wake() {
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *health) check(_ context.Context, in *wire.Request) HealthStatus {
	return h.server.Health(in.Service)
}

// watch waits for the status to be another one than in.Seen: until shortly before the
// caller's deadline, or for watchLimit. It does not wait while the server stops, nor when
// watchers have half of the places for handlers, or those of one address an eighth.
func (h *health) watch(ctx context.Context, in *wire.Request) HealthStatus {
	patience := watchLimit
	if at, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(at)*9/10)
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	peer, _ := rpcx.PeerFrom(ctx)
	defer h.watchers.Leave(peer.Addr)
	if !h.watchers.Enter(peer.Addr) || crowded(ConnFrom(ctx)) {
		return h.server.Health(in.Service)
	}
	for {
		h.mu.Lock()
		status, changed, stopping := h.status(in.Service), h.changed, h.stopping
		h.mu.Unlock()
		if status != in.Seen || stopping {
			return status
		}
		select {
		case <-changed:
		case <-timer.C:
			return status
		case <-ctx.Done():
			return status
		}
	}
}

// crowded reports whether calls have half of the places of a connection, which is as many
// as watchers may take.
func crowded(c *Conn) bool { return c != nil && c.calls.len() > c.calls.limit/2 }
