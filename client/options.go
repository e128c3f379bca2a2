// SPDX-License-Identifier: Apache-2.0

package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/codec/json"
	"github.com/rpcx-go/rpcx/codec/msgpack"
	"github.com/rpcx-go/rpcx/codec/protobuf"
	"github.com/rpcx-go/rpcx/codec/raw"
	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/compress/gzip"
	"github.com/rpcx-go/rpcx/internal/backoff"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/tcp"
	"github.com/rpcx-go/rpcx/transport/unix"
)

// Option is how a client works. The zero value is useful; zero of a field means its
// default. It is copied when a client is made, so changing it later has no effect.
// What cannot work is reported by the first call, as InvalidArgument.
type Option struct {
	// SerializeType is the encoding of arguments. Zero means MessagePack, except for a
	// call whose arguments and reply are both plain bytes ([]byte, *[]byte): those go as
	// they are. So programs written for rpcx that ask for SerializeNone, which is zero
	// as well, get it.
	SerializeType protocol.SerializeType
	// CompressType is the compression of encoded arguments over 1024 bytes; replies are
	// compressed likewise. Zero: none. A method other than gzip is used only towards a
	// server that said in its hello that it has it; until then arguments go as they are.
	CompressType protocol.CompressType

	// ConnectTimeout bounds a dial, TLS handshake included. Default 1 s.
	ConnectTimeout time.Duration
	// ConnsPerServer is how many connections are kept to each server; calls take them
	// in turn. Default 1, which is best unless a single core is the limit.
	ConnsPerServer int
	// TLSConfig turns TLS on. It is copied. Servers are always verified unless it says
	// otherwise.
	TLSConfig *tls.Config
	// TCPKeepAlivePeriod is the time between TCP keep-alive probes. Default 1 min;
	// negative: none.
	TCPKeepAlivePeriod time.Duration

	// Heartbeat makes connections prove now and then that they are alive; one that
	// does not answer is replaced. Default: off, but always on for a client that
	// receives pushes, which would not notice otherwise that it is cut off.
	Heartbeat bool
	// HeartbeatInterval is the time between heartbeats. Default 30 s.
	HeartbeatInterval time.Duration
	// MaxWaitForHeartbeat is how long an answer may take. Default 30 s.
	MaxWaitForHeartbeat time.Duration

	// NoHello keeps connections from beginning with a heartbeat that offers what this
	// client understands beyond rpcx. It is for rpcx servers whose plugins close
	// connections over heartbeats. Without the hello, canceling does not reach handlers,
	// servers cannot ask the client to leave before they shut down, and of the
	// compressions only gzip is used.
	NoHello bool

	// Retries is how often a call is tried again after its first attempt, under the
	// fail modes that try again. Default 3. NoRetry: never.
	Retries int
	// RetryBudget bounds what is sent beyond the first attempts of calls. Default: on,
	// see there.
	RetryBudget RetryBudget
	// BackupLatency is how long a server has under Failbackup before the call is sent to
	// a second one. Default: what 95 % of the method's recent calls take, and 10 ms for a
	// method that has not been called yet.
	BackupLatency time.Duration
	// NonIdempotent lists methods whose execution twice does harm, as Service.Method, or
	// Service.* or * for all. Their calls are treated as with the call option of that
	// name. Default: none, for the fail mode says whether to repeat.
	NonIdempotent []string
	// Breaker keeps methods away from servers on which they fail. Default: on, see there.
	Breaker Breaker
	// Ejection keeps all calls away from servers that do much worse than others. Default:
	// on, see there.
	Ejection Ejection
	// HealthCheck keeps calls of a service away from servers that say they do not serve it,
	// while there are others. Every server is asked, with a call of rpcx.Health.Watch that
	// waits for a change; classic servers, which have no such service, are taken to serve.
	// Default: off.
	HealthCheck bool
	// Group makes the client see only servers whose metadata has this group. Default:
	// all servers.
	Group string
	// Filter makes the client see only servers that it returns true for. It is called
	// whenever the list of servers changes, never for a call. Default: all servers.
	Filter func(registry.Instance) bool
	// Balance replaces the select mode by a policy.
	Balance balance.Policy
	// Sticky keeps to the server that was chosen first, until it is down or fails a call.
	Sticky bool

	// OnPush is called for every message that servers push, one at a time per
	// connection, in order. It owns the message, and must not close the client, which
	// waits for it. With it, or with Pushes, the client connects to every server that discovery reports without waiting for a call, and
	// connects again when a connection is lost.
	OnPush func(m *protocol.Message)
	// Pushes receives those messages instead. It is never closed by the client.
	Pushes chan<- *protocol.Message
	// PushQueue is how many messages may wait for OnPush or Pushes per connection.
	// Default 1024.
	PushQueue int
	// BlockOnPush says what happens when that many wait: the connection is not read,
	// replies included, until there is room. Default: the newest message is dropped and
	// counted, and a warning logged.
	BlockOnPush bool

	// Interceptors wrap every call as its caller sees it; the first is outermost.
	Interceptors []rpcx.Interceptor
	// AttemptInterceptors wrap each attempt of a call, once its server is known.
	AttemptInterceptors []rpcx.Interceptor
	// Observer is told of calls and attempts; if it is an rpcx.ConnObserver, of
	// connections; if it is an rpcx.EventObserver, of retries, hedges and servers that
	// are kept away. Default: none.
	Observer rpcx.Observer
	// Logger takes what no caller can see. Default: slog.Default() when the client is
	// made.
	Logger *slog.Logger

	// Codecs are added to raw bytes, JSON, Protocol Buffers and MessagePack, or replace
	// one of the same number.
	Codecs []codec.Codec
	// Compressors are added to gzip.
	Compressors []compress.Compressor
	// Transports are added to TCP and Unix sockets.
	Transports []transport.Transport

	// Limits bounds the frames that servers send; see there for the defaults.
	Limits protocol.Limits
	// MaxPending is how many calls may wait for replies on one connection; further ones
	// fail with ResourceExhausted. Default 10,000.
	MaxPending int
	// MaxServices is how many services one client may call, each of which it goes on to
	// watch; calls of further ones fail with ResourceExhausted. It is for programs that pass on
	// names which others choose; see Client.Forget as well. Default 10,000.
	MaxServices int
	// MaxUnsent is how many bytes of requests may wait to be written to one connection;
	// callers wait for room. Default 1 MiB.
	MaxUnsent int
	// WriteTimeout is how long a server may take to accept 256 KiB. Default 10 s.
	WriteTimeout time.Duration
}

