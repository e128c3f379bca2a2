// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/codec/json"
	"github.com/rpcx-go/rpcx/codec/msgpack"
	"github.com/rpcx-go/rpcx/codec/protobuf"
	"github.com/rpcx-go/rpcx/codec/raw"
	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/compress/gzip"
	"github.com/rpcx-go/rpcx/internal/webhost"
	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/tcp"
	"github.com/rpcx-go/rpcx/transport/unix"
)

// Option changes how a Server works. A wrong one is reported by Serve and by the
// registrations, not silently dropped.
type Option interface{ apply(*config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

// AuthFunc decides whether a call may run. ctx is the handler's: rpcx.PeerFrom and
// rpcx.IncomingMetadata work with it. token is what the client set with Auth, ""
// if it set none. An error refuses the call: its text and code go to the caller, an
// error without a code as Unauthenticated. The connection stays. It runs
// concurrently, before the arguments are decompressed or decoded.
type AuthFunc func(ctx context.Context, service, method, token string) error

// PushPolicy says what happens to a push to a connection whose queue of pushes is
// full because the peer reads too slowly.
type PushPolicy uint8

// The policies.
const (
	PushWait       PushPolicy = iota // wait for room until the context ends; the default
	PushRefuse                       // fail with ResourceExhausted
	PushDropOldest                   // drop the message that waits longest, and count it
	PushDisconnect                   // close the connection: the peer must connect and catch up
)

type config struct {
	limits       Limits
	tls          *tls.Config
	keepAlive    time.Duration
	auth         AuthFunc
	codecs       []codec.Codec
	compressors  []compress.Compressor
	transports   []transport.Transport
	interceptors []rpcx.Interceptor
	observer     rpcx.Observer
	access       Access
	noHTTP       bool
	origins      []string
	hosts        []string
	rateLimit    *RateLimit
	adaptive     AdaptiveLimit
	priority     func(ctx context.Context, c *rpcx.Call) rpcx.Priority
	logger       *slog.Logger
	push         PushPolicy
	registrar    registry.Registrar
	advertise    string
	drainDelay   time.Duration
	base         context.Context //nolint:containedctx // the parent of every handler's context
}

// resolved is what a config comes to: complete, checked and immutable.
type resolved struct {
	config
	codecSet     *codec.Set
	compressSet  *compress.Set
	transportSet *transport.Set
}

// newConfig applies and checks the options. Whatever is wrong, the result works as
// far as it can, so that a server with an error can still be asked for it.
func newConfig(opts []Option) (*resolved, error) {
	r := &resolved{config: config{
		codecs:      []codec.Codec{raw.Codec{}, json.Codec{}, protobuf.Codec{}, msgpack.Codec{}},
		compressors: []compress.Compressor{gzip.New()},
		transports:  []transport.Transport{tcp.New(), unix.New()},
		logger:      slog.Default(),
		base:        context.Background(),
	}}
	for _, o := range opts {
		if o != nil {
			o.apply(&r.config)
		}
	}
	var errs [9]error
	r.limits, errs[0] = newLimits(r.limits)
	if r.codecSet, errs[1] = codec.NewSet(r.codecs...); errs[1] != nil {
		r.codecSet = new(codec.Set)
	}
	if r.compressSet, errs[2] = compress.NewSet(r.compressors...); errs[2] != nil {
		r.compressSet = new(compress.Set)
	}
	r.transportSet = transport.NewSet(r.transports...)
	if r.push > PushDisconnect {
		errs[3] = errors.New("server: unknown push policy")
	}
	if r.drainDelay < 0 {
		errs[4] = errors.New("server: negative drain delay")
	}
	if r.advertise != "" {
		_, _, errs[5] = registry.ParseKey(r.advertise)
	}
	r.adaptive, errs[6] = r.adaptive.resolve()
	if err := webhost.List(r.hosts).Check(); err != nil {
		errs[7] = fmt.Errorf("server: %w", err)
	}
	origins, err := webhost.ParseOrigins(r.origins)
	if err != nil {
		errs[8] = fmt.Errorf("server: %w", err)
	}
	r.origins = origins
	return r, errors.Join(errs[:]...)
}

// WithLimits replaces the limits; see Limits for the defaults.
func WithLimits(l Limits) Option { return option(func(c *config) { c.limits = l }) }

// WithTLSConfig makes every listener that Serve opens speak TLS. The configuration
// is copied. With ClientAuth set to tls.RequireAndVerifyClientCert handlers find
// the client's certificate in rpcx.PeerFrom(ctx).TLS.
func WithTLSConfig(t *tls.Config) Option {
	return option(func(c *config) { c.tls = t.Clone() })
}

// WithTCPKeepAlive sets the time between TCP keep-alive probes. Default 3 min;
// negative: none.
func WithTCPKeepAlive(d time.Duration) Option { return option(func(c *config) { c.keepAlive = d }) }

// WithAuth asks f before every call. Default: every call may run.
func WithAuth(f AuthFunc) Option { return option(func(c *config) { c.auth = f }) }

// WithCodec adds codecs to raw bytes, JSON, Protocol Buffers and MessagePack, or
// replaces one of the same number.
func WithCodec(cs ...codec.Codec) Option {
	return option(func(c *config) { c.codecs = append(c.codecs, cs...) })
}

// WithCompressor adds compressors to gzip, or replaces it.
func WithCompressor(cs ...compress.Compressor) Option {
	return option(func(c *config) { c.compressors = append(c.compressors, cs...) })
}

// WithTransport adds transports to TCP ("tcp", "tcp4", "tcp6", "reuseport") and
// Unix sockets ("unix"), or replaces them.
func WithTransport(ts ...transport.Transport) Option {
	return option(func(c *config) { c.transports = append(c.transports, ts...) })
}

// WithInterceptor adds interceptors around every handler, on every way in; the
// first is outermost. They run after authentication and decoding.
func WithInterceptor(is ...rpcx.Interceptor) Option {
	return option(func(c *config) { c.interceptors = append(c.interceptors, is...) })
}

// WithObserver tells o of every call and, if it is an rpcx.ConnObserver, of every
// connection; if it is an rpcx.ServerObserver, of what the server refuses. Given more than
// once, all are told.
func WithObserver(o rpcx.Observer) Option {
	return option(func(c *config) { c.observer = rpcx.MultiObserver(c.observer, o) })
}

// WithLogger sets where the server logs what no caller can see, such as panics and
// refused connections. Default: slog.Default() at the time of NewServer.
func WithLogger(l *slog.Logger) Option {
	return option(func(c *config) {
		if l != nil {
			c.logger = l
		}
	})
}

// WithPushPolicy says what to do when a connection's push queue is full. Default
// PushWait.
func WithPushPolicy(p PushPolicy) Option { return option(func(c *config) { c.push = p }) }

// WithRegistrar makes every registered service known in r while the server serves.
// advertise is the address that clients are to use, as network@host:port; "" means
// the address of the listener, which must then not be a wildcard. Shutdown takes
// the registrations back first, and waits for delay before it begins to drain, so
// that clients can learn of it.
func WithRegistrar(r registry.Registrar, advertise string, delay time.Duration) Option {
	return option(func(c *config) { c.registrar, c.advertise, c.drainDelay = r, advertise, delay })
}

// WithBaseContext sets the parent of every handler's context: its values are seen
// by handlers. Its end does not end them. Default context.Background().
func WithBaseContext(ctx context.Context) Option {
	return option(func(c *config) {
		if ctx != nil {
			c.base = context.WithoutCancel(ctx)
		}
	})
}
