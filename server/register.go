// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/rpcx-go/rpcx/internal/hello"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/registry"
)

// controlService is the name of the service that control frames are addressed to.
const controlService = hello.Service

// service is what is registered under one name.
type service struct {
	methods map[string]*method
	meta    string // as given at registration, for the registrar
	hidden  bool   // from the registrar: the server's own
}

// table is every registered service. It is immutable; registering makes a new one.
type table map[string]service

// lookup finds a method by the bytes of a frame without copying them.
func (t table) lookup(service, method []byte) (m *method, known bool) {
	s, known := t[string(service)]
	return s.methods[string(method)], known
}

// Register makes every exported method of rcvr callable under the name of its
// type. See RegisterName.
func (s *Server) Register(rcvr any, metadata string) error {
	name, err := typeName(rcvr)
	if err != nil {
		return err
	}
	return s.RegisterName(name, rcvr, metadata)
}

// typeName returns the name of the type of a receiver.
func typeName(rcvr any) (string, error) {
	t := reflect.TypeOf(rcvr)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Name() == "" {
		return "", fmt.Errorf("server: cannot name a service after a value of type %T; give it a name", rcvr)
	}
	return t.Name(), nil
}

// RegisterName makes every exported method of rcvr that has the form
//
//	func(ctx context.Context, args *Args, reply *Reply) error
//
// callable as name.Method; args may also be a value. metadata is what the registrar
// publishes beside the address, a URL query such as "weight=3&group=blue".
//
// An exported method of another form makes RegisterName return an error that names
// each and says what is wrong with it; those that fit are registered all the same.
// Name the wanted ones with RegisterNameWithMethods to leave others out. Registering a
// name again adds methods and replaces those of the same name. It may be done while
// the server serves.
func (s *Server) RegisterName(name string, rcvr any, metadata string) error {
	return s.registerMethods(name, rcvr, metadata, nil)
}

// RegisterWithMethods is RegisterNameWithMethods with the name of rcvr's type.
func (s *Server) RegisterWithMethods(rcvr any, methods []string, metadata string) error {
	name, err := typeName(rcvr)
	if err != nil {
		return err
	}
	return s.RegisterNameWithMethods(name, rcvr, methods, metadata)
}

// RegisterNameWithMethods is RegisterName for the named methods of rcvr only. A name
// that rcvr does not have, or whose method does not fit, is an error, and then
// nothing is registered.
func (s *Server) RegisterNameWithMethods(name string, rcvr any, methods []string, metadata string) error {
	if len(methods) == 0 {
		return fmt.Errorf("server: service %q: no method named", name)
	}
	return s.registerMethods(name, rcvr, metadata, methods)
}

func (s *Server) registerMethods(name string, rcvr any, metadata string, wanted []string) error {
	v := reflect.ValueOf(rcvr)
	if !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return fmt.Errorf("server: service %q: receiver is nil", name)
	}
	t := v.Type()
	var fit []*method
	var misfits []error
	for i := range t.NumMethod() {
		rm := t.Method(i)
		if wanted != nil && !slices.Contains(wanted, rm.Name) {
			continue
		}
		m, err := reflected(name, rm.Name, rm.Func, v)
		if err != nil {
			misfits = append(misfits, fmt.Errorf("server: method %w", err))
			continue
		}
		m.replyWithError, m.source = true, sourceOfMethod(t, rm.Name)
		fit = append(fit, m)
	}
	for _, w := range wanted {
		if _, ok := t.MethodByName(w); !ok {
			misfits = append(misfits, fmt.Errorf("server: service %q: type %s has no exported method %s", name, t, w))
		}
	}
	switch {
	case wanted != nil && len(misfits) > 0:
		return errors.Join(misfits...)
	case len(fit) == 0 && len(misfits) == 0:
		return fmt.Errorf("server: service %q: type %s has no exported methods%s", name, t, hintPointer(t))
	case len(fit) == 0:
		return errors.Join(misfits...)
	}
	if err := s.add(name, metadata, fit...); err != nil {
		return err
	}
	return errors.Join(misfits...)
}

// hintPointer helps with the classic mistake of passing a value whose methods have
// pointer receivers.
func hintPointer(t reflect.Type) string {
	if t.Kind() != reflect.Pointer && reflect.PointerTo(t).NumMethod() > 0 {
		return "; pass a pointer"
	}
	return ""
}

// RegisterFunction makes fn, which has the form of a method without its receiver,
// callable as service.Name with the name it has in its source. A function literal
// has none, nor has an instance of a generic function: use RegisterFunctionName.
func (s *Server) RegisterFunction(service string, fn any, metadata string) error {
	v := reflect.ValueOf(fn)
	if v.Kind() != reflect.Func || v.IsNil() {
		return fmt.Errorf("server: service %q: %T is not a function", service, fn)
	}
	name := sourceName(runtime.FuncForPC(v.Pointer()).Name())
	if name == "" {
		return fmt.Errorf("server: service %q: a function literal has no name; use RegisterFunctionName", service)
	}
	return s.RegisterFunctionName(service, name, fn, metadata)
}

