// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"reflect"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/adaptive"
	"github.com/rpcx-go/rpcx/internal/bufpool"
	"github.com/rpcx-go/rpcx/protocol"
)

// method is one thing that can be called, with all that its calls need prepared.
type method struct {
	service, name string
	source        string // where it stands in the source, as in rpcx.MethodInfo

	newArgs  func() any // a pointer for the codec to fill
	newReply func() any // a pointer for the handler to fill
	call     func(ctx context.Context, args, reply any) error
	raw      RawHandler // instead of the three above

	// replyWithError says that the reply goes out even when the call fails, as rpcx
	// does for methods but not for functions and raw handlers.
	replyWithError bool

	// vital says that no limit on calls applies.
	vital bool

	pace    pace
	limit   *adaptive.Limit // nil: none
	gate    gate
	replies bufpool.Hint // sizes of the reply frames
}

// RawHandler serves frames without a codec. in is the request: its payload is
// decompressed and, like all of in, the handler's to keep. What the handler puts
// into out's Payload, and adds to its Metadata, goes back; the header of out and its
// names are not looked at.
type RawHandler func(ctx context.Context, in, out *protocol.Message) error

var (
	contextType = reflect.TypeFor[context.Context]() //nolint:gochecknoglobals // a constant
	errorType   = reflect.TypeFor[error]()           //nolint:gochecknoglobals // a constant
)

// reflected makes a method of a func value of the form
// func([receiver,] context.Context, args, *reply) error, or says why it is not one.
func reflected(service, name string, fn reflect.Value, receiver ...reflect.Value) (*method, error) {
	t := fn.Type()
	if err := checkShape(t, len(receiver)); err != nil {
		return nil, fmt.Errorf("%s.%s %w, want func(ctx context.Context, args *Args, reply *Reply) error", service, name, err)
	}
	args, reply := t.In(len(receiver)+1), t.In(len(receiver)+2).Elem()
	m := &method{service: service, name: name, newReply: maker(reply)}
	byValue := args.Kind() != reflect.Pointer
	if byValue {
		m.newArgs = maker(args)
	} else {
		m.newArgs = maker(args.Elem())
	}
	m.call = func(ctx context.Context, args, reply any) error {
		in := make([]reflect.Value, 0, 4)
		in = append(in, receiver...)
		a := reflect.ValueOf(args)
		if byValue {
			a = a.Elem()
		}
		in = append(in, reflect.ValueOf(ctx), a, reflect.ValueOf(reply))
		err, _ := fn.Call(in)[0].Interface().(error)
		return err
	}
	return m, nil
}

// checkShape says what is wrong with a function that has skip leading parameters
// of its own.
func checkShape(t reflect.Type, skip int) error {
	switch in := t.NumIn() - skip; {
	case t.IsVariadic():
		return fmt.Errorf("is variadic")
	case in != 3:
		return fmt.Errorf("takes %d parameters", in)
	case t.In(skip) != contextType:
		return fmt.Errorf("takes %s first, not context.Context", t.In(skip))
	case t.In(skip+2).Kind() != reflect.Pointer:
		return fmt.Errorf("takes its reply as %s, not as a pointer", t.In(skip+2))
	case t.NumOut() != 1:
		return fmt.Errorf("returns %d values", t.NumOut())
	case t.Out(0) != errorType:
		return fmt.Errorf("returns %s, not error", t.Out(0))
	}
	for _, p := range []reflect.Type{t.In(skip + 1), t.In(skip + 2)} {
		if !exportedOrBuiltin(p) {
			return fmt.Errorf("uses type %s, which is not exported", p)
		}
		e := p
		for e.Kind() == reflect.Pointer {
			e = e.Elem()
		}
		if k := e.Kind(); k == reflect.Chan || k == reflect.Func {
			return fmt.Errorf("uses type %s, which no codec can carry", p)
		}
	}
	return nil
}

func exportedOrBuiltin(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath() == "" || t.Name() == "" || t.Name()[0] >= 'A' && t.Name()[0] <= 'Z' || t.Name()[0] >= 0x80
}

// maker returns a function that makes pointers to new values of t. Like net/rpc it
// gives a reply that is a map or slice an empty one to work with.
func maker(t reflect.Type) func() any {
	switch t.Kind() {
	case reflect.Map:
		return func() any {
			p := reflect.New(t)
			p.Elem().Set(reflect.MakeMap(t))
			return p.Interface()
		}
	case reflect.Slice:
		return func() any {
			p := reflect.New(t)
			p.Elem().Set(reflect.MakeSlice(t, 0, 0))
			return p.Interface()
		}
	default:
		return func() any { return reflect.New(t).Interface() }
	}
}

// invoke runs the handler for c. It is the innermost link of the interceptor chain.
func (m *method) invoke(ctx context.Context, c *rpcx.Call) error {
	if m.raw != nil {
		in, _ := c.Args.(*protocol.Message)
		out, _ := c.Reply.(*protocol.Message)
		err := m.raw(ctx, in, out)
		c.Trailer = c.Trailer.Merge(out.Metadata)
		return err
	}
	return m.call(ctx, c.Args, c.Reply)
}
