// SPDX-License-Identifier: Apache-2.0

package middleware

import "strings"

// methods is a table by method. Names are split when it is made, so that service
// "a.b" with method "c" is never taken for service "a" with method "b.c".
type methods[V any] map[method]V

type method struct{ service, name string }

// newMethods reads the names of a configuration, as the package comment has them.
func newMethods[V any](config map[string]V) methods[V] {
	m := make(methods[V], len(config))
	for text, v := range config {
		m[parseMethod(text)] = v
	}
	return m
}

// parseMethod reads a name. All methods of a service are its method "*", everything
// is that of service "*".
func parseMethod(text string) method {
	dot := strings.LastIndexByte(text, '.')
	if dot < 0 {
		return method{text, "*"}
	}
	return method{text[:dot], text[dot+1:]}
}

// find returns the value of the line that fits best.
func (m methods[V]) find(service, name string) (V, bool) {
	for _, key := range [...]method{{service, name}, {service, "*"}, {"*", "*"}} {
		if v, ok := m[key]; ok {
			return v, true
		}
	}
	var none V
	return none, false
}