// reconnectCap is the longest pause before a server is dialled again in the background:
// who waits for it after an outage does not wait longer.
const reconnectCap = 2 * time.Second

// NoRetry is the value of Option.Retries that switches retries off.
const NoRetry = -1

// DefaultOption is the zero Option under the name that rpcx has for it. Nothing in
// this module reads it: changing it changes what callers that pass it get.
var DefaultOption = Option{} //nolint:gochecknoglobals // rpcx's API

// resolved is what an Option comes to: complete, checked and immutable.
type resolved struct {
	Option
	codecs      *codec.Set
	compressors *compress.Set
	transports  *transport.Set
	settings    transport.Settings
	reconnect   backoff.Policy
	retry       backoff.Policy
}

// resolve fills in the defaults and checks the option. Whatever is wrong, the result
// can be used.
func (o Option) resolve() (*resolved, error) {
	r := &resolved{Option: o}
	var errs []error
	r.MaxPending, errs = defaultTo(errs, "MaxPending", o.MaxPending, 10_000)
	r.MaxServices, errs = defaultTo(errs, "MaxServices", o.MaxServices, 10_000)
	r.MaxUnsent, errs = defaultTo(errs, "MaxUnsent", o.MaxUnsent, 1<<20)
	r.ConnsPerServer, errs = defaultTo(errs, "ConnsPerServer", o.ConnsPerServer, 1)
	r.PushQueue, errs = defaultTo(errs, "PushQueue", o.PushQueue, 1024)
	r.ConnectTimeout, errs = defaultTo(errs, "ConnectTimeout", o.ConnectTimeout, time.Second)
	r.HeartbeatInterval, errs = defaultTo(errs, "HeartbeatInterval", o.HeartbeatInterval, 30*time.Second)
	r.MaxWaitForHeartbeat, errs = defaultTo(errs, "MaxWaitForHeartbeat", o.MaxWaitForHeartbeat, 30*time.Second)
	r.WriteTimeout, errs = defaultTo(errs, "WriteTimeout", o.WriteTimeout, 10*time.Second)
	errs = r.guarding(errs)
	if o.Retries == NoRetry {
		r.Retries = 0
	} else {
		r.Retries, errs = defaultTo(errs, "Retries", o.Retries, 3)
	}
	r.Limits = o.Limits.WithDefaults()
	if r.Logger == nil {
		r.Logger = slog.Default()
	}
	r.TLSConfig = o.TLSConfig.Clone()
	r.settings = transport.Settings{TLS: r.TLSConfig, KeepAlive: o.TCPKeepAlivePeriod}
	r.Heartbeat = o.Heartbeat || r.pushes()
	r.NonIdempotent = slices.Clone(o.NonIdempotent)
	r.reconnect.Cap = reconnectCap

	var err error
	r.codecs, err = codec.NewSet(append([]codec.Codec{raw.Codec{}, json.Codec{}, protobuf.Codec{}, msgpack.Codec{}}, o.Codecs...)...)
	errs = append(errs, err)
	r.compressors, err = compress.NewSet(append([]compress.Compressor{gzip.New()}, o.Compressors...)...)
	errs = append(errs, err)
	r.transports = transport.NewSet(append([]transport.Transport{tcp.New(), unix.New()}, o.Transports...)...)
	errs = append(errs, r.check())
	return r, errors.Join(errs...)
}

