// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/internal/webhost"
)

// Config is how a Proxy works. The zero value is useful; zero of a field means its
// default.
type Config struct {
	// Client is how services are called: TLS, transports, retries, breakers and so on. Its
	// Observer is told of calls as they come in, as a server's, and as they go out; of
	// services and methods that may be made up, perhaps without a name. Its MaxServices is
	// not used, and it must not ask for pushes.
	Client client.Option

	// Allow is what may be called, as Service.Method, Service.* or * for all. Default, which an
	// empty list is: all that the resolver knows. A call of another method of a service that it
	// has is logged, once a second at most: it may have been forgotten.
	Allow []string
	// Timeout is the most that a call may take. Its client may give it less. Default 30 s.
	Timeout time.Duration

	// MaxBody is how many bytes a request's body may have, and what it is decompressed to:
	// never more than the servers take, for some close the connection over it, with
	// everybody's calls. Default 4 MiB.
	MaxBody int
	// MaxBodies is how many bytes the bodies of all requests may have together. Default
	// 256 MiB, or MaxBody if that is more.
	MaxBodies int
	// MaxRequests is how many requests are served at a time; further ones are refused at
	// once, as Unavailable. Default 1000.
	MaxRequests int
	// MaxPeerRequests is how many of them may be one address's, as with PeerRate. Default:
	// all; set it where callers come by themselves, so that no slow one holds every place.
	MaxPeerRequests int
	// MaxConnections is how many connections Serve keeps. Default 10,000.
	MaxConnections int
	// Rate and PeerRate are how many calls a second are taken in all, and from one IP
	// address, for IPv6 the network of 64 bits that it is in. Default: no limit.
	Rate, PeerRate Rate

	// MaxServices is how many services are known at a time: when a further one is called,
	// that which has not been called for longest is forgotten. Default 1000.
	MaxServices int
	// ServiceIdle is after how long a service is forgotten that nobody calls: it is not
	// watched any more, and its connections are closed. Default 5 min.
	ServiceIdle time.Duration

	// Origins are the pages that may make calls, such as "https://app.example.com", or "*"
	// for all. Default: none but those that the proxy serves itself (HandleHTTP).
	Origins []string
	// Hosts are the names that the proxy is reached by, such as "gw.example.com". Requests
	// for others are refused, but for addresses and "localhost", which nobody can make point
	// elsewhere. While there are none, calls may name any host; pages are served, and count
	// as the proxy's own, over TLS and under addresses and "localhost" only.
	Hosts []string

	// ClientAddr returns who makes a request that came by a proxy in front of this one, for
	// instance from a header which that one sets. Default, and for the zero Addr: the other
	// end of the connection.
	ClientAddr func(r *http.Request) netip.Addr
	// Identify returns metadata for the calls of a request, such as who makes it, or refuses
	// it: with Unauthenticated, unless its error has a code. Default: none.
	Identify func(r *http.Request) (rpcx.Metadata, error)
	// Reserved are the keys of metadata that clients cannot send, in upper or lower case:
	// those that Identify uses. "x-forwarded-for" is one always.
	Reserved []string
}

// Rate is how often something may happen.
type Rate struct {
	// PerSecond is how often in the long run. Zero: as often as it likes.
	PerSecond float64
	// Burst is how often at once after a rest. Default: that of one second, at least 1.
	Burst int
}

// resolve returns c with its defaults, and says what cannot work.
func (c Config) resolve() (Config, error) {
	var errs []error
	count := func(name string, v *int, def int) {
		switch {
		case *v == 0:
			*v = def
		case *v < 0:
			errs = append(errs, fmt.Errorf("proxy: Config.%s of %d, want a positive value or 0 for the default of %d", name, *v, def))
		}
	}
	span := func(name string, v *time.Duration, def time.Duration) {
		switch {
		case *v == 0:
			*v = def
		case *v < 0:
			errs = append(errs, fmt.Errorf("proxy: Config.%s of %v, want a positive value or 0 for the default of %v", name, *v, def))
		}
	}
	rate := func(name string, r Rate) {
		if r.Burst < 0 || !(r.PerSecond >= 0) { // which NaN is not either
			errs = append(errs, fmt.Errorf("proxy: Config.%s of %v, want positive values or 0", name, r))
		}
	}
	count("MaxBody", &c.MaxBody, 4<<20)
	count("MaxBodies", &c.MaxBodies, max(256<<20, c.MaxBody))
	count("MaxRequests", &c.MaxRequests, 1000)
	count("MaxPeerRequests", &c.MaxPeerRequests, c.MaxRequests)
	count("MaxConnections", &c.MaxConnections, 10_000)
	count("MaxServices", &c.MaxServices, 1000)
	span("Timeout", &c.Timeout, 30*time.Second)
	span("ServiceIdle", &c.ServiceIdle, 5*time.Minute)
	rate("Rate", c.Rate)
	rate("PeerRate", c.PeerRate)
	for _, name := range c.Allow {
		if service, method, _ := strings.Cut(name, "."); name != "*" && (service == "" || method == "") {
			errs = append(errs, fmt.Errorf("proxy: Config.Allow has %q, want Service.Method, Service.* or *", name))
		}
	}
	if limit := c.Client.Limits.WithDefaults().Frame; c.MaxBody > limit {
		errs = append(errs, fmt.Errorf("proxy: Config.MaxBody of %d is more than Config.Client.Limits.Frame of %d", c.MaxBody, limit))
	}
	if err := webhost.List(c.Hosts).Check(); err != nil {
		errs = append(errs, fmt.Errorf("proxy: Config.Hosts: %w", err))
	}
	if c.MaxBodies < c.MaxBody {
		errs = append(errs, fmt.Errorf("proxy: Config.MaxBodies of %d is less than MaxBody of %d", c.MaxBodies, c.MaxBody))
	}
	if c.Client.OnPush != nil || c.Client.Pushes != nil {
		errs = append(errs, errors.New("proxy: Config.Client asks for pushes, which there is nobody for"))
	}
	c.Client.MaxServices = c.MaxServices
	if c.Client.Logger == nil {
		c.Client.Logger = slog.Default()
	}
	origins, err := webhost.ParseOrigins(c.Origins)
	if err != nil {
		errs = append(errs, fmt.Errorf("proxy: Config.Origins: %w", err))
	}
	c.Allow, c.Origins, c.Hosts = slices.Clone(c.Allow), origins, slices.Clone(c.Hosts)
	c.Reserved = append(slices.Clone(c.Reserved), forwardedFor)
	if err := errors.Join(errs...); err != nil {
		return c, rpcx.Errorf(rpcx.InvalidArgument, "%w", err)
	}
	return c, nil
}
