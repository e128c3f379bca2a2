// SPDX-License-Identifier: Apache-2.0

// Package httpcall holds what calls over HTTP have in common, whatever their form: who
// makes them, what travels beside the arguments, and which status an error has.
package httpcall

import (
	"context"
	"errors"
	"io"
	"maps"
	"math"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
)

// The headers that every form of call has.
const (
	MetaHeader    = "X-Rpcx-Meta"    // metadata, as the query of a URL
	TimeoutHeader = "X-Rpcx-Timeout" // milliseconds that the call may take
)

// Metadata keys of rpcx.
const (
	authKey    = "__AUTH"
	timeoutKey = "__ServerTimeout"
)

type networkKey struct{}

// WithNetwork returns a context for connections on a network which is not by name that of
// their address.
func WithNetwork(ctx context.Context, network string) context.Context {
	return context.WithValue(ctx, networkKey{}, network)
}

// Peer returns who makes a request.
func Peer(r *http.Request) rpcx.Peer {
	p := rpcx.Peer{Network: "tcp", TLS: r.TLS}
	if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		p.Addr = net.TCPAddrFromAddrPort(ap)
	}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		p.Local, p.Network = local, local.Network()
	}
	if network, ok := r.Context().Value(networkKey{}).(string); ok {
		p.Network = network
	}
	return p
}

// Metadata returns what a request says beside the arguments: the pairs of MetaHeader,
// the first one of each key, with the token of Authorization and the time of
// TimeoutHeader in place of theirs.
func Metadata(h http.Header) (rpcx.Metadata, error) {
	pairs, err := url.ParseQuery(h.Get(MetaHeader))
	if err != nil {
		return rpcx.Metadata{}, rpcx.Errorf(rpcx.InvalidArgument, "%w", err).NotExecuted()
	}
	if token := h.Get("Authorization"); token != "" {
		pairs.Set(authKey, token)
	}
	if text := h.Get(TimeoutHeader); text != "" {
		ms, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return rpcx.Metadata{}, rpcx.Errorf(rpcx.InvalidArgument, "header X-RPCX-Timeout is %q, want milliseconds", text).NotExecuted()
		}
		pairs.Set(timeoutKey, strconv.FormatUint(ms, 10))
	}
	var block []byte
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		block = protocol.AppendPair(block, key, pairs.Get(key))
	}
	return protocol.ParseMetadata(block)
}

// FormatMetadata returns metadata as MetaHeader carries it.
func FormatMetadata(md rpcx.Metadata) string {
	pairs := make(url.Values, md.Len())
	for key, value := range md.All() {
		pairs.Set(key, value)
	}
	return pairs.Encode()
}

// ErrTooLarge is matched by the error of Body for one over the limit.
var ErrTooLarge = errors.New("body is over the limit")

// Body returns the body of a request, which whoever serves it has bounded.
func Body(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	var over *http.MaxBytesError
	var refused *rpcx.Error
	switch {
	case errors.As(err, &refused): // by who serves it
		return nil, refused
	case errors.As(err, &over):
		return nil, rpcx.Errorf(rpcx.ResourceExhausted, "%w of %d bytes", ErrTooLarge, over.Limit).NotExecuted()
	case err != nil:
		return nil, rpcx.Errorf(rpcx.InvalidArgument, "read body: %w", err).NotExecuted()
	}
	return body, nil
}

// IsJSON reports whether a request says that its body is JSON. No page in a browser can
// say so to another site without asking that first.
func IsJSON(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && (kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json"))
}

// Status returns the HTTP status of an error.
func Status(err error) int {
	switch {
	case errors.Is(err, ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrEncoding):
		return http.StatusUnsupportedMediaType
	}
	switch rpcx.CodeOf(err) {
	case 0:
		return http.StatusOK
	case rpcx.InvalidArgument, rpcx.FailedPrecondition, rpcx.OutOfRange:
		return http.StatusBadRequest
	case rpcx.Unauthenticated:
		return http.StatusUnauthorized
	case rpcx.PermissionDenied:
		return http.StatusForbidden
	case rpcx.NotFound, rpcx.Unimplemented:
		return http.StatusNotFound
	case rpcx.AlreadyExists, rpcx.Aborted:
		return http.StatusConflict
	case rpcx.ResourceExhausted:
		return http.StatusTooManyRequests
	case rpcx.Canceled:
		return statusClientGone
	case rpcx.Unavailable:
		return http.StatusServiceUnavailable
	case rpcx.DeadlineExceeded:
		return http.StatusGatewayTimeout
	default:
		return http.StatusInternalServerError
	}
}

// statusClientGone is what nginx made the custom for a client that did not wait.
const statusClientGone = 499

// CodeName returns a code as JSON carries it, such as "not_found".
func CodeName(err error) string { return strings.ReplaceAll(rpcx.CodeOf(err).String(), " ", "_") }

// RetryAfter returns the pause that an error asks for, in seconds, 0 if it asks for none.
func RetryAfter(e *rpcx.Error) int {
	return int(math.Ceil(float64(max(e.Pause(), 0)) / float64(time.Second)))
}

// Hints sets the headers that the status of an error goes with.
func Hints(h http.Header, err error) {
	var e *rpcx.Error
	if !errors.As(err, &e) {
		return
	}
	if pause := RetryAfter(e); pause > 0 {
		h.Set("Retry-After", strconv.Itoa(pause))
	}
	if e.Code() == rpcx.Unauthenticated {
		h.Set("WWW-Authenticate", "Bearer")
	}
}
