// SPDX-License-Identifier: Apache-2.0

package middleware

import (
	"maps"

	"github.com/rpcx-go/rpcx"
)

// Alias makes methods callable by further names, such as those they had before; names
// are from alias to method, "Old.Name": "New.Name" or, for all methods of a service,
// "Old.*": "New.*". It is for servers. Something registered under the name of an alias
// goes before it.
//
// The reply carries the name that was called, and so do the errors about it: the
// caller sees no difference. Auth, limits, metrics and all other interceptors see the
// name that the method is registered under: an alias does not lead around them.
func Alias(names map[string]string) rpcx.Interceptor {
	aliases := maps.Clone(newMethods(names))
	return rpcx.Interceptor{Route: func(service, name string) (string, string) {
		text, ok := aliases[method{service, name}]
		if !ok {
			text, ok = aliases[method{service, "*"}]
		}
		if !ok {
			return service, name
		}
		to := parseMethod(text)
		if to.name == "*" {
			to.name = name
		}
		return to.service, to.name
	}}
}
