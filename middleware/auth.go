// SPDX-License-Identifier: Apache-2.0

package middleware

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"log/slog"
	"slices"
	"strings"

	"github.com/rpcx-go/rpcx"
)

// Whom a line of AuthConfig.Allow can name besides identities.
const (
	Everyone   = ""  // who proved nothing as well
	Identified = "*" // whoever proved to be somebody
)

// AuthConfig configures Auth.
type AuthConfig struct {
	// Identify returns who makes a call, "" for somebody who does not say. token is what
	// the client set with Auth. An error refuses the call, with Unauthenticated unless it
	// has a code. Default: CertificateIdentity. See Tokens as well.
	Identify func(ctx context.Context, token string) (identity string, err error)
	// Allow says who may call which methods: identities, Everyone or Identified. The line
	// that names a method best is the only one that counts, and what no line names
	// nobody may call. Default, for a nil map: Identified may call everything.
	Allow map[string][]string
	// Logger takes a warning when calls are refused. Default slog.Default().
	Logger *slog.Logger
}

// Auth returns a function for server.WithAuth, which the server asks before it
// decompresses or decodes anything. It refuses with Unauthenticated who did not prove
// to be somebody, and with PermissionDenied who may not make this call. Method names
// are those that methods are registered under, whatever alias was called. Identity returns
// who the caller is.
func Auth(config AuthConfig) func(ctx context.Context, service, method, token string) error {
	identify := config.Identify
	if identify == nil {
		identify = CertificateIdentity
	}
	if config.Allow == nil {
		config.Allow = map[string][]string{"*": {Identified}}
	}
	allow := newMethods(config.Allow)
	refused := newNotice(config.Logger, "calls refused by auth")
	return func(ctx context.Context, service, method, token string) error {
		identity, err := identify(ctx, token)
		if err != nil {
			refused.Warn(ctx, called(service, method), slog.Any("reason", err))
			return err
		}
		noteIdentity(ctx, identity)
		who, _ := allow.find(service, method)
		switch {
		case slices.Contains(who, Everyone):
			return nil
		case identity == "":
			refused.Warn(ctx, called(service, method), slog.String("reason", "no identity"))
			return rpcx.Errorf(rpcx.Unauthenticated, "auth: %s.%s is not for callers without an identity", service, method)
		case slices.Contains(who, Identified), slices.Contains(who, identity):
			return nil
		default:
			refused.Warn(ctx, called(service, method), slog.String("identity", identity))
			return rpcx.Errorf(rpcx.PermissionDenied, "auth: %q may not call %s.%s", identity, service, method)
		}
	}
}

// CertificateIdentity returns who the peer of a call is by its TLS certificate: its
// first URI, such as a SPIFFE ID, else its first DNS name, else its common name. It is
// "" without a certificate that the server has verified; the server's TLS
// configuration must ask for one.
func CertificateIdentity(ctx context.Context, _ string) (string, error) {
	peer, _ := rpcx.PeerFrom(ctx)
	return certificateName(peer.TLS), nil
}

func certificateName(state *tls.ConnectionState) string {
	if state == nil || len(state.VerifiedChains) == 0 || len(state.VerifiedChains[0]) == 0 {
		return ""
	}
	leaf := state.VerifiedChains[0][0]
	switch {
	case len(leaf.URIs) > 0:
		return leaf.URIs[0].String()
	case len(leaf.DNSNames) > 0:
		return leaf.DNSNames[0]
	default:
		return leaf.Subject.CommonName
	}
}

// Tokens returns a function for AuthConfig.Identify that knows fixed tokens; the map
// is from token to identity. A client sends "TOKEN" or "bearer TOKEN". How long it
// takes does not tell how much of a guess is right. A token that is not in the map is
// refused; no token at all is nobody.
func Tokens(identities map[string]string) func(ctx context.Context, token string) (string, error) {
	type entry struct {
		sum      [sha256.Size]byte
		identity string
	}
	var known []entry
	for token, identity := range identities {
		known = append(known, entry{sha256.Sum256([]byte(token)), identity})
	}
	return func(_ context.Context, token string) (string, error) {
		if token == "" {
			return "", nil
		}
		sum := sha256.Sum256([]byte(bare(token)))
		found := -1
		for i := range known {
			found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], known[i].sum[:]), i, found)
		}
		if found < 0 {
			return "", rpcx.Errorf(rpcx.Unauthenticated, "auth: unknown token")
		}
		return known[found].identity, nil
	}
}

// bare returns a token without the word that stands before it by custom.
func bare(token string) string {
	const scheme = "bearer "
	if len(token) > len(scheme) && strings.EqualFold(token[:len(scheme)], scheme) {
		return token[len(scheme):]
	}
	return token
}
