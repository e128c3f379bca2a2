// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/rpcx-go/rpcx"
)

// allows reports whether Config.Allow has a method.
func (p *Proxy) allows(service, method string) bool {
	return len(p.config.Allow) == 0 || slices.ContainsFunc(p.config.Allow, func(name string) bool {
		return name == "*" || name == service+".*" || name == service+"."+method
	})
}

// loggedName is how many bytes of a name that a stranger chose are logged.
const loggedName = 100

// disallowed is the error of a call that Config.Allow does not have. That a service is there
// of which it has another method is no secret. To the operator it is news.
func (p *Proxy) disallowed(service, method string) error {
	if !slices.ContainsFunc(p.config.Allow, func(name string) bool {
		dot := strings.LastIndexByte(name, '.')
		return dot >= 0 && name[:dot] == service
	}) {
		return unknown(service)
	}
	p.omitted.Warn(context.Background(),
		slog.String("service", service), slog.String("method", method[:min(len(method), loggedName)]))
	return rpcx.Errorf(rpcx.Unimplemented, "rpcx: can't find method %s", method).NotExecuted()
}
