// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

type hidden struct{ A int }

// Misfits has one method of each form that cannot be called.
type Misfits struct{}

func (*Misfits) NoParameters()                                             {}
func (*Misfits) TwoParameters(context.Context, *Args) error                { return nil }
func (*Misfits) FourParameters(context.Context, *Args, *Reply, int) error  { return nil }
func (*Misfits) NoContext(*Args, *Args, *Reply) error                      { return nil }
func (*Misfits) ReplyByValue(context.Context, *Args, Reply) error          { return nil }
func (*Misfits) ReplyMap(context.Context, *Args, map[string]int) error     { return nil }
func (*Misfits) NoResult(context.Context, *Args, *Reply)                   {}
func (*Misfits) TwoResults(context.Context, *Args, *Reply) (int, error)    { return 0, nil }
func (*Misfits) NotAnError(context.Context, *Args, *Reply) string          { return "" }
func (*Misfits) HiddenArgs(context.Context, *hidden, *Reply) error         { return nil }
func (*Misfits) HiddenReply(context.Context, *Args, *hidden) error         { return nil }
func (*Misfits) ChannelArgs(context.Context, chan int, *Reply) error       { return nil }
func (*Misfits) ChannelReply(context.Context, *Args, *chan int) error      { return nil }
func (*Misfits) FunctionArgs(context.Context, func(), *Reply) error        { return nil }
func (*Misfits) Variadic(context.Context, *Args, ...*Reply) error          { return nil }
func (*Misfits) unexported(context.Context, *Args, *Reply) error           { return nil } //nolint:unused // must not be seen
func (*Misfits) OwnError(context.Context, *Args, *Reply) *json.SyntaxError { return nil }
func (*Misfits) ContextBehind(_ *Args, _ *Reply, _ context.Context) error  { return nil } //nolint:revive // the point

// complaints are what must be said about each of them.
func complaints() map[string]string {
	return map[string]string{
		"NoParameters":   "takes 0 parameters",
		"TwoParameters":  "takes 2 parameters",
		"FourParameters": "takes 4 parameters",
		"NoContext":      "takes *server_test.Args first, not context.Context",
		"ReplyByValue":   "takes its reply as server_test.Reply, not as a pointer",
		"ReplyMap":       "takes its reply as map[string]int, not as a pointer",
		"NoResult":       "returns 0 values",
		"TwoResults":     "returns 2 values",
		"NotAnError":     "returns string, not error",
		"HiddenArgs":     "uses type *server_test.hidden, which is not exported",
		"HiddenReply":    "uses type *server_test.hidden, which is not exported",
		"ChannelArgs":    "uses type chan int, which no codec can carry",
		"ChannelReply":   "uses type *chan int, which no codec can carry",
		"FunctionArgs":   "uses type func(), which no codec can carry",
		"Variadic":       "is variadic",
		"OwnError":       "returns *json.SyntaxError, not error",
		"ContextBehind":  "takes *server_test.Args first, not context.Context",
	}
}

func TestMisfitsAreNamed(t *testing.T) {
	t.Parallel()
	err := server.NewServer().RegisterName("M", new(Misfits), "")
	if err == nil {
		t.Fatal("a type without a method that fits is registered")
	}
	lines := strings.Split(err.Error(), "\n")
	for method, want := range complaints() {
		found := false
		for _, line := range lines {
			if strings.Contains(line, "M."+method+" ") {
				found = true
				if !strings.HasPrefix(line, "server: ") || !strings.Contains(line, want) || !strings.Contains(line, "want func(ctx context.Context, args *Args, reply *Reply) error") {
					t.Errorf("of %s it is said %q, want that it %s", method, line, want)
				}
			}
		}
		if !found {
			t.Errorf("nothing is said of %s", method)
		}
	}
	if len(lines) != len(complaints()) {
		t.Errorf("%d complaints, want %d", len(lines), len(complaints()))
	}
}