// sourceName returns the name of a function or method value without what stands
// before it, and "" for one that has none, such as a.b/pkg.Outer.func1.
func sourceName(full string) string {
	_, name, _ := strings.Cut(full[strings.LastIndexByte(full, '/')+1:], ".")
	if method, ok := strings.CutSuffix(name, "-fm"); ok {
		return method[strings.LastIndexByte(method, '.')+1:]
	}
	if strings.ContainsAny(name, ".[") {
		return ""
	}
	return name
}

// RegisterFunctionName makes fn callable as service.name.
func (s *Server) RegisterFunctionName(service, name string, fn any, metadata string) error {
	v := reflect.ValueOf(fn)
	if v.Kind() != reflect.Func || v.IsNil() {
		return fmt.Errorf("server: %s.%s: %T is not a function", service, name, fn)
	}
	m, err := reflected(service, name, v)
	if err != nil {
		return fmt.Errorf("server: function %w", err)
	}
	m.source = sourceOfFunc(runtime.FuncForPC(v.Pointer()).Name())
	return s.add(service, metadata, m)
}

// Handle makes fn callable as service.name. Its types are known when the program is
// compiled, so calls need no reflection.
func Handle[A, R any](s *Server, service, name string, fn func(ctx context.Context, args *A, reply *R) error) error {
	if fn == nil {
		return fmt.Errorf("server: %s.%s: nil function", service, name)
	}
	newReply := func() any { return new(R) }
	if t := reflect.TypeFor[R](); t.Kind() == reflect.Map || t.Kind() == reflect.Slice {
		newReply = maker(t)
	}
	return s.add(service, "", &method{
		service:  service,
		name:     name,
		source:   sourceOfFunc(runtime.FuncForPC(reflect.ValueOf(fn).Pointer()).Name()),
		newArgs:  func() any { return new(A) },
		newReply: newReply,
		call: func(ctx context.Context, args, reply any) error {
			a, okA := args.(*A)
			r, okR := reply.(*R)
			if !okA || !okR {
				return fmt.Errorf("server: an interceptor passed %T and %T on to %s.%s", args, reply, service, name)
			}
			return fn(ctx, a, r)
		},
		replyWithError: true,
	})
}

// HandleRaw makes h callable as service.method for requests of any codec.
func (s *Server) HandleRaw(service, name string, h RawHandler) error {
	if h == nil {
		return fmt.Errorf("server: %s.%s: nil handler", service, name)
	}
	return s.add(service, "", &method{
		service:  service,
		name:     name,
		source:   sourceOfFunc(runtime.FuncForPC(reflect.ValueOf(h).Pointer()).Name()),
		newReply: func() any { return new(protocol.Message) },
		raw:      h,
	})
}

// add puts methods into the table and, if the server serves, into the registry.
func (s *Server) add(name, metadata string, methods ...*method) error {
	if s.configErr != nil {
		return s.configErr
	}
	if err := checkNames(s.config.limits.Name, name, methods); err != nil {
		return err
	}
	if _, err := registry.ParseMeta(metadata); err != nil {
		return fmt.Errorf("server: service %q: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != serving {
		return fmt.Errorf("server: service %q: %w", name, ErrServerClosed)
	}
	next := maps.Clone(*s.table.Load())
	svc := service{meta: next[name].meta, methods: maps.Clone(next[name].methods)}
	if svc.methods == nil {
		svc.methods = make(map[string]*method)
	}
	if metadata != "" {
		svc.meta = metadata
	}
	for _, m := range methods {
		if !m.vital {
			m.limit = s.config.adaptive.limiter(runtime.GOMAXPROCS(0))
		}
		svc.methods[m.name] = m
	}
	next[name] = svc
	s.table.Store(&next)
	s.health.refresh()
	s.publish.wake()
	return nil
}

func checkNames(limit int, service string, methods []*method) error {
	switch {
	case service == "":
		return errors.New("server: a service needs a name")
	case service == controlService, service == HealthService:
		return fmt.Errorf("server: the service name %q belongs to the protocol", service)
	case len(service) > limit:
		return fmt.Errorf("server: service name of %d bytes, the limit is %d", len(service), limit)
	}
	for _, m := range methods {
		if m.name == "" || len(m.name) > limit {
			return fmt.Errorf("server: service %q: method name of %d bytes, want 1 to %d", service, len(m.name), limit)
		}
	}
	return nil
}

// UnregisterAll takes every service out of the registry and out of the server.
// Calls that run go on; further ones are told that there is no such service, and
// that they did not run. ctx bounds the wait for the registry.
func (s *Server) UnregisterAll(ctx context.Context) error {
	s.mu.Lock()
	s.table.Store(&table{HealthService: s.health.service()})
	s.health.refresh()
	s.mu.Unlock()
	return s.publish.withdraw(ctx, false)
}
