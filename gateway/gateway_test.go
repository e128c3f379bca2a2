// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/gateway"
	"github.com/rpcx-go/rpcx/protocol"
)

// recorder notes the calls that it is asked for, and answers them.
type recorder struct {
	calls []*protocol.Message
	peers []rpcx.Peer
	reply protocol.Message
	err   error
}

func (r *recorder) Dispatch(_ context.Context, peer rpcx.Peer, m *protocol.Message) (*protocol.Message, error) {
	r.calls, r.peers = append(r.calls, m), append(r.peers, peer)
	return &r.reply, r.err
}

// ask makes a request of a handler over d.
func ask(d gateway.Dispatcher, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	gateway.New(d).ServeHTTP(w, r)
	return w
}

// invoked is headers for a call of Arith.Mul with more of them.
func invoked(more ...string) []string {
	return append([]string{"X-RPCX-SerializeType", "3", "X-RPCX-ServicePath", "Arith", "X-RPCX-ServiceMethod", "Mul"}, more...)
}

func TestInvokeRequest(t *testing.T) {
	t.Parallel()
	base := func(change func(m *protocol.Message)) protocol.Message {
		m := protocol.Message{Service: "Arith", Method: "Mul", Payload: []byte("body")}
		m.Serialize = protocol.MsgPack
		if change != nil {
			change(&m)
		}
		return m
	}
	tests := map[string]struct {
		path    string
		headers []string
		want    protocol.Message
	}{
		"headers":        {"/", invoked(), base(nil)},
		"path is passed": {"/Other", invoked(), base(nil)},
		"service in the path": {
			"/a/b",
			[]string{"X-RPCX-SerializeType", "3", "X-RPCX-ServiceMethod", "Mul"},
			base(func(m *protocol.Message) { m.Service = "a/b" }),
		},
		"id":                     {"/", invoked("X-RPCX-MessageID", "18446744073709551615"), base(func(m *protocol.Message) { m.Seq = 1<<64 - 1 })},
		"one spelling":           {"/", invoked("X-RPCX-MessageType", "0"), base(nil)},
		"the other spelling Q22": {"/", invoked("X-RPCX-MesssageType", "0"), base(nil)},
		"heartbeat is passed":    {"/", invoked("X-RPCX-Heartbeat", "true"), base(nil)},
		"oneway":                 {"/", invoked("X-RPCX-Oneway", "false"), base(func(m *protocol.Message) { m.Oneway = true })},
		"plain body marked Q23":  {"/", invoked("X-RPCX-CompressType", "1"), base(nil)},
		"another compressor":     {"/", invoked("X-RPCX-CompressType", "2"), base(func(m *protocol.Message) { m.Compress = 2 })},
		"content encoding":       {"/", invoked("Content-Encoding", "gzip"), base(func(m *protocol.Message) { m.Compress = protocol.Gzip })},
		"metadata": {
			"/", invoked("X-RPCX-Meta", "b=2&a=1&a=3&__AUTH=x", "Authorization", "bearer y", "X-RPCX-Timeout", "50"),
			base(func(m *protocol.Message) {
				m.Metadata = rpcx.Pairs("__AUTH", "bearer y", "__ServerTimeout", "50", "a", "1", "b", "2")
			}),
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := new(recorder)
			w := ask(d, http.MethodPost, tt.path, "body", tt.headers...)
			if w.Code != http.StatusOK || len(d.calls) != 1 {
				t.Fatalf("%d %v", w.Code, w.Header())
			}
			got := *d.calls[0]
			if got.Header != tt.want.Header || got.Service != tt.want.Service || got.Method != tt.want.Method ||
				got.Metadata != tt.want.Metadata || !bytes.Equal(got.Payload, tt.want.Payload) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			if d.peers[0].Addr.String() != "192.0.2.1:1234" {
				t.Errorf("peer %v", d.peers[0].Addr)
			}
		})
	}
}

// A body that begins as gzip does, and is marked so, is gzip (Q23).
func TestInvokeGzipQ23(t *testing.T) {
	t.Parallel()
	d := new(recorder)
	ask(d, http.MethodPost, "/", "\x1f\x8b...", invoked("X-RPCX-CompressType", "1")...)
	if d.calls[0].Compress != protocol.Gzip {
		t.Errorf("compression %v", d.calls[0].Compress)
	}
}

