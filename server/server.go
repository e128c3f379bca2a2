// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/hello"
	"github.com/rpcx-go/rpcx/transport"
)

// ErrServerClosed is returned by Serve and ServeListener after Shutdown or Close,
// and matched by the errors of registrations from then on.
var ErrServerClosed = errors.New("server: closed")

// Server serves registered methods and functions on any number of listeners. Make
// one with NewServer; its methods may be called concurrently.
type Server struct {
	config    *resolved
	configErr error
	logger    *slog.Logger
	made      time.Time
	accepts   string // our capabilities, as the hello carries them
	chain     rpcx.UnaryFunc
	private   bool      // nobody is shown a call who may keep it
	jobs      sync.Pool // of *job
	routes    []func(service, method string) (string, string)
	table     atomic.Pointer[table]
	workers   workers
	monitor   monitor
	herald    herald
	rate      *rateLimiter
	health    health
	publish   publisher
	web       web
	stats     counters

	observations sync.Pool // of *observation; they are the calls' own
	pushSeq      atomic.Uint64
	started      chan struct{} // closed with the first listener, or failure to have one
	startOnce    sync.Once
	finished     chan struct{} // closed when Close has closed everything

	lifetime  context.Context //nolint:containedctx // ends with Close
	calling   context.Context //nolint:containedctx // of calls that came through Dispatch
	stopCalls context.CancelFunc
	expire    context.CancelFunc
	accepting sync.WaitGroup // accept loops
	turns     sync.WaitGroup // connections that are read
	tasks     sync.WaitGroup // everything else

	mu        sync.Mutex // guards what follows
	state     state
	listeners map[*listening]struct{}
	first     net.Addr
	conns     map[*Conn]struct{}
	perPeer   map[netip.Prefix]int // of conns; only while ConnectionsPerPeer is a limit
	closeOnce sync.Once            // of finished
	idle      chan struct{}        // closed when conns becomes empty; nil: nobody waits
}

// state is where a server stands in its life. It only grows.
type state uint8

const (
	serving state = iota
	draining
	closed
)

// NewServer makes a server. It opens nothing: Serve does. What is wrong with the
// options is returned by Serve.
func NewServer(opts ...Option) *Server {
	config, err := newConfig(opts)
	s := &Server{
		config:    config,
		configErr: err,
		logger:    config.logger,
		made:      time.Now(),
		started:   make(chan struct{}),
		finished:  make(chan struct{}),
		listeners: make(map[*listening]struct{}),
		conns:     make(map[*Conn]struct{}),
		perPeer:   make(map[netip.Prefix]int),
	}
	s.accepts = hello.Format(config.compressSet)
	s.chain = rpcx.Chain(config.interceptors, invoke)
	s.private = len(config.interceptors) == 0 && config.priority == nil &&
		(config.rateLimit == nil || config.rateLimit.Key == nil)
	s.routes = routes(config.interceptors)
	s.table.Store(&table{})
	s.workers.limit = int64(config.limits.Handlers)
	s.monitor.server = s
	s.herald.init(s)
	s.rate = newRateLimiter(config.rateLimit)
	s.publish.init(s)
	s.lifetime, s.expire = context.WithCancel(context.Background())
	s.calling, s.stopCalls = context.WithCancel(s.lifetime)
	s.health.init(s)
	s.web.init(s)
	return s
}

// Serve listens on addr and serves until Shutdown or Close. When those have done their
// work it returns ErrServerClosed, so a program may end with it; any other error is
// why it could not go on. network is "tcp",
// "tcp4", "tcp6", "reuseport", "unix", or that of a transport given with
// WithTransport. Port 0 picks a free one: see Address. Serve may be called more
// than once, for several listeners.
func (s *Server) Serve(network, addr string) error {
	if s.configErr != nil {
		return s.failed(s.configErr)
	}
	t, err := s.config.transportSet.Lookup(network)
	if err != nil {
		return s.failed(fmt.Errorf("server: serve %s@%s: %w; add one with WithTransport", network, addr, err))
	}
	settings := transport.Settings{TLS: s.web.tls(network), KeepAlive: s.config.keepAlive, Permits: s.porter(network)}
	ln, err := t.Listen(s.lifetime, network, addr, settings)
	if err != nil {
		return s.failed(fmt.Errorf("server: serve %s@%s: %w", network, addr, err))
	}
	return s.ServeListener(network, ln)
}

// ServeListener is Serve for a listener of the caller's, which it owns from then on
// and closes. network is what handlers see in rpcx.Peer. TLS is the listener's
// affair: WithTLSConfig does not apply.
func (s *Server) ServeListener(network string, ln net.Listener) error {
	if s.configErr != nil {
		return s.failed(errors.Join(s.configErr, ln.Close()))
	}
	if s.config.registrar != nil && s.config.advertise == "" && wildcard(ln.Addr()) {
		err := fmt.Errorf("server: %s cannot be registered: it is no address that clients can dial; name one with WithRegistrar", ln.Addr())
		return s.failed(errors.Join(err, ln.Close()))
	}
	entry := &listening{ln, network}
	if !s.open(entry) {
		return errors.Join(ErrServerClosed, ln.Close())
	}
	err := s.acceptLoop(ln, network)
	s.mu.Lock()
	delete(s.listeners, entry)
	ended := s.state != serving
	s.mu.Unlock()
	_ = ln.Close() // in most cases closed already
	s.accepting.Done()
	if ended {
		<-s.finished
		return ErrServerClosed
	}
	return fmt.Errorf("server: accept on %s: %w", ln.Addr(), err)
}

// listening is a listener, and the network that it was opened for.
type listening struct {
	net.Listener

	network string
}

// open notes a listener, and starts what runs beside the listeners with the first.
func (s *Server) open(ln *listening) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != serving {
		return false
	}
	s.accepting.Add(1)
	s.listeners[ln] = struct{}{}
	if s.first == nil {
		s.first = ln.Addr()
		s.tasks.Go(s.sweep)
		if s.config.registrar != nil {
			s.tasks.Go(s.publish.run)
		}
		s.startOnce.Do(func() { close(s.started) })
	}
	s.publish.wake()
	return true
}

// failed lets those go on who wait for a server that could not start.
func (s *Server) failed(err error) error {
	s.startOnce.Do(func() { close(s.started) })
	return err
}

// Started returns a channel that is closed once the server listens, or once it could
// not: Address is nil then, and Serve has returned why.
func (s *Server) Started() <-chan struct{} { return s.started }

// Address returns the address of the first listener, nil before there is one.
func (s *Server) Address() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first
}

// Conns returns the connections that are open now; the TLS handshake of each has run.
func (s *Server) Conns() []*Conn {
	return slices.DeleteFunc(s.allConns(), func(c *Conn) bool { return !c.ready.Load() })
}

func (s *Server) allConns() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	conns := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	return conns
}

// spawn runs f on a goroutine that Close waits for. It reports false, and does not
// run f, when the server is closed.
func (s *Server) spawn(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == closed {
		return false
	}
	s.tasks.Go(f)
	return true
}