// guarding fills in the defaults of what deals with servers that fail.
func (r *resolved) guarding(errs []error) []error {
	b, e := &r.Breaker, &r.Ejection
	b.Failures, errs = defaultTo(errs, "Breaker.Failures", b.Failures, 5)
	b.Rate, errs = defaultTo(errs, "Breaker.Rate", b.Rate, 0.5)
	b.Window, errs = defaultTo(errs, "Breaker.Window", b.Window, 10*time.Second)
	b.Pause, errs = defaultTo(errs, "Breaker.Pause", b.Pause, time.Second)
	b.MaxPause, errs = defaultTo(errs, "Breaker.MaxPause", b.MaxPause, max(3*time.Second, b.Pause))
	e.Pause, errs = defaultTo(errs, "Ejection.Pause", e.Pause, time.Second)
	e.MaxPause, errs = defaultTo(errs, "Ejection.MaxPause", e.MaxPause, max(30*time.Second, e.Pause))
	e.MaxPercent, errs = defaultTo(errs, "Ejection.MaxPercent", e.MaxPercent, 50)
	if r.BackupLatency < 0 {
		errs = append(errs, fmt.Errorf("client: Option.BackupLatency of %v, want a positive value or 0 for the default", r.BackupLatency))
	}
	return errs
}

// check refuses what cannot take effect.
func (r *resolved) check() error {
	switch {
	case r.SerializeType != 0 && r.codecs != nil && r.codecs.Lookup(r.SerializeType) == nil:
		return fmt.Errorf("client: no codec for SerializeType %s; add it to Option.Codecs", r.SerializeType)
	case r.CompressType != 0 && r.compressors != nil && r.compressors.Lookup(r.CompressType) == nil:
		return fmt.Errorf("client: no compressor for CompressType %s; add it to Option.Compressors", r.CompressType)
	case r.OnPush != nil && r.Pushes != nil:
		return errors.New("client: both Option.OnPush and Option.Pushes are set")
	default:
		return nil
	}
}

// pushes reports whether the client wants what servers push.
func (r *resolved) pushes() bool { return r.OnPush != nil || r.Pushes != nil }

func defaultTo[T int | float64 | time.Duration](errs []error, name string, v, def T) (T, []error) {
	switch {
	case v == 0:
		return def, errs
	case v < 0:
		return def, append(errs, fmt.Errorf("client: Option.%s of %v, want a positive value or 0 for the default of %v", name, v, def))
	default:
		return v, errs
	}
}