// A request that says nothing right is an error by its status as well, and no call (R25).
func TestInvokeRefusalsR25(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		method  string
		headers []string
		status  int
		text    string
	}{
		"no codec":           {"POST", []string{"X-RPCX-ServicePath", "S", "X-RPCX-ServiceMethod", "M"}, 400, "empty serialized type"},
		"no service":         {"POST", []string{"X-RPCX-SerializeType", "1", "X-RPCX-ServiceMethod", "M"}, 400, "empty servicepath"},
		"no method":          {"POST", []string{"X-RPCX-SerializeType", "1", "X-RPCX-ServicePath", "S"}, 400, "empty servicemethod"},
		"codec 16":           {"POST", invoked("X-RPCX-SerializeType", "16"), 400, `X-RPCX-SerializeType is "16", want a number from 0 to 15`},
		"codec over 32 bits": {"POST", invoked("X-RPCX-SerializeType", "4294967297"), 400, "want a number"},
		"negative codec":     {"POST", invoked("X-RPCX-SerializeType", "-1"), 400, "want a number"},
		"compressor 8":       {"POST", invoked("X-RPCX-CompressType", "8"), 400, `X-RPCX-CompressType is "8", want a number from 0 to 7`},
		"compressor gzip":    {"POST", invoked("X-RPCX-CompressType", "gzip"), 400, "want a number"},
		"id":                 {"POST", invoked("X-RPCX-MessageID", "x"), 400, "invalid syntax"},
		"metadata":           {"POST", invoked("X-RPCX-Meta", "%zz"), 400, "invalid URL escape"},
		"timeout":            {"POST", invoked("X-RPCX-Timeout", "-1"), 400, "milliseconds"},
		"DELETE":             {"DELETE", invoked(), 405, ""},
		"PATCH":              {"PATCH", invoked(), 405, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := new(recorder)
			w := ask(d, tt.method, "/", "body", tt.headers...)
			text := w.Header().Get("X-RPCX-ErrorMessage")
			if w.Code != tt.status || !strings.Contains(text, tt.text) || len(d.calls) > 0 {
				t.Errorf("%d %q, %d calls", w.Code, text, len(d.calls))
			}
			if tt.status == 400 && (w.Header().Get("X-RPCX-MessageStatusType") != "Error" || w.Header().Get("X-RPCX-ErrorCode") != "invalid_argument") {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
}

// A failed request is told what it said of itself, like a good one; one of rpcx is told
// under names that package http does not look for (Q24).
func TestFailedInvokeIsEchoedQ24(t *testing.T) {
	t.Parallel()
	said := invoked("X-RPCX-Version", "0", "X-RPCX-MessageID", "12")
	tests := map[string]struct {
		d       *recorder
		headers []string
	}{
		"refused": {new(recorder), append([]string{"X-RPCX-Meta", "%zz"}, said...)},
		"failed":  {&recorder{err: rpcx.Errorf(rpcx.NotFound, "no such thing")}, said},
	}
	for name, tt := range tests {
		w := ask(tt.d, http.MethodPost, "/", "body", tt.headers...)
		if w.Header().Get("X-RPCX-MessageStatusType") != "Error" || w.Header().Get("X-RPCX-ErrorMessage") == "" {
			t.Errorf("%s: headers %v", name, w.Header())
		}
		for i := 0; i < len(said); i += 2 {
			if got := w.Header().Get(said[i]); got != said[i+1] {
				t.Errorf("%s: %s came back as %q, want %q", name, said[i], got, said[i+1])
			}
		}
	}
}

func TestInvokeErrors(t *testing.T) {
	t.Parallel()
	d := &recorder{err: rpcx.Errorf(rpcx.Unauthenticated, "who?\r\nX-Evil: 1").WithPause(time.Second)}
	w := ask(d, http.MethodPost, "/", "", invoked()...)
	h := w.Header()
	if w.Code != 401 || w.Body.Len() > 0 || h.Get("WWW-Authenticate") != "Bearer" || h.Get("Retry-After") != "1" ||
		h.Get("X-RPCX-ErrorCode") != "unauthenticated" || h.Get("X-Evil") != "" {
		t.Errorf("%d %v %q", w.Code, h, w.Body)
	}
	d.err = errors.New("bell\a nul\x00 " + strings.Repeat("ö", 100_000))
	w = ask(d, http.MethodPost, "/", "", invoked()...)
	if got := w.Header().Get("X-RPCX-ErrorMessage"); !strings.HasPrefix(got, "bell  nul  öö") || len(got) > 4<<10 || !utf8.ValidString(got) {
		t.Errorf("a text of %d bytes that begins with %.20q", len(got), got)
	}
	d.err = errors.New("of an unknown kind")
	if w = ask(d, http.MethodPost, "/", "", invoked()...); w.Code != 500 {
		t.Errorf("%d", w.Code)
	}
}

// Who stands before a handler refuses in the form of the call.
func TestWriteError(t *testing.T) {
	t.Parallel()
	err := rpcx.Errorf(rpcx.Unavailable, "too many").WithPause(time.Second)
	r := httptest.NewRequest(http.MethodPost, "/S/M", nil)
	w := httptest.NewRecorder()
	gateway.WriteError(w, r, err)
	if w.Code != 503 || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), `"code":"unavailable"`) {
		t.Errorf("plain: %d %v %q", w.Code, w.Header(), w.Body)
	}
	r.Header.Set("X-RPCX-MessageID", "7")
	r.Header.Set("X-RPCX-SerializeType", "1")
	w = httptest.NewRecorder()
	gateway.WriteError(w, r, err)
	h := w.Header()
	if w.Code != 503 || h.Get("X-RPCX-ErrorMessage") != "too many" || h.Get("X-RPCX-MessageID") != "7" || w.Body.Len() > 0 {
		t.Errorf("invoke: %d %v %q", w.Code, h, w.Body)
	}
}

