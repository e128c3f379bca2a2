// SPDX-License-Identifier: Apache-2.0

package jsonrpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/jsonrpc"
	"github.com/rpcx-go/rpcx/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service answers S.Echo with its arguments, S.Named with those that are an object, S.Junk
// with what is no JSON, and anything else with an error.
type service struct {
	mu    sync.Mutex
	calls []*protocol.Message
	err   error
}

func (s *service) Dispatch(_ context.Context, _ rpcx.Peer, m *protocol.Message) (*protocol.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, m)
	reply := &protocol.Message{Metadata: rpcx.Pairs("k", "v")}
	switch m.Method {
	case "Echo":
		reply.Payload = m.Payload
	case "Named":
		if m.Payload[0] != '{' {
			return reply, rpcx.Errorf(rpcx.InvalidArgument, "want an object").NotExecuted()
		}
		reply.Payload = m.Payload
	case "Junk":
		reply.Payload = []byte("{")
	default:
		return reply, s.err
	}
	return reply, nil
}

// ask posts a body.
func ask(s *service, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	jsonrpc.New(s).ServeHTTP(w, r)
	return w
}

func TestRequestsR24Q26Q27(t *testing.T) {
	t.Parallel()
	const ok = `{"jsonrpc":"2.0","result":{"a":1},"id":`
	call := func(id string) string {
		return `{"jsonrpc":"2.0","method":"S.Echo","params":{"a":1}` + id + `}`
	}
	tests := map[string]struct {
		body, want string // an answer that ends in … is compared so far
		calls      int
	}{
		"number":                    {call(`,"id":7`), ok + `7}`, 1},
		"negative":                  {call(`,"id":-7`), ok + `-7}`, 1},
		"more than 64 bits":         {call(`,"id":123456789012345678901234567890`), ok + `123456789012345678901234567890}`, 1},
		"string":                    {call(`,"id":"x\u0041<"`), ok + `"x\u0041<"}`, 1},
		"empty string":              {call(`,"id":""`), ok + `""}`, 1},
		"null":                      {call(`,"id":null`), ok + `null}`, 1},
		"notification":              {call(``), ``, 1},
		"fraction":                  {call(`,"id":1.5`), `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"exponent":                  {call(`,"id":1e3`), `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"object as id":              {call(`,"id":{}`), `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"list as id":                {call(`,"id":[1]`), `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"bool as id":                {call(`,"id":true`), `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"long id":                   {call(`,"id":"` + strings.Repeat("x", 1000) + `"`), `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"positional":                {`{"jsonrpc":"2.0","method":"S.Echo","params":[1,2],"id":1}`, `{"jsonrpc":"2.0","result":[1,2],"id":1}`, 1},
		"last dot":                  {`{"jsonrpc":"2.0","method":"a.b.Echo","params":[],"id":1}`, `{"jsonrpc":"2.0","result":[],"id":1}`, 1},
		"no params Q27":             {`{"jsonrpc":"2.0","method":"S.Echo","id":1}`, `{"jsonrpc":"2.0","result":{},"id":1}`, 1},
		"null params Q27":           {`{"jsonrpc":"2.0","method":"S.Echo","params":null,"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32602,…`, 0},
		"told no params Q27":        {`{"jsonrpc":"2.0","method":"S.Echo"}`, ``, 1},
		"list of one":               {`{"jsonrpc":"2.0","method":"S.Named","params":[{"a":1}],"id":1}`, ok + `1}`, 2},
		"list of one scalar":        {`{"jsonrpc":"2.0","method":"S.Named","params":[1],"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32602,"message":"params must be an object, unless S.Named takes a list: …`, 2},
		"list of two":               {`{"jsonrpc":"2.0","method":"S.Named","params":[{},{}],"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32602,"message":"params must be an object, unless S.Named takes a list: …`, 1},
		"empty list":                {`{"jsonrpc":"2.0","method":"S.Named","params":[],"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32602,"message":"params must be an object, unless S.Named takes a list: …`, 1},
		"told null Q27":             {`{"jsonrpc":"2.0","method":"S.Echo","params":null}`, ``, 0},
		"no version":                {`{"method":"S.Echo","params":{},"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"wrong version":             {`{"jsonrpc":"1.0","method":"S.Echo","params":{},"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"version as number":         {`{"jsonrpc":2.0,"method":"S.Echo","params":{},"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32600,"message":"not a request: member \"jsonrpc\" must be a string"…`, 0},
		"no method":                 {`{"jsonrpc":"2.0","params":{},"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"method as number":          {`{"jsonrpc":"2.0","method":1,"params":{},"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32600,"message":"not a request: member \"method\" must be a string"…`, 0},
		"empty method":              {`{"jsonrpc":"2.0","method":"","params":{},"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32601,…`, 0},
		"dot":                       {`{"jsonrpc":"2.0","method":".","params":{},"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32601,…`, 0},
		"leading dot":               {`{"jsonrpc":"2.0","method":".M","params":{},"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32601,…`, 0},
		"trailing dot":              {`{"jsonrpc":"2.0","method":"A.","params":{},"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32601,…`, 0},
		"dots":                      {`{"jsonrpc":"2.0","method":"` + strings.Repeat(".", 100_000) + `","params":{},"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32601,…`, 0},
		"reply is no JSON":          {`{"jsonrpc":"2.0","method":"S.Junk","params":{},"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32603,…`, 1},
		"nothing":                   {``, `{"jsonrpc":"2.0","error":{"code":-32700,…`, 0},
		"not JSON":                  {`{"jsonrpc":`, `{"jsonrpc":"2.0","error":{"code":-32700,"message":"unexpected end of JSON input"},"id":null}`, 0},
		"two values":                {`{} {}`, `{"jsonrpc":"2.0","error":{"code":-32700,…`, 0},
		"scalar":                    {`1`, `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"null as request":           {`null`, `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"deep":                      {strings.Repeat("[", 2_000_000), `{"jsonrpc":"2.0","error":{"code":-32700,…`, 0},
		"deep object":               {strings.Repeat(`{"a":`, 500_000), `{"jsonrpc":"2.0","error":{"code":-32700,…`, 0},
		"empty batch":               {`[]`, `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"broken batch":              {`[{"jsonrpc":"2.0"`, `{"jsonrpc":"2.0","error":{"code":-32700,…`, 0},
		"batch of junk":             {`[1,null]`, `[{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"batch":                     {` [` + call(`,"id":1`) + `,` + call(``) + `,` + call(`,"id":2`) + `]`, `[` + ok + `1},` + ok + `2}]`, 3},
		"batch of none":             {`[` + call(``) + `,` + call(``) + `]`, ``, 2},
		"batch of 100":              {`[` + strings.Repeat(call(``)+`,`, 99) + call(`,"id":1`) + `]`, `[` + ok + `1}]`, 100},
		"batch of 101":              {`[` + strings.Repeat(call(``)+`,`, 100) + call(`,"id":1`) + `]`, `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"names in capitals":         {`{"JSONRPC":"2.0","Method":"S.Echo","Params":{},"ID":1}`, `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"method in capitals":        {`{"jsonrpc":"2.0","Method":"S.Echo","params":{},"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32600,"message":"member \"method\" is missing"…`, 0},
		"id in capitals":            {`{"jsonrpc":"2.0","method":"S.Echo","params":{},"ID":1}`, ``, 1},
		"both methods":              {`{"jsonrpc":"2.0","method":"S.Echo","METHOD":"S.Junk","params":{},"id":1}`, `{"jsonrpc":"2.0","result":{},"id":1}`, 1},
		"method twice":              {`{"jsonrpc":"2.0","method":"S.Echo","method":"S.Junk","params":{},"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"method written as another": {`{"jsonrpc":"2.0","method":"S.Echo","m\u0065thod":"S.Junk","params":{},"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"params twice":              {`{"jsonrpc":"2.0","method":"S.Echo","params":{"a":1},"params":{},"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"id twice":                  {`{"jsonrpc":"2.0","method":"S.Echo","params":{},"id":1,"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"id, and then null":         {`{"jsonrpc":"2.0","method":"S.Echo","params":{},"id":1,"id":null}`, `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"version twice":             {`{"jsonrpc":"2.0","jsonrpc":"2.0","method":"S.Echo","params":{},"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"null as version":           {`{"jsonrpc":null,"method":"S.Echo","params":{},"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"null as method":            {`{"jsonrpc":"2.0","method":null,"params":{},"id":1}`, `{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"twice within params":       {`{"jsonrpc":"2.0","method":"S.Echo","params":{"id":1,"id":2},"id":1}`, `{"jsonrpc":"2.0","result":{"id":1,"id":2},"id":1}`, 1},
		"twice in a batch":          {`[{"jsonrpc":"2.0","method":"S.Echo","params":{},"id":1,"id":2}]`, `[{"jsonrpc":"2.0","error":{"code":-32600,…`, 0},
		"members not of ours":       {call(`,"id":1,"x":true`), ok + `1}`, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := new(service)
			w := ask(s, tt.body)
			got := w.Body.String()
			want, open := strings.CutSuffix(tt.want, "…")
			status := http.StatusOK
			if tt.want == "" {
				status = http.StatusNoContent
			}
			if w.Code != status || len(s.calls) != tt.calls || got != want && !(open && strings.HasPrefix(got, want)) {
				t.Errorf("%d %.200q after %d calls, want %.200q after %d", w.Code, got, len(s.calls), want, tt.calls)
			}
			// Q26: the content type is that of JSON.
			if got != "" && (w.Header().Get("Content-Type") != "application/json" || !json.Valid([]byte(got))) {
				t.Errorf("content type %q of %.200q", w.Header().Get("Content-Type"), got)
			}
		})
	}
}

// The pause that an error asks for is in the answer, in whole seconds; and in the head when
// there is one answer.
func TestPause(t *testing.T) {
	t.Parallel()
	const call = `{"jsonrpc":"2.0","method":"S.Fail","params":{},"id":1}`
	for name, tt := range map[string]struct {
		err         error
		body        string
		header, has string
	}{
		"single":  {rpcx.Errorf(rpcx.ResourceExhausted, "busy").WithPause(1500 * time.Millisecond), call, "2", `"data":{"code":"resource_exhausted","retry_after":2}`},
		"unknown": {rpcx.Errorf(rpcx.Unknown, "busy").WithPause(time.Second), call, "1", `"data":{"code":"unknown","retry_after":1}`},
		"batch":   {rpcx.Errorf(rpcx.Unavailable, "busy").WithPause(time.Second), "[" + call + "]", "", `"data":{"code":"unavailable","retry_after":1}`},
		"none":    {rpcx.Errorf(rpcx.Unavailable, "busy"), call, "", `"data":{"code":"unavailable"}`},
	} {
		w := ask(&service{err: tt.err}, tt.body)
		if got := w.Header().Get("Retry-After"); got != tt.header || !strings.Contains(w.Body.String(), tt.has) {
			t.Errorf("%s: Retry-After %q, %s, want %q and %s", name, got, w.Body, tt.header, tt.has)
		}
	}
}

// Each kind of error has a code of its own (R24).
func TestErrorsR24(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  error
		want string
	}{
		"unknown":       {errors.New("oops"), `{"code":-32603,"message":"oops"}`},
		"unimplemented": {rpcx.Errorf(rpcx.Unimplemented, "none"), `{"code":-32601,"message":"none","data":{"code":"unimplemented"}}`},
		"argument":      {rpcx.Errorf(rpcx.InvalidArgument, "bad"), `{"code":-32602,"message":"bad","data":{"code":"invalid_argument"}}`},
		"internal":      {rpcx.Errorf(rpcx.Internal, "bug"), `{"code":-32603,"message":"bug","data":{"code":"internal"}}`},
		"not found":     {rpcx.Errorf(rpcx.NotFound, "no").WithDetail("id", "7"), `{"code":-32005,"message":"no","data":{"code":"not_found","details":{"id":"7"}}}`},
		"token":         {rpcx.Errorf(rpcx.Unauthenticated, "who"), `{"code":-32016,"message":"who","data":{"code":"unauthenticated"}}`},
		"own code":      {rpcx.Errorf(500, "far"), `{"code":-32603,"message":"far","data":{"code":"code_500"}}`},
	}
	for name, tt := range tests {
		w := ask(&service{err: tt.err}, `{"jsonrpc":"2.0","method":"S.Fail","params":{},"id":1}`)
		if want := `{"jsonrpc":"2.0","error":` + tt.want + `,"id":1}`; w.Body.String() != want {
			t.Errorf("%s: %s, want %s", name, w.Body, want)
		}
		if w.Header().Get("X-RPCX-Meta") != "k=v" {
			t.Errorf("%s: metadata %q", name, w.Header().Get("X-RPCX-Meta"))
		}
	}
	if w := ask(&service{err: errors.New("x")}, `{"jsonrpc":"2.0","method":"S.Fail","params":{}}`); w.Body.Len() > 0 {
		t.Errorf("a notification that failed is answered with %s", w.Body)
	}
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	const body = `{"jsonrpc":"2.0","method":"S.Echo","params":{},"id":1}`
	tests := map[string]struct {
		method  string
		headers []string
		status  int
		calls   int
	}{
		"content type":            {"POST", []string{"Content-Type", "application/json-rpc"}, 200, 1},
		"with parameters":         {"POST", []string{"Content-Type", "application/json; charset=utf-8"}, 200, 1},
		"rpcx's header":           {"PUT", []string{"Content-Type", "", "X-JSONRPC-2.0", "true"}, 200, 1},
		"header of another value": {"POST", []string{"Content-Type", "", "X-JSONRPC-2.0", "1"}, 415, 0},
		"text":                    {"POST", []string{"Content-Type", "text/plain"}, 415, 0},
		"form":                    {"POST", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, 0},
		"PUT":                     {"PUT", nil, 405, 0},
		"compressed otherwise":    {"POST", []string{"Content-Encoding", "br"}, 415, 0},
		"not compressed at all":   {"POST", []string{"Content-Encoding", "gzip"}, 400, 0},
		"not encoded":             {"POST", []string{"Content-Encoding", "identity"}, 200, 1},
		"broken metadata":         {"POST", []string{"X-RPCX-Meta", "%zz"}, 200, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(tt.method, "/any/path", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			for i := 0; i+1 < len(tt.headers); i += 2 {
				r.Header.Set(tt.headers[i], tt.headers[i+1])
			}
			s := new(service)
			w := httptest.NewRecorder()
			jsonrpc.New(s).ServeHTTP(w, r)
			if w.Code != tt.status || len(s.calls) != tt.calls {
				t.Errorf("%d after %d calls: %s", w.Code, len(s.calls), w.Body)
			}
		})
	}
	long := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	http.MaxBytesHandler(jsonrpc.New(new(service)), 10).ServeHTTP(long, r)
	if long.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a long body: %d", long.Code)
	}
}

// The header says the version, so the request need not.
func TestHeaderSaysVersion(t *testing.T) {
	t.Parallel()
	s := new(service)
	w := ask(s, `{"method":"S.Echo","params":{"a":1},"id":1}`, "X-JSONRPC-2.0", "true", "Authorization", "bearer x", "X-RPCX-Meta", "a=b")
	if len(s.calls) != 1 {
		t.Fatal(w.Body)
	}
	if md := s.calls[0].Metadata; md.Get("__AUTH") != "bearer x" || md.Get("a") != "b" || s.calls[0].Oneway {
		t.Errorf("%+v", s.calls[0])
	}
}

// Requests that say with rpcx's header what they are get what rpcx answers: always 200, and a
// member for data.
func TestAnswersOfRPCX(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"method":"S.Echo","params":{}}`:          ``,
		`[{"method":"S.Echo","params":{}}]`:        ``,
		`{"method":"S.Fail","params":{},"id":1}`:   `{"jsonrpc":"2.0","error":{"code":-32603,"message":"no","data":null},"id":1}`,
		`[{"method":"S.Fail","params":{},"id":1}]`: `[{"jsonrpc":"2.0","error":{"code":-32603,"message":"no","data":null},"id":1}]`,
		`{"jsonrpc":`: `{"jsonrpc":"2.0","error":{"code":-32700,"message":"unexpected end of JSON input","data":null},"id":null}`,
	} {
		w := ask(&service{err: errors.New("no")}, body, "X-JSONRPC-2.0", "true")
		if w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: %d %s, want %s", body, w.Code, w.Body, want)
		}
	}
}

// A handler that ends its goroutine does not hold up the batch.
func TestGoexit(t *testing.T) {
	t.Parallel()
	entry := `{"jsonrpc":"2.0","method":"S.Echo","params":{},"id":1}`
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("["+strings.Repeat(entry+",", 19)+entry+"]"))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	jsonrpc.New(quitter{}).ServeHTTP(w, r)
	if w.Code != http.StatusNoContent || w.Body.Len() > 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

type quitter struct{}

func (quitter) Dispatch(context.Context, rpcx.Peer, *protocol.Message) (*protocol.Message, error) {
	runtime.Goexit()
	return nil, nil
}

func FuzzBody(f *testing.F) {
	for _, s := range []string{
		``, `null`, `[]`, `[1]`, `{"jsonrpc":"2.0","method":"S.Echo","params":{},"id":1}`,
		`{"jsonrpc":"2.0","method":"S.Junk","params":[],"id":"x"}`, `[{"method":"S.Fail","params":0}]`,
		`{"jsonrpc":"2.0","method":"S.Echo","id":null}`, "{\"id\":\"\xff\"}",
	} {
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, body []byte, lenient bool) {
		header := "false"
		if lenient {
			header = "true"
		}
		s := &service{err: errors.New("no")}
		w := ask(s, string(body), "X-JSONRPC-2.0", header)
		answer := w.Body.Bytes()
		if w.Code != http.StatusOK && (w.Code != http.StatusNoContent || lenient || len(answer) > 0) {
			t.Fatalf("status %d", w.Code)
		}
		if len(answer) == 0 {
			return // notifications alone
		}
		if !json.Valid(answer) {
			t.Errorf("%q is answered with %q", body, answer)
		}
		if len(s.calls) > jsonrpc.MaxBatch {
			t.Errorf("%d calls", len(s.calls))
		}
		for _, m := range s.calls {
			if m.Service == "" || m.Method == "" || !json.Valid(m.Payload) {
				t.Errorf("a call of %+v", m)
			}
		}
	})
}

// A list costs no more memory than its text, whatever it is a list of.
func TestLongBatchesCostLittle(t *testing.T) {
	body := "[" + strings.Repeat("0,", 1<<20) + "0]"
	h := jsonrpc.New(nil)
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	h.ServeHTTP(w, r)
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 8*uint64(len(body)) {
		t.Errorf("%d bytes were allocated for %d of text", got, len(body))
	}
	if !strings.Contains(w.Body.String(), "-32600") {
		t.Errorf("answered %q", w.Body)
	}
}