// Each misfit is refused as a function and by name as well, with the same words.
func TestMisfitsOneByOne(t *testing.T) {
	t.Parallel()
	m := new(Misfits)
	for name, fn := range map[string]any{
		"NoParameters": m.NoParameters, "TwoParameters": m.TwoParameters, "FourParameters": m.FourParameters,
		"NoContext": m.NoContext, "ReplyByValue": m.ReplyByValue, "ReplyMap": m.ReplyMap, "NoResult": m.NoResult,
		"TwoResults": m.TwoResults, "NotAnError": m.NotAnError, "HiddenArgs": m.HiddenArgs, "HiddenReply": m.HiddenReply,
		"ChannelArgs": m.ChannelArgs, "ChannelReply": m.ChannelReply, "FunctionArgs": m.FunctionArgs,
		"Variadic": m.Variadic, "OwnError": m.OwnError, "ContextBehind": m.ContextBehind,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := server.NewServer()
			want := complaints()[name]
			if err := s.RegisterFunctionName("M", name, fn, ""); err == nil || !strings.Contains(err.Error(), "M."+name+" "+want) {
				t.Errorf("as a function: %v, want that it %s", err, want)
			}
			if err := s.RegisterNameWithMethods("M", m, []string{name}, ""); err == nil || !strings.Contains(err.Error(), "M."+name+" "+want) {
				t.Errorf("by its name: %v, want that it %s", err, want)
			}
		})
	}
}

// Mixed has methods of both kinds.
type Mixed struct{ Arith }

func (*Mixed) Add(_ context.Context, args *Args, reply *Reply) error {
	reply.C = args.A + args.B
	return nil
}
func (*Mixed) Close() error { return nil }

// Misfits are an error, and the rest is registered all the same: a type with a Close
// method can be served.
func TestPartialRegistration(t *testing.T) {
	t.Parallel()
	w := inMemory(t)
	err := w.RegisterName("Mixed", new(Mixed), "")
	if err == nil || !strings.Contains(err.Error(), "Mixed.Close takes 0 parameters") || strings.Contains(err.Error(), "Add") {
		t.Errorf("RegisterName returns %v, want a complaint about Close alone", err)
	}
	x := w.client(t, "Mixed", client.DefaultOption)
	for method, want := range map[string]int{"Add": 13, "Mul": 42} {
		reply, err := client.Invoke[Reply](t.Context(), x, method, &Args{6, 7})
		if err != nil || reply.C != want {
			t.Errorf("%s returns %+v, %v, want %d", method, reply, err, want)
		}
	}
	if err := x.Call(t.Context(), "Close", &Args{}, &Reply{}); err == nil || err.Error() != "rpcx: can't find method Close" {
		t.Errorf("calling a misfit: %v", err)
	}
}

func TestRegisterWithMethods(t *testing.T) {
	t.Parallel()
	w := inMemory(t)
	if err := w.RegisterWithMethods(new(Mixed), []string{"Add"}, ""); err != nil {
		t.Errorf("a wanted method that fits, beside one that does not: %v", err)
	}
	x := w.client(t, "Mixed", client.DefaultOption)
	if err := x.Call(t.Context(), "Add", &Args{6, 7}, &Reply{}); err != nil {
		t.Error(err)
	}
	for _, method := range []string{"Mul", "Fail", "Close"} {
		if err := x.Call(t.Context(), method, &Args{}, &Reply{}); err == nil || err.Error() != "rpcx: can't find method "+method {
			t.Errorf("%s, which was not named: %v", method, err)
		}
	}
	for _, c := range []struct {
		name    string
		methods []string
		want    []string
	}{
		{"none", nil, []string{`service "Other": no method named`}},
		{"a misfit", []string{"Add", "Close"}, []string{"Other.Close takes 0 parameters"}},
		{"not there", []string{"Add", "Sub"}, []string{"type *server_test.Mixed has no exported method Sub"}},
		{"everything wrong is said at once", []string{"Close", "Sub", ""}, []string{"Close takes 0", "method Sub", "method "}},
	} {
		err := w.RegisterNameWithMethods("Other", new(Mixed), c.methods, "")
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want it to say %q", c.name, err, want)
			}
		}
		// Nothing of it may have been registered.
		other := w.client(t, "Other", client.DefaultOption)
		if err := other.Call(t.Context(), "Add", &Args{}, &Reply{}); err == nil || err.Error() != "rpcx: can't find service Other" {
			t.Errorf("%s: calling it: %v", c.name, err)
		}
	}
}

type (
	ValueReceiver   struct{}
	PointerReceiver struct{}
	NoMethods       struct{}
)

func (ValueReceiver) M(context.Context, *Args, *Reply) error    { return nil }
func (*PointerReceiver) M(context.Context, *Args, *Reply) error { return nil }