func TestReplies(t *testing.T) {
	t.Parallel()
	d := &recorder{reply: protocol.Message{Payload: []byte("payload"), Metadata: rpcx.Pairs("b", "2&", "a", "1\r\nX: y")}}
	w := ask(d, http.MethodPut, "/", "x", invoked()...)
	if w.Body.String() != "payload" || w.Header().Get("X-RPCX-Meta") != "a=1%0D%0AX%3A+y&b=2%26" ||
		w.Header().Get("Content-Type") != "application/msgpack" {
		t.Errorf("%q %v", w.Body, w.Header())
	}
	w = ask(d, http.MethodPost, "/", "x", invoked("X-RPCX-Oneway", "1")...)
	if w.Code != http.StatusOK || w.Body.Len() > 0 {
		t.Errorf("one-way: %d %q", w.Code, w.Body)
	}
}

func TestReplyCompression(t *testing.T) {
	t.Parallel()
	long := bytes.Repeat([]byte("a"), 1025)
	tests := map[string]struct {
		accept  string
		payload []byte
		packed  bool
	}{
		"long":       {"gzip", long, true},
		"among more": {"br, GZIP;q=0.5", long, true},
		"short":      {"gzip", long[:1024], false},
		"refused":    {"gzip;q=0", long, false},
		"other":      {"br", long, false},
		"none":       {"", long, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ask(&recorder{reply: protocol.Message{Payload: tt.payload}}, http.MethodPost, "/S/M", "{}",
				"Content-Type", "application/json", "Accept-Encoding", tt.accept)
			if packed := w.Header().Get("Content-Encoding") == "gzip"; packed != tt.packed {
				t.Fatalf("compressed %v, want %v", packed, tt.packed)
			}
			body := w.Body.Bytes()
			if tt.packed {
				z, err := gzip.NewReader(w.Body)
				if err != nil {
					t.Fatal(err)
				}
				if body, err = io.ReadAll(z); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(body, tt.payload) {
				t.Errorf("%d bytes, want %d", len(body), len(tt.payload))
			}
		})
	}
}

func TestPlainRequest(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ path, body, service, method, payload string }{
		"names":            {"/Arith/Mul", `{"A":1}`, "Arith", "Mul", `{"A":1}`},
		"slash in service": {"/com/example/Arith/Mul", `[1]`, "com/example/Arith", "Mul", `[1]`},
		"nothing":          {"/Clock/Now", "", "Clock", "Now", "{}"},
		"escaped":          {"/A%20b/C%2Fd", `1`, "A b/C", "d", `1`},
	}
	for name, tt := range tests {
		d := new(recorder)
		w := ask(d, http.MethodPost, tt.path, tt.body, "Content-Type", "application/json; charset=utf-8", "X-RPCX-Meta", "k=v")
		if w.Code != http.StatusOK || len(d.calls) != 1 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
			continue
		}
		m := d.calls[0]
		if m.Service != tt.service || m.Method != tt.method || string(m.Payload) != tt.payload ||
			m.Serialize != protocol.JSON || m.Metadata.Get("k") != "v" {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// Whatever a request holds, it is answered, and only as a call if it says enough.
func FuzzRequest(f *testing.F) {
	f.Add("POST", "/", "1", "Arith", "Mul", "a=1", "1", "application/json", "{}")
	f.Add("POST", "/Arith/Mul", "", "", "", "", "", "application/json", `{"A":1}`)
	f.Add("GET", "/x", "17", "", "M", "%zz", "9", "text/plain", "\x1f\x8b")
	f.Fuzz(func(t *testing.T, method, path, serialize, service, name, meta, zip, kind, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Method, r.URL.Path = method, path
		for k, v := range map[string]string{
			"X-RPCX-SerializeType": serialize, "X-RPCX-ServicePath": service, "X-RPCX-ServiceMethod": name,
			"X-RPCX-Meta": meta, "X-RPCX-CompressType": zip, "Content-Type": kind,
		} {
			if v != "" {
				r.Header.Set(k, v)
			}
		}
		d := new(recorder)
		w := httptest.NewRecorder()
		gateway.New(d).ServeHTTP(w, r)
		for _, m := range d.calls {
			if m.Service == "" || m.Method == "" || m.Serialize > protocol.MaxSerializeType || m.Compress > protocol.MaxCompressType {
				t.Errorf("a call of %+v", m)
			}
			if !gateway.IsInvoke(r) && (method != http.MethodPost || !strings.Contains(kind, "json")) {
				t.Errorf("%s with content type %q is a call", method, kind)
			}
		}
		if len(d.calls) == 0 && w.Code < 400 && method != http.MethodOptions {
			t.Errorf("no call, and status %d", w.Code)
		}
	})
}
