// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

func gunzip(t testing.TB, b []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

// failure is a request that must fail, and how.
type failure struct {
	name    string
	request func() *protocol.Message
	text    string // of the error; a prefix when it ends in ...
	code    rpcx.Code
	notRun  bool // the server promises that the call did not run
	payload string
}

// failingWorld serves what the failures ask for. It counts executions.
func failingWorld(t testing.TB) (*world, *atomic.Int64, []failure) {
	t.Helper()
	var ran atomic.Int64
	w := inMemory(t, server.WithAuth(func(_ context.Context, _, _, token string) error {
		switch token {
		case "plain":
			return errors.New("who are you")
		case "coded":
			return rpcx.Errorf(rpcx.PermissionDenied, "not you").WithDetail("role", "guest")
		case "panic":
			panic("auth")
		}
		return nil
	})).arith()
	w.handle("count", func(context.Context, *Args, *Reply) error {
		ran.Add(1)
		return nil
	})
	w.handle("coded", func(_ context.Context, _ *Args, reply *Reply) error {
		reply.C = 5
		return fmt.Errorf("wrapped: %w", rpcx.Errorf(rpcx.AlreadyExists, "there is one").WithDetail("id", "7").WithPause(time.Second))
	})
	w.handle("code", func(context.Context, *Args, *Reply) error { return rpcx.Aborted })
	w.handle("refused", func(context.Context, *Args, *Reply) error {
		return rpcx.Errorf(rpcx.Unavailable, "warming up").NotExecuted()
	})
	w.handle("canceled", func(context.Context, *Args, *Reply) error { return context.Canceled })
	w.handle("empty", func(context.Context, *Args, *Reply) error { return errors.New("") })
	w.handle("panic", func(context.Context, *Args, *Reply) error { panic("secret of the server") })
	count := func(change func(*protocol.Message)) func() *protocol.Message {
		return func() *protocol.Message {
			m := request("S", "count", `{"A":1}`)
			change(m)
			return m
		}
	}
	ask := func(service, method string) func() *protocol.Message {
		return func() *protocol.Message { return request(service, method, `{"A":3}`) }
	}
	failures := []failure{
		{"unknown service", ask("Nope", "Mul"), "rpcx: can't find service Nope", rpcx.Unimplemented, true, ""},
		{"no service", ask("", ""), "rpcx: can't find service ", rpcx.Unimplemented, true, ""},
		{"unknown method", ask("Arith", "Nope"), "rpcx: can't find method Nope", rpcx.Unimplemented, true, ""},
		{"undecodable arguments", count(func(m *protocol.Message) { m.Payload = []byte(`{"A":`) }), "arguments of S.count: json: ...", rpcx.InvalidArgument, true, ""},
		{"arguments of another type", count(func(m *protocol.Message) { m.Payload = []byte(`"oops"`) }), "arguments of S.count: json: ...", rpcx.InvalidArgument, true, ""},
		{"no arguments", count(func(m *protocol.Message) { m.Payload = nil }), "arguments of S.count: json: ...", rpcx.InvalidArgument, true, ""},
		{"unknown compressor", count(func(m *protocol.Message) { m.Compress = 5 }), "unsupported compressor: number 5", rpcx.Unimplemented, true, ""},
		{"no gzip at all", count(func(m *protocol.Message) { m.Compress = protocol.Gzip }), "decompress arguments: ...", rpcx.InvalidArgument, true, ""},
		{"gzip of nothing", count(func(m *protocol.Message) { m.Compress, m.Payload = protocol.Gzip, nil }), "decompress arguments: ...", rpcx.InvalidArgument, true, ""},
		{"cut gzip", count(func(m *protocol.Message) { m.Compress, m.Payload = protocol.Gzip, gzipped([]byte(`{"A":1}`))[:20] }), "decompress arguments: ...", rpcx.InvalidArgument, true, ""},
		{"deadline passed", count(func(m *protocol.Message) { with(m, "__ServerTimeout", "0") }), "server: deadline passed before the call could run", rpcx.DeadlineExceeded, true, ""},
		{"auth refuses", count(func(m *protocol.Message) { with(m, "__AUTH", "plain") }), "who are you", rpcx.Unauthenticated, true, ""},
		{"auth refuses with a code", count(func(m *protocol.Message) { with(m, "__AUTH", "coded") }), "not you", rpcx.PermissionDenied, true, ""},
		{"auth panics", count(func(m *protocol.Message) { with(m, "__AUTH", "panic") }), "[service internal error]: panic, method: count", rpcx.Internal, false, ""},
		{"plain error", ask("Arith", "Fail"), "arith failed: 除零", rpcx.Unknown, false, `{"C":3}`},
		{"error with a code", ask("S", "coded"), "wrapped: there is one", rpcx.AlreadyExists, false, `{"C":5}`},
		{"a bare code", ask("S", "code"), "aborted", rpcx.Aborted, false, `{"C":0}`},
		{"a handler that refuses", ask("S", "refused"), "warming up", rpcx.Unavailable, true, `{"C":0}`},
		{"a context error", ask("S", "canceled"), "context canceled", rpcx.Canceled, false, `{"C":0}`},
		{"error without a text", ask("S", "empty"), "", rpcx.Unknown, false, `{"C":0}`},
		{"panic", ask("S", "panic"), "[service internal error]: panic, method: panic", rpcx.Internal, false, ""},
	}
	for n := protocol.Thrift; n <= protocol.MaxSerializeType; n++ {
		failures = append(failures, failure{
			fmt.Sprintf("codec %d", n), count(func(m *protocol.Message) { m.Serialize = n }),
			fmt.Sprintf("can not find codec for %d", n), rpcx.Unimplemented, true, "",
		})
	}
	return w, &ran, failures
}

// What each failure is answered with; the connection stays, and nothing ran that did
// not have to.
func TestFailures(t *testing.T) {
	t.Parallel()
	w, ran, failures := failingWorld(t)
	p := w.dial(t)
	for i, f := range failures {
		m := numbered(uint64(i)*1e9, f.request())
		got := p.call(m)
		want := protocol.Header{Type: protocol.Response, Status: protocol.Error, Serialize: m.Serialize, Seq: m.Seq}
		if got.Header != want || got.Service != m.Service || got.Method != m.Method {
			t.Errorf("%s: header %+v %s.%s, want %+v", f.name, got.Header, got.Service, got.Method, want)
		}
		text, there := got.Metadata.Lookup("__rpcx_error__")
		prefix, isPrefix := strings.CutSuffix(f.text, "...")
		if !there || isPrefix && !strings.HasPrefix(text, prefix) || !isPrefix && text != f.text {
			t.Errorf("%s: text %q, want %q", f.name, text, f.text)
		}
		if errorCode(got) != strconv.Itoa(int(f.code)) {
			t.Errorf("%s: code %s, want %d", f.name, errorCode(got), f.code)
		}
		if (got.Metadata.Get("__rpcx_not_executed") == "1") != f.notRun {
			t.Errorf("%s: says not executed: %t, want %t", f.name, !f.notRun, f.notRun)
		}
		if string(got.Payload) != f.payload {
			t.Errorf("%s: payload %q, want %q", f.name, got.Payload, f.payload)
		}
	}
	p.silent()
	if n := ran.Load(); n != 0 {
		t.Errorf("%d calls ran that must not", n)
	}
	got := p.call(request("S", "coded", `{}`))
	if got.Metadata.Get("__rpcx_details") != `{"id":"7"}` || got.Metadata.Get("__rpcx_pause") != "1000" {
		t.Errorf("facts of an error: %v", got.Metadata.Map())
	}
	if n := w.Stats().Panics; n != 2 {
		t.Errorf("%d panics counted, want 2", n)
	}
}

// A client of ours gets back what the handler returned.
func TestFailuresAtTheClient(t *testing.T) {
	t.Parallel()
	w, _, _ := failingWorld(t)
	x := w.client(t, "S", client.DefaultOption)
	reply := new(Reply)
	err := x.Call(t.Context(), "coded", &Args{}, reply)
	var e *rpcx.Error
	if !errors.As(err, &e) || e.Code() != rpcx.AlreadyExists || !e.Remote() || e.Detail("id") != "7" || e.Pause() != time.Second || rpcx.SafeToRetry(err) {
		t.Errorf("error is %#v", err)
	}
	if reply.C != 5 {
		t.Errorf("the reply beside the error is %+v", reply)
	}
	if err := x.Call(t.Context(), "nope", &Args{}, reply); !errors.Is(err, rpcx.Unimplemented) || !rpcx.SafeToRetry(err) {
		t.Errorf("error is %v", err)
	}
}

// A one-way call is not answered, whatever becomes of it.
func TestOnewayIsSilent(t *testing.T) {
	t.Parallel()
	w, ran, failures := failingWorld(t)
	p := w.dial(t)
	for _, f := range failures {
		p.send(oneway(f.request()))
		p.silent()
	}
	if n := ran.Load(); n != 0 {
		t.Errorf("%d calls ran that must not", n)
	}
	// It does run when all is well.
	p.send(oneway(request("S", "count", `{}`)))
	p.silent()
	eventually(t, "the one-way call has run", func() bool { return ran.Load() == 1 })
}

// Methods send their reply beside an error; functions and raw handlers do not, and
// nothing does unless the handler itself returned.
func TestReplyBesideAnError(t *testing.T) {
	t.Parallel()
	refuse := rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) error {
			switch c.Header.Get("do") {
			case "refuse":
				return errors.New("refused")
			case "spoil":
				_ = next(ctx, c)
				return errors.New("spoiled")
			}
			return next(ctx, c)
		}
	}}
	w := inMemory(t, server.WithInterceptor(refuse)).arith()
	fail := func(_ context.Context, _ *Args, reply *Reply) error {
		reply.C = 7
		return errors.New("failed")
	}
	unencodable := func(_ context.Context, _ *Args, reply *any) error {
		*reply = make(chan int)
		return errors.New("failed")
	}
	for _, err := range []error{
		server.Handle(w.Server, "S", "typed", fail),
		server.Handle(w.Server, "S", "unencodable", unencodable),
		w.RegisterFunctionName("S", "function", fail, ""),
		w.HandleRaw("S", "raw", func(_ context.Context, _, out *protocol.Message) error {
			out.Payload = []byte("something")
			return errors.New("failed")
		}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	p := w.dial(t)
	for _, c := range []struct{ service, method, do, payload, text string }{
		{"Arith", "Fail", "", `{"C":6}`, "arith failed: 除零"},
		{"S", "typed", "", `{"C":7}`, "failed"},
		{"S", "function", "", "", "failed"},
		{"S", "raw", "", "", "failed"},
		{"S", "unencodable", "", "", "failed"},
		{"Arith", "Mul", "refuse", "", "refused"},
		{"Arith", "Mul", "spoil", `{"C":42}`, "spoiled"},
	} {
		got := p.call(with(request(c.service, c.method, `{"A":6,"B":7}`), "do", c.do))
		if string(got.Payload) != c.payload || errorText(got) != c.text || got.Status != protocol.Error {
			t.Errorf("%s %s: %q %q, want %q %q", c.method, c.do, got.Payload, errorText(got), c.payload, c.text)
		}
	}
}

// A reply that no codec can encode is an error of that call.
func TestUnencodableReply(t *testing.T) {
	t.Parallel()
	w := inMemory(t).arith()
	for name, v := range map[string]any{"a channel": make(chan int), "NaN": math.NaN(), "a codec that panics": panicky{}} {
		err := server.Handle(w.Server, "S", name, func(_ context.Context, _ *Args, reply *any) error {
			*reply = v
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		p := w.dial(t)
		if got := p.call(request("S", name, `{}`)); got.Status != protocol.Error || errorCode(got) != "13" || len(got.Payload) > 0 {
			t.Errorf("%s: %+v %v", name, got.Header, got.Metadata.Map())
		}
		p.silent()
	}
}

// panicky is a value whose encoding and decoding panic.
type panicky struct{}

func (panicky) MarshalJSON() ([]byte, error)      { panic("cannot be marshaled") }
func (*panicky) UnmarshalJSON([]byte) error       { panic("cannot be unmarshaled") }
func (panicky) MarshalMsg([]byte) ([]byte, error) { panic("cannot be marshaled") }

func TestMetadataBothWays(t *testing.T) {
	t.Parallel()
	w := inMemory(t)
	w.handle("meta", func(ctx context.Context, _ *Args, _ *Reply) error {
		in := rpcx.IncomingMetadata(ctx)
		for k, v := range in.All() {
			if err := rpcx.SetReplyMetadata(ctx, "got "+k, v); err != nil {
				return err
			}
		}
		for _, key := range []string{"__rpcx_error__", "__x", "__"} {
			if err := rpcx.SetReplyMetadata(ctx, key, "x"); !errors.Is(err, rpcx.InvalidArgument) {
				return fmt.Errorf("key %q: %v", key, err)
			}
		}
		return errors.Join(
			rpcx.SetReplyMetadata(ctx, "twice", "first"),
			rpcx.SetReplyMetadata(ctx, "twice", "second"),
			rpcx.SetReplyMetadata(ctx, "", "empty key"),
			rpcx.SetReplyMetadata(ctx, "binary", "\x00\r\n\xff"))
	})
	p := w.dial(t)
	got := p.call(with(request("S", "meta", `{}`), "a", "1", "b", "", "", "x", "a", "2", "__AUTH", "token", "_rpcx", "ours", "crlf", "\r\n"))
	want := map[string]string{"got a": "2", "got b": "", "got ": "x", "got _rpcx": "ours", "got crlf": "\r\n", "twice": "second", "": "empty key", "binary": "\x00\r\n\xff"}
	for k, v := range want {
		if value, ok := got.Metadata.Lookup(k); !ok || value != v {
			t.Errorf("reply metadata %q is %q %t, want %q", k, value, ok, v)
		}
	}
	if m := got.Metadata.Map(); len(m) != len(want) {
		t.Errorf("reply metadata is %q, want %q: nothing of the request's comes back by itself", m, want)
	}
}

// What a handler set goes out with an error as well, and cannot replace the error.
func TestReplyMetadataWithAnError(t *testing.T) {
	t.Parallel()
	w := inMemory(t)
	w.handle("fail", func(ctx context.Context, _ *Args, _ *Reply) error {
		return errors.Join(rpcx.SetReplyMetadata(ctx, "k", "v"), errors.New("failed"))
	})
	got := w.dial(t).call(request("S", "fail", `{}`))
	if got.Metadata.Get("k") != "v" || errorText(got) != "failed" {
		t.Errorf("metadata is %v", got.Metadata.Map())
	}
}

func TestReplyMetadataAfterTheHandler(t *testing.T) {
	t.Parallel()
	w := inMemory(t)
	kept := make(chan context.Context, 1)
	w.handle("keep", func(ctx context.Context, _ *Args, _ *Reply) error {
		kept <- ctx
		return nil
	})
	w.dial(t).call(request("S", "keep", `{}`))
	ctx := <-kept
	if err := rpcx.SetReplyMetadata(ctx, "late", "x"); !errors.Is(err, rpcx.FailedPrecondition) {
		t.Errorf("after the handler returned: %v, want FailedPrecondition", err)
	}
	if err := rpcx.SetReplyMetadata(t.Context(), "k", "v"); !errors.Is(err, rpcx.FailedPrecondition) {
		t.Errorf("outside of a handler: %v, want FailedPrecondition", err)
	}
}

// More reply metadata than a peer takes is an error of the call. Sent, it would cost
// the connection and the calls of others.
func TestReplyMetadataOverTheLimit(t *testing.T) {
	t.Parallel()
	w := inMemory(t).arith()
	handlers := map[string]func(ctx context.Context) error{
		"one value over the limit": func(ctx context.Context) error {
			return rpcx.SetReplyMetadata(ctx, "k", strings.Repeat("x", protocol.DefaultMetadataLimit))
		},
		"too many pairs": func(ctx context.Context) error {
			for i := range protocol.DefaultPairsLimit + 1 {
				if err := rpcx.SetReplyMetadata(ctx, strconv.Itoa(i), ""); err != nil {
					return err
				}
			}
			return nil
		},
		"together with an error": func(ctx context.Context) error {
			return errors.Join(
				rpcx.SetReplyMetadata(ctx, "k", strings.Repeat("x", protocol.DefaultMetadataLimit*3/4)),
				errors.New(strings.Repeat("y", 32<<10)))
		},
	}
	c := w.conn(t, client.DefaultOption)
	for name, h := range handlers {
		w.handle(name, func(ctx context.Context, _ *Args, _ *Reply) error { return h(ctx) })
		err := c.Call(t.Context(), "S", name, &Args{}, &Reply{})
		if err == nil || rpcx.CodeOf(err) == rpcx.Unavailable || c.Err() != nil {
			t.Fatalf("%s: %v; the connection: %v", name, err, c.Err())
		}
	}
	if err := c.Call(t.Context(), "Arith", "Mul", &Args{6, 7}, &Reply{}); err != nil {
		t.Errorf("another call on that connection: %v", err)
	}
}

// A call that expired on the way is refused unexecuted, however many come.
func TestExpiredOnArrival(t *testing.T) {
	t.Parallel()
	w, ran, _ := failingWorld(t)
	p := w.dial(t)
	const frames = 1000
	go func() {
		var all []byte
		for i := range uint64(frames) {
			timeout := []string{"0", "-1", "-9223372036854775808"}[i%3]
			all = append(all, encode(t, numbered(i, with(request("S", "count", `{}`), "__ServerTimeout", timeout)))...)
		}
		_, _ = p.Write(all)
	}()
	for range frames {
		if got := p.receive(); errorCode(got) != "4" || got.Metadata.Get("__rpcx_not_executed") != "1" {
			t.Fatalf("answered with %v", got.Metadata.Map())
		}
	}
	if n := ran.Load(); n != 0 {
		t.Errorf("%d of %d expired calls ran", n, frames)
	}
}

// What __ServerTimeout may hold, and what it makes of a handler's context.
func TestServerTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t)
		type answer struct {
			left time.Duration
			has  bool
		}
		seen := make(chan answer, 1)
		w.handle("deadline", func(ctx context.Context, _ *Args, _ *Reply) error {
			d, ok := ctx.Deadline()
			seen <- answer{time.Until(d), ok}
			return nil
		})
		p := w.dial(t)
		for _, c := range []struct {
			value string
			left  time.Duration // 0: none
		}{
			{"1", time.Millisecond},
			{"1500", 1500 * time.Millisecond},
			{"007", 7 * time.Millisecond},
			{"+5", 5 * time.Millisecond},
			{"3155760000000", 100 * 365.25 * 24 * time.Hour},
			{"", 0},
			{"soon", 0},
			{"NaN", 0},
			{"1.5", 0},
			{" 5", 0},
			{"0x10", 0},
			{"9223372036854775807", 0},
			{"9223372036854775808", 0},
			{"-9223372036854775809", 0},
			{strings.Repeat("9", 60_000), 0},
		} {
			got := p.call(with(request("S", "deadline", `{}`), "__ServerTimeout", c.value))
			if errorText(got) != "" {
				t.Errorf("%.20q: %s", c.value, errorText(got))
				continue
			}
			if a := <-seen; a.has != (c.left > 0) || a.has && a.left != c.left {
				t.Errorf("%.20q: the handler has %v %t, want %v", c.value, a.left, a.has, c.left)
			}
		}
	})
}

