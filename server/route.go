// SPDX-License-Identifier: Apache-2.0

package server

import "github.com/rpcx-go/rpcx"

// routes returns what interceptors say about names that nothing is registered under.
func routes(interceptors []rpcx.Interceptor) []func(service, method string) (string, string) {
	var all []func(service, method string) (string, string)
	for _, i := range interceptors {
		if i.Route != nil {
			all = append(all, i.Route)
		}
	}
	return all
}

// reroute returns the method that a call of a name which is not registered is meant
// for, nil if there is none. It runs on the goroutine that reads the connection.
func (s *Server) reroute(service, name string) (m *method) {
	defer func() {
		if r := recover(); r != nil {
			s.notePanic("an interceptor's route", r, "service", service, "method", name)
			m = nil
		}
	}()
	for _, route := range s.routes {
		toService, toName := route(service, name)
		if m := (*s.table.Load())[toService].methods[toName]; m != nil {
			return m
		}
	}
	return nil
}
