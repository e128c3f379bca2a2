// SPDX-License-Identifier: Apache-2.0

package server

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/rpcx-go/rpcx"
)

// Services returns what is registered now, the server's own HealthService included,
// ordered by name. The result is the caller's.
func (s *Server) Services() []rpcx.ServiceInfo {
	registered := *s.table.Load()
	all := make([]rpcx.ServiceInfo, 0, len(registered))
	for _, name := range slices.Sorted(maps.Keys(registered)) {
		svc := registered[name]
		info := rpcx.ServiceInfo{Name: name, Metadata: svc.meta, Builtin: svc.hidden}
		for _, method := range slices.Sorted(maps.Keys(svc.methods)) {
			info.Methods = append(info.Methods, svc.methods[method].info())
		}
		all = append(all, info)
	}
	return all
}

func (m *method) info() rpcx.MethodInfo {
	info := rpcx.MethodInfo{Name: m.name, Func: m.source}
	if m.raw == nil {
		info.Args = reflect.TypeOf(m.newArgs()).Elem()
		info.Reply = reflect.TypeOf(m.newReply()).Elem()
	}
	return info
}

// sourceOfMethod returns where a method of a receiver stands in the source.
func sourceOfMethod(rcvr reflect.Type, name string) string {
	return strings.TrimLeft(rcvr.String(), "*") + "." + name
}

// sourceOfFunc returns the same for a function or method value, "" for a function
// literal.
func sourceOfFunc(full string) string {
	short := full[strings.LastIndexByte(full, '/')+1:]
	if sourceName(full) == "" {
		return ""
	}
	return strings.NewReplacer("(*", "", ")", "").Replace(strings.TrimSuffix(short, "-fm"))
}