func TestReceivers(t *testing.T) {
	t.Parallel()
	anonymous := struct{ Arith }{}
	for _, c := range []struct {
		name string
		rcvr any
		want string // "": fine
	}{
		{"a value with value methods", ValueReceiver{}, ""},
		{"a pointer with value methods", new(ValueReceiver), ""},
		{"a pointer with pointer methods", new(PointerReceiver), ""},
		{"a value with pointer methods", PointerReceiver{}, "pass a pointer"},
		{"no methods", new(NoMethods), "has no exported methods"},
		{"nil", nil, "receiver is nil"},
		{"a nil pointer", (*PointerReceiver)(nil), "receiver is nil"},
		{"an int", 42, "has no exported methods"},
		{"an anonymous type", &anonymous, ""},
	} {
		err := server.NewServer().RegisterName("S", c.rcvr, "")
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// Register takes the name of the type.
func TestRegister(t *testing.T) {
	t.Parallel()
	w := inMemory(t)
	for _, rcvr := range []any{Arith{}, &ValueReceiver{}} {
		if err := w.Register(rcvr, ""); err != nil {
			t.Errorf("%T: %v", rcvr, err)
		}
	}
	w.mustWork(t)
	x := w.client(t, "ValueReceiver", client.DefaultOption)
	if err := x.Call(t.Context(), "M", &Args{}, &Reply{}); err != nil {
		t.Error(err)
	}
	pointer := new(Arith)
	for name, rcvr := range map[string]any{"nil": nil, "anonymous": &struct{ Arith }{}, "a func": func() {}} {
		if err := w.Register(rcvr, ""); err == nil || !strings.Contains(err.Error(), "give it a name") {
			t.Errorf("%s: %v, want a hint at what to do", name, err)
		}
	}
	if err := w.Register(&pointer, ""); err == nil {
		t.Error("a pointer to a pointer, which has no methods, is registered")
	}
}

// Echo takes and gives values of all kinds.
type Echo struct{}

func (Echo) ByValue(_ context.Context, args Args, reply *Reply) error {
	reply.C = args.A * args.B
	return nil
}

func (Echo) Number(_ context.Context, args int, reply *int) error {
	*reply = args + 1
	return nil
}

func (Echo) Text(_ context.Context, args *string, reply *string) error {
	*reply = strings.ToUpper(*args)
	return nil
}

func (Echo) Map(_ context.Context, args map[string]int, reply *map[string]int) error {
	for k, v := range args {
		(*reply)[k] = v + 1
	}
	return nil
}

func (Echo) Slice(_ context.Context, args []int, reply *[]int) error {
	if *reply == nil {
		return errors.New("the reply is nil")
	}
	*reply = append(*reply, args...)
	return nil
}

func (Echo) Any(_ context.Context, args *any, reply *any) error {
	*reply = *args
	return nil
}

func (Echo) Bytes(_ context.Context, args []byte, reply *[]byte) error {
	*reply = append(*reply, args...)
	return nil
}

func TestArgumentAndReplyTypes(t *testing.T) {
	t.Parallel()
	w := inMemory(t)
	if err := w.Register(Echo{}, ""); err != nil {
		t.Fatal(err)
	}
	p := w.dial(t)
	for _, c := range []struct{ method, args, reply string }{
		{"ByValue", `{"A":6,"B":7}`, `{"C":42}`},
		{"Number", `41`, `42`},
		{"Text", `"abc"`, `"ABC"`},
		{"Map", `{"a":1,"b":2}`, `{"a":2,"b":3}`},
		{"Map", `{}`, `{}`},
		{"Map", `null`, `{}`},
		{"Slice", `[1,2,3]`, `[1,2,3]`},
		{"Slice", `[]`, `[]`},
		{"Any", `{"a":[1,null,"x"]}`, `{"a":[1,null,"x"]}`},
		{"Bytes", `"AQID"`, `"AQID"`},
	} {
		if got := p.call(request("Echo", c.method, c.args)); string(got.Payload) != c.reply {
			t.Errorf("%s(%s) is answered with %s %v, want %s", c.method, c.args, got.Payload, got.Metadata.Map(), c.reply)
		}
	}
}

// A call gets fresh values: nothing of another call is in its arguments or reply.
func TestValuesAreFresh(t *testing.T) {
	t.Parallel()
	w := inMemory(t)
	if err := w.Register(Echo{}, ""); err != nil {
		t.Fatal(err)
	}
	p := w.dial(t)
	p.call(request("Echo", "Map", `{"first":1}`))
	if got := p.call(request("Echo", "Map", `{"second":1}`)); string(got.Payload) != `{"second":2}` {
		t.Errorf("the second reply is %s", got.Payload)
	}
	p.call(request("Echo", "ByValue", `{"A":6,"B":7}`))
	if got := p.call(request("Echo", "ByValue", `{"A":6}`)); string(got.Payload) != `{"C":0}` {
		t.Errorf("the second reply is %s", got.Payload)
	}
}

func double(_ context.Context, args *Args, reply *Reply) error {
	reply.C = 2 * args.A
	return nil
}

func functionOfItsOwnName(_ context.Context, args *Args, reply *Reply) error {
	return double(context.Background(), args, reply)
}

func funcDouble(ctx context.Context, args *Args, reply *Reply) error { return double(ctx, args, reply) }

func generic[T any](_ context.Context, _ *T, reply *Reply) error {
	reply.C = 8
	return nil
}

func TestRegisterFunction(t *testing.T) {
	t.Parallel()
	w := inMemory(t)
	for _, c := range []struct {
		fn   any
		name string
	}{
		{double, "double"},
		{functionOfItsOwnName, "functionOfItsOwnName"},
		{funcDouble, "funcDouble"},
		{Arith{}.Mul, "Mul"},
		{new(Mixed).Add, "Add"},
	} {
		if err := w.RegisterFunction("F", c.fn, ""); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := w.dial(t).call(request("F", c.name, `{"A":4,"B":2}`)); errorText(got) != "" {
			t.Errorf("calling %s: %v", c.name, errorText(got))
		}
	}
	for _, c := range []struct {
		name string
		fn   any
		want string
	}{
		{"nil", nil, "not a function"},
		{"a nil function", (func(context.Context, *Args, *Reply) error)(nil), "not a function"},
		{"an int", 42, "int is not a function"},
		{"a literal", func(context.Context, *Args, *Reply) error { return nil }, "use RegisterFunctionName"},
		{"a misfit", strings.ToUpper, "F.ToUpper takes 1 parameters"},
		{"a generic function", generic[Args], "use RegisterFunctionName"},
	} {
		if err := w.RegisterFunction("F", c.fn, ""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestRegisterFunctionName(t *testing.T) {
	t.Parallel()
	w := inMemory(t)
	literal := func(_ context.Context, args *Args, reply *Reply) error {
		reply.C = args.A - args.B
		return nil
	}
	if err := w.RegisterFunctionName("F", "minus", literal, ""); err != nil {
		t.Fatal(err)
	}
	if err := w.RegisterFunctionName("F", "generic", generic[Args], ""); err != nil {
		t.Fatal(err)
	}
	p := w.dial(t)
	if got := p.call(request("F", "minus", `{"A":44,"B":2}`)); string(got.Payload) != `{"C":42}` {
		t.Errorf("answered with %s %v", got.Payload, got.Metadata.Map())
	}
	if got := p.call(request("F", "generic", `{}`)); string(got.Payload) != `{"C":8}` {
		t.Errorf("answered with %s %v", got.Payload, got.Metadata.Map())
	}
	for name, fn := range map[string]any{"nil": nil, "an int": 1, "a nil function": (func())(nil)} {
		if err := w.RegisterFunctionName("F", "x", fn, ""); err == nil || !strings.Contains(err.Error(), "F.x: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHandle(t *testing.T) {
	t.Parallel()
	w := inMemory(t)
	if err := server.Handle(w.Server, "H", "mul", Arith{}.Mul); err != nil {
		t.Fatal(err)
	}
	err := server.Handle(w.Server, "H", "words", func(_ context.Context, args *string, reply *[]string) error {
		*reply = strings.Fields(*args)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// A map is there to be filled, as it is for a method that is found by reflection.
	err = server.Handle(w.Server, "H", "count", func(_ context.Context, args *[]string, reply *map[string]int) error {
		for _, word := range *args {
			(*reply)[word]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p := w.dial(t)
	for _, c := range []struct{ method, args, reply string }{
		{"mul", `{"A":6,"B":7}`, `{"C":42}`},
		{"words", `"a b c"`, `["a","b","c"]`},
		{"count", `["a","b","a"]`, `{"a":2,"b":1}`},
	} {
		if got := p.call(request("H", c.method, c.args)); string(got.Payload) != c.reply {
			t.Errorf("%s is answered with %s %v, want %s", c.method, got.Payload, got.Metadata.Map(), c.reply)
		}
	}
	if err := server.Handle[Args, Reply](w.Server, "H", "nil", nil); err == nil || !strings.Contains(err.Error(), "H.nil: nil function") {
		t.Errorf("nil: %v", err)
	}
}

func TestHandleRaw(t *testing.T) {
	t.Parallel()
	w := inMemory(t)
	seen := make(chan *protocol.Message, 1)
	err := w.HandleRaw("Raw", "echo", func(_ context.Context, in, out *protocol.Message) error {
		seen <- in
		out.Payload = append([]byte("echo "), in.Payload...)
		out.Metadata = out.Metadata.With("from", "the handler")
		out.Seq, out.Service, out.Status = 999, "elsewhere", protocol.Error // not looked at
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p := w.dial(t)
	m := with(request("Raw", "echo", "payload"), "k", "v", "__AUTH", "token")
	m.Serialize = 13 // any codec will do
	m.Seq = 7
	got := p.call(m)
	if string(got.Payload) != "echo payload" || got.Serialize != 13 || got.Status != protocol.Normal || got.Service != "Raw" || got.Method != "echo" {
		t.Errorf("answered with %+v", got)
	}
	if got.Metadata.Get("from") != "the handler" {
		t.Errorf("metadata of the answer is %v, want what the handler added", got.Metadata.Map())
	}
	in := <-seen
	if in.Service != "Raw" || in.Method != "echo" || string(in.Payload) != "payload" || in.Seq != 7 || in.Metadata.Get("k") != "v" || in.Serialize != 13 {
		t.Errorf("the handler saw %+v", in)
	}
	p.call(m) // what the handler keeps is its own
	if string(in.Payload) != "payload" {
		t.Errorf("what the handler kept became %q", in.Payload)
	}

	if err := w.HandleRaw("Raw", "nil", nil); err == nil || !strings.Contains(err.Error(), "Raw.nil: nil handler") {
		t.Errorf("nil: %v", err)
	}
	failing := func(_ context.Context, _, out *protocol.Message) error {
		out.Payload = []byte("not sent")
		return io.ErrUnexpectedEOF
	}
	if err := w.HandleRaw("Raw", "fail", failing); err != nil {
		t.Fatal(err)
	}
	if got := p.call(request("Raw", "fail", "")); errorText(got) != "unexpected EOF" || len(got.Payload) != 0 {
		t.Errorf("a raw handler that fails: %q %v", got.Payload, got.Metadata.Map())
	}
}

// Registering a name again adds methods and replaces those of the same name, while
// the server serves and calls come in.
func TestReplace(t *testing.T) {
	t.Parallel()
	w := inMemory(t).arith()
	p := w.dial(t)
	set := func(n int) {
		t.Helper()
		err := server.Handle(w.Server, "Arith", "Mul", func(_ context.Context, _ *Args, reply *Reply) error {
			reply.C = n
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for n := range 10 {
		set(n)
		if got := p.call(request("Arith", "Mul", `{"A":6,"B":7}`)); string(got.Payload) != fmt.Sprintf(`{"C":%d}`, n) {
			t.Errorf("after replacement %d it is answered with %s", n, got.Payload)
		}
	}
	if got := p.call(request("Arith", "Fail", `{"A":6}`)); errorText(got) == "" || len(got.Payload) == 0 {
		t.Errorf("a method that was not replaced: %v", got.Metadata.Map())
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range 200 {
			set(n)
		}
	}()
	for range 200 {
		if got := p.call(request("Arith", "Mul", `{}`)); errorText(got) != "" {
			t.Errorf("while it is replaced: %v", errorText(got))
		}
	}
	<-done
}

func TestNames(t *testing.T) {
	t.Parallel()
	limit := protocol.DefaultNameLimit
	register := map[string]func(s *server.Server, service, method string) error{
		"RegisterFunctionName": func(s *server.Server, service, method string) error {
			return s.RegisterFunctionName(service, method, double, "")
		},
		"Handle": func(s *server.Server, service, method string) error {
			return server.Handle(s, service, method, double)
		},
		"HandleRaw": func(s *server.Server, service, method string) error {
			return s.HandleRaw(service, method, func(context.Context, *protocol.Message, *protocol.Message) error { return nil })
		},
		"RegisterName": func(s *server.Server, service, _ string) error {
			return s.RegisterName(service, Arith{}, "")
		},
	}
	for how, f := range register {
		for _, c := range []struct {
			name, service, method, want string
			noMethod                    bool // RegisterName does not choose it
		}{
			{name: "plain", service: "a", method: "b"},
			{name: "dots and slashes", service: "com.acme/Arith v2", method: "x.y z"},
			{name: "not ASCII", service: "算術", method: "乗算"},
			{name: "as long as may be", service: strings.Repeat("s", limit), method: strings.Repeat("m", limit)},
			{name: "no service", method: "b", want: "needs a name"},
			{name: "the protocol's", service: "_rpcx", method: "b", want: `"_rpcx" belongs to the protocol`},
			{name: "long service", service: strings.Repeat("s", limit+1), method: "b", want: "service name of 1025 bytes, the limit is 1024"},
			{name: "no method", service: "a", want: "method name of 0 bytes", noMethod: true},
			{name: "long method", service: "a", method: strings.Repeat("m", limit+1), want: "method name of 1025 bytes", noMethod: true},
		} {
			if how == "RegisterName" && c.noMethod {
				continue
			}
			err := f(server.NewServer(), c.service, c.method)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s, %s: %v, want %q", how, c.name, err, c.want)
			}
		}
	}
}

// Names are matched byte for byte; a raw handler shadows nothing but its own name.
func TestNamesAreExact(t *testing.T) {
	t.Parallel()
	w := inMemory(t).arith()
	if err := w.HandleRaw("a.b", "c", func(_ context.Context, _, out *protocol.Message) error {
		out.Payload = []byte("a.b c")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p := w.dial(t)
	for _, name := range [][2]string{
		{"arith", "Mul"},
		{"ARITH", "Mul"},
		{"Arith", "mul"},
		{"Arith ", "Mul"},
		{" Arith", "Mul"},
		{"Arith", "Mul\x00"},
		{"/Arith", "Mul"},
		{"Arith.Mul", ""},
		{"", "Arith.Mul"},
		{"", ""},
		{"Arith", ""},
		{"Arith/Mul", "Mul"},
		{"../Arith", "Mul"},
		{"Arith", "*"},
		{"a", "b.c"},
		{"_rpcx", "cancel"},
	} {
		got := p.call(request(name[0], name[1], `{}`))
		if errorCode(got) != "12" || len(got.Payload) > 0 {
			t.Errorf("%q %q is answered with %q %v", name[0], name[1], got.Payload, got.Metadata.Map())
		}
	}
	if got := p.call(request("a.b", "c", "")); string(got.Payload) != "a.b c" {
		t.Errorf("answered with %q %v", got.Payload, got.Metadata.Map())
	}
}

func TestRegisterAfterTheEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*server.Server) error{
		"Shutdown": func(s *server.Server) error { return s.Shutdown(context.Background()) },
		"Close":    (*server.Server).Close,
	} {
		s := server.NewServer()
		if err := end(s); err != nil {
			t.Errorf("%s of a server that never served: %v", name, err)
		}
		for how, err := range map[string]error{
			"Register":             s.Register(Arith{}, ""),
			"RegisterName":         s.RegisterName("A", Arith{}, ""),
			"RegisterWithMethods":  s.RegisterNameWithMethods("A", Arith{}, []string{"Mul"}, ""),
			"RegisterFunction":     s.RegisterFunction("A", double, ""),
			"RegisterFunctionName": s.RegisterFunctionName("A", "b", double, ""),
			"Handle":               server.Handle(s, "A", "b", double),
			"HandleRaw":            s.HandleRaw("A", "b", func(context.Context, *protocol.Message, *protocol.Message) error { return nil }),
		} {
			if !errors.Is(err, server.ErrServerClosed) {
				t.Errorf("%s after %s: %v, want ErrServerClosed", how, name, err)
			}
		}
	}
}

func TestUnregisterAll(t *testing.T) {
	t.Parallel()
	w := inMemory(t).arith()
	b := newBlocker()
	w.handle("block", b.handle)
	p := w.dial(t)
	p.send(numbered(9, request("S", "block", `{"A":6,"B":7}`)))
	wait(t, "the handler", b.began)
	if err := w.UnregisterAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := p.call(request("Arith", "Mul", `{}`))
	if errorText(got) != "rpcx: can't find service Arith" || got.Metadata.Get("__rpcx_not_executed") != "1" {
		t.Errorf("after UnregisterAll: %v", got.Metadata.Map())
	}
	close(b.release) // what runs goes on
	if got := p.receive(); got.Seq != 9 || string(got.Payload) != `{"C":42}` {
		t.Errorf("the call that ran is answered with %s %v", got.Payload, got.Metadata.Map())
	}
	w.arith() // and the server can be used again
	if got := p.call(request("Arith", "Mul", `{"A":6,"B":7}`)); string(got.Payload) != `{"C":42}` {
		t.Errorf("registered again: %s %v", got.Payload, got.Metadata.Map())
	}
}