// The deadline of a client's context arrives, and ends the handler on time.
func TestDeadlineEndsTheHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t)
		b := newBlocker()
		w.handle("block", b.handle)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := w.client(t, "S", client.DefaultOption).Call(ctx, "block", &Args{}, &Reply{})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Call returned %v", err)
		}
		if err := <-b.ended; err == nil { // the client cancels at the same moment
			t.Error("the handler's context did not end")
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %v, want 1s", took)
		}
	})
}

// A call whose deadline passes while it waits for a place is not executed.
func TestExpiredWhileWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, server.WithLimits(server.Limits{HandlersPerConn: 1}))
		b := newBlocker()
		w.handle("block", b.handle)
		p := w.dial(t)
		p.send(numbered(0, request("S", "block", `{}`)))
		<-b.began
		time.Sleep(100 * time.Millisecond) // found out as slow: the next one goes to the pool, and waits
		p.send(numbered(1, with(request("S", "block", `{}`), "__ServerTimeout", "500")))
		time.Sleep(time.Second)
		close(b.release)
		for range 2 {
			got := p.receive()
			if got.Seq == 1 && (errorCode(got) != "4" || got.Metadata.Get("__rpcx_not_executed") != "1") {
				t.Errorf("the call that waited is answered with %v", got.Metadata.Map())
			}
		}
		if len(b.began) != 0 {
			t.Error("the call that waited ran")
		}
	})
}

