// SPDX-License-Identifier: Apache-2.0

package rpcx

import "reflect"

// ServiceInfo says what a server has registered under one name. See Services of
// server.Server, and package reflection, which describes it to others.
type ServiceInfo struct {
	Name     string
	Metadata string       // as published in registries
	Builtin  bool         // the server's own, not registered by its user
	Methods  []MethodInfo // ordered by name
}

// MethodInfo is a method of a service.
type MethodInfo struct {
	Name string
	// Args and Reply are the types that are decoded into and encoded from, not those of
	// the pointers to them. A handler of frames has neither.
	Args, Reply reflect.Type
	// Func is where the method stands in the source: its package, type if any, and name,
	// such as "arith.Arith.Mul". "" says that it is not known.
	Func string
}