// A server answers in kind: compressed when the request named a method, and long
// enough; errors and their replies too.
func TestCompressedReplies(t *testing.T) {
	t.Parallel()
	w := inMemory(t)
	big := func(n int, err error) func(context.Context, *Args, *string) error {
		return func(_ context.Context, _ *Args, reply *string) error {
			*reply = strings.Repeat("x", n-2) // and two quotes
			return err
		}
	}
	for name, h := range map[string]func(context.Context, *Args, *string) error{
		"threshold": big(compress.Threshold, nil),
		"over":      big(compress.Threshold+1, nil),
		"fails":     big(5000, errors.New("failed")),
	} {
		if err := server.Handle(w.Server, "S", name, h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.HandleRaw("S", "raw", func(_ context.Context, in, out *protocol.Message) error {
		if string(in.Payload) != "{}" || in.Compress != protocol.None {
			return fmt.Errorf("a raw handler sees %q, compression %d", in.Payload, in.Compress)
		}
		out.Payload = bytes.Repeat([]byte("x"), 5000)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p := w.dial(t)
	for _, c := range []struct {
		method  string
		request protocol.CompressType
		reply   protocol.CompressType
		length  int
	}{
		{"threshold", protocol.Gzip, protocol.None, compress.Threshold},
		{"over", protocol.Gzip, protocol.Gzip, compress.Threshold + 1},
		{"over", protocol.None, protocol.None, compress.Threshold + 1},
		{"fails", protocol.Gzip, protocol.Gzip, 5000},
		{"raw", protocol.Gzip, protocol.Gzip, 5000},
		{"raw", protocol.None, protocol.None, 5000},
	} {
		m := request("S", c.method, `{}`)
		if m.Compress = c.request; c.request == protocol.Gzip {
			m.Payload = gzipped(m.Payload)
		}
		got := p.call(m)
		if got.Compress != c.reply {
			t.Errorf("%s: request compressed by %v, reply by %v, want %v", c.method, c.request, got.Compress, c.reply)
			continue
		}
		if got.Compress == protocol.Gzip {
			got.Payload = gunzip(t, got.Payload)
		}
		if len(got.Payload) != c.length {
			t.Errorf("%s: reply of %d bytes, want %d", c.method, len(got.Payload), c.length)
		}
	}
}

// broken is a compressor that cannot compress.
type broken struct{}

func (broken) ID() protocol.CompressType                         { return 3 }
func (broken) Name() string                                      { return "broken" }
func (broken) Compress(dst, _ []byte) ([]byte, error)            { return dst, errors.New("broken: no") }
func (broken) Decompress(dst, src []byte, _ int) ([]byte, error) { return append(dst, src...), nil }

func TestCompressorThatFails(t *testing.T) {
	t.Parallel()
	w := inMemory(t, server.WithCompressor(broken{})).arith()
	if err := server.Handle(w.Server, "S", "big", func(_ context.Context, _ *Args, reply *string) error {
		*reply = strings.Repeat("x", 5000)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p := w.dial(t)
	m := request("S", "big", `{}`)
	m.Compress = 3
	if got := p.call(m); got.Compress != protocol.None || errorText(got) != "compress reply: broken: no" || errorCode(got) != "13" {
		t.Errorf("answered with %+v %v", got.Header, got.Metadata.Map())
	}
	p.silent()
}

// A reply that makes too large a frame is an error of its call, beside which others go
// on; the largest that fits is sent.
func TestReplyOverTheFrameLimit(t *testing.T) {
	t.Parallel()
	w := inMemory(t, server.WithLimits(server.Limits{Limits: protocol.Limits{Frame: 64 << 10}})).arith()
	if err := server.Handle(w.Server, "S", "make", func(_ context.Context, n *int, reply *string) error {
		*reply = strings.Repeat("x", *n)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p := w.dial(t)
	const names, quotes = len("S") + len("make"), 2
	largest := 64<<10 - 16 - names - quotes
	if got := p.call(request("S", "make", strconv.Itoa(largest))); got.Status != protocol.Normal || len(got.Payload) != largest+quotes {
		t.Errorf("the largest reply: %d bytes, %v", len(got.Payload), got.Metadata.Map())
	}
	for _, n := range []int{largest + 1, 1 << 20} {
		got := p.call(request("S", "make", strconv.Itoa(n)))
		if errorCode(got) != "8" || len(got.Payload) != 0 || !strings.Contains(errorText(got), "server: reply of S.make: ") {
			t.Errorf("a reply of %d bytes: %d bytes, %v", n, len(got.Payload), got.Metadata.Map())
		}
		if got.Metadata.Get("__rpcx_not_executed") != "" {
			t.Error("the call ran, and it is said that it did not")
		}
	}
	m := request("S", "make", strconv.Itoa(1<<20)) // compressed it fits
	m.Compress, m.Payload = protocol.Gzip, gzipped(m.Payload)
	if got := p.call(m); got.Compress != protocol.Gzip || len(gunzip(t, got.Payload)) != 1<<20+quotes {
		t.Errorf("a reply that fits when compressed: %+v %v", got.Header, got.Metadata.Map())
	}
	p.silent()
}

// Many calls of one connection, sent at once, are all answered once.
func TestPipelining(t *testing.T) {
	t.Parallel()
	w := onTCP(t).arith()
	p := w.dial(t)
	const calls = 5000
	go func() {
		var all []byte
		for i := range uint64(calls) {
			all = append(all, encode(t, numbered(i, request("Arith", "Mul", fmt.Sprintf(`{"A":%d,"B":2}`, i))))...)
		}
		_, _ = p.Write(all)
	}()
	answered := make(map[uint64]bool)
	for range calls {
		got := p.receive()
		if want := fmt.Sprintf(`{"C":%d}`, 2*got.Seq); string(got.Payload) != want || answered[got.Seq] {
			t.Fatalf("call %d is answered with %s (before: %t), want %s", got.Seq, got.Payload, answered[got.Seq], want)
		}
		answered[got.Seq] = true
	}
	p.silent()
}

// The same sequence id many times over: each call is answered.
func TestSameSequenceID(t *testing.T) {
	t.Parallel()
	w := inMemory(t).arith()
	p := w.dial(t)
	go func() {
		for range 1000 {
			_, _ = p.Write(encode(t, numbered(math.MaxUint64, request("Arith", "Mul", `{"A":6,"B":7}`))))
		}
	}()
	for range 1000 {
		if got := p.receive(); got.Seq != math.MaxUint64 || string(got.Payload) != `{"C":42}` {
			t.Fatalf("answer is %d %s", got.Seq, got.Payload)
		}
	}
}
