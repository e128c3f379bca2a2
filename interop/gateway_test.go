// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	realcodec "github.com/smallnest/rpcx/codec"
	realprotocol "github.com/smallnest/rpcx/protocol"
	realserver "github.com/smallnest/rpcx/server"
	"github.com/smallnest/rpcx/share"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/gateway/proxy"
	"github.com/rpcx-go/rpcx/server"
)

// GatewayArgs and the like are what the recorded requests of HTTP call.
type (
	GatewayArgs  struct{ A, B int }
	GatewayReply struct{ C int }
	GatewayText  struct{ S string }
)

// GatewayArith runs on either server.
type GatewayArith struct {
	setMeta func(ctx context.Context, key, value string)
	waiting chan struct{} // one for each Wait
	goOn    chan struct{} // lets one Wait end
}

// Mul multiplies.
func (*GatewayArith) Mul(_ context.Context, args *GatewayArgs, reply *GatewayReply) error {
	reply.C = args.A * args.B
	return nil
}

// Fail fails.
func (*GatewayArith) Fail(context.Context, *GatewayArgs, *GatewayReply) error {
	return errors.New("arith failed: 除零")
}

// FailWithReply does so, and has a reply all the same.
func (*GatewayArith) FailWithReply(_ context.Context, _ *GatewayArgs, reply *GatewayReply) error {
	reply.C = 1
	return errors.New("partial result")
}

// Panic panics.
func (*GatewayArith) Panic(context.Context, *GatewayArgs, *GatewayReply) error { panic("a secret") }

// Meta sends metadata back.
func (a *GatewayArith) Meta(ctx context.Context, _ *GatewayArgs, reply *GatewayReply) error {
	reply.C = 1
	a.setMeta(ctx, "server-says", "hi")
	return nil
}

// Wait waits.
func (a *GatewayArith) Wait(ctx context.Context, _ *GatewayArgs, reply *GatewayReply) error {
	a.waiting <- struct{}{}
	select {
	case <-a.goOn:
		reply.C = 1
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// GatewayEcho runs on either server.
type GatewayEcho struct{}

// Bytes returns what it gets.
func (*GatewayEcho) Bytes(_ context.Context, args, reply *[]byte) error { *reply = *args; return nil }

// Big returns so many letters.
func (*GatewayEcho) Big(_ context.Context, args *GatewayArgs, reply *GatewayText) error {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	reply.S = strings.Repeat(letters, args.A/len(letters)+1)[:args.A]
	return nil
}

func gatewayMul(_ context.Context, args *GatewayArgs, reply *GatewayReply) error {
	reply.C = args.A * args.B
	return nil
}

// behindGateway starts a server of either framework; a token makes it want that one.
func behindGateway(t *testing.T, framework, token string) (arith *GatewayArith, addr string) {
	t.Helper()
	arith = &GatewayArith{waiting: make(chan struct{}, 10), goOn: make(chan struct{})}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if framework == "our" {
		arith.setMeta = func(ctx context.Context, key, value string) { must(rpcx.SetReplyMetadata(ctx, key, value)) }
		opts := []server.Option{server.WithLogger(quiet())}
		if token != "" {
			opts = append(opts, server.WithAuth(func(_ context.Context, _, _, got string) error {
				if got != token {
					return errors.New("invalid token")
				}
				return nil
			}))
		}
		s := server.NewServer(opts...)
		must(s.RegisterName("Arith", arith, ""))
		must(s.RegisterName("Echo", new(GatewayEcho), ""))
		must(server.Handle(s, "Fn", "Mul", gatewayMul))
		ended := make(chan error, 1)
		go func() { ended <- s.Serve("tcp", "127.0.0.1:0") }()
		<-s.Started()
		t.Cleanup(func() { _ = s.Close(); <-ended })
		return arith, "tcp@" + s.Address().String()
	}
	arith.setMeta = func(ctx context.Context, key, value string) {
		ctx.Value(share.ResMetaDataKey).(map[string]string)[key] = value
	}
	s := realserver.NewServer()
	s.HandleServiceError = func(error) {} // else each goes to the log
	if token != "" {
		s.AuthFunc = func(_ context.Context, _ *realprotocol.Message, got string) error {
			if got != token {
				return errors.New("invalid token")
			}
			return nil
		}
	}
	must(s.RegisterName("Arith", arith, ""))
	must(s.RegisterName("Echo", new(GatewayEcho), ""))
	must(s.RegisterFunctionName("Fn", "Mul", gatewayMul, ""))
	ended := make(chan error, 1)
	go func() { ended <- s.Serve("tcp", "127.0.0.1:0") }()
	select {
	case <-s.Started:
	case err := <-ended:
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(); <-ended })
	return arith, "tcp@" + s.Address().String()
}

// inFront starts a gateway in front of a server, and returns where it listens.
func inFront(t *testing.T, mode client.FailMode, addr string) string {
	t.Helper()
	p, err := proxy.New(mode, client.RandomSelect, client.NewPeer2PeerDiscovery(addr, ""), proxy.Config{Client: client.Option{Logger: quiet()}})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Serve(ln) }()
	t.Cleanup(func() { _ = p.Close(); <-ended })
	return ln.Addr().String()
}

func webClient(t *testing.T) *http.Client {
	tr := new(http.Transport)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// gatewayVector is a request that the gateway of a real server was sent, and its answer.
type gatewayVector struct {
	ID           string `json:"id"`
	RequestText  string `json:"request_text"`
	RequestHex   string `json:"request_hex"`
	ResponseText string `json:"response_text"`
	ResponseHex  string `json:"response_hex"`
}

// either returns bytes that are written down as hex or as text.
func either(t *testing.T, asHex, text string) []byte {
	t.Helper()
	if asHex == "" {
		return []byte(text)
	}
	b, err := hex.DecodeString(asHex)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func gatewayVectors(t *testing.T) (vectors []gatewayVector) {
	t.Helper()
	text, err := os.ReadFile("../protocol/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		HTTP []gatewayVector `json:"http"`
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, v := range all.HTTP {
		if strings.HasPrefix(v.ID, "gw-") {
			vectors = append(vectors, v)
		}
	}
	if len(vectors) < 35 {
		t.Fatalf("%d vectors of gateways, want at least 35", len(vectors))
	}
	return vectors
}

// What the gateway inside a real server was asked, a gateway of ours in front of a server
// answers as that one did: a client reads the same success or the same error from it.
func TestGatewayVectors(t *testing.T) {
	t.Parallel()
	// Why something else is expected.
	other := map[string]string{
		"gw-patch":              "is answered",
		"gw-delete":             "",
		"gw-options":            "",
		"gw-cors-preflight":     "origins are the gateway's own",
		"gw-cors-call":          "origins are the gateway's own",
		"gw-rate-limit":         "limits are the gateway's own",
		"gw-keepalive-mixed":    "requests are routed one by one",
		"gw-bad-serialize":      "the text names another function",
		"gw-serialize-17":       "is no codec 1",
		"gw-compress-gzip-body": "is decompressed (Q23)",
		"gw-raw-to-struct":      "is an error, not a panic",
		"gw-bad-body":           "servers of ours say of what",
		"gw-empty-body":         "servers of ours say of what",
	}
	for _, framework := range []string{"our", "rpcx"} {
		_, addr := behindGateway(t, framework, "")
		open := inFront(t, client.Failover, addr)
		_, addr = behindGateway(t, framework, "Bearer good")
		guarded := inFront(t, client.Failover, addr)
		for _, v := range gatewayVectors(t) {
			t.Run(framework+" "+v.ID, func(t *testing.T) {
				at := open
				if strings.HasPrefix(v.ID, "gw-auth") {
					at = guarded
				}
				got := askRaw(t, at, either(t, v.RequestHex, v.RequestText))
				if _, ok := other[v.ID]; ok {
					if v.ID == "gw-compress-gzip-body" && got.body != `{"C":200}` {
						t.Errorf("%+v", got)
					}
					return
				}
				want := readGatewayAnswer(t, either(t, v.ResponseHex, v.ResponseText))
				if got.failed != want.failed || got.text != want.text || got.body != want.body || got.meta != want.meta || got.failed == (got.status == 200) {
					t.Errorf("got  %+v\nwant %+v", got, want)
				}
			})
		}
	}
}

// gatewayAnswer is what a client of rpcx's gateway reads.
type gatewayAnswer struct {
	status               int
	failed               bool
	text, meta, id, body string
}

func readGatewayAnswer(t *testing.T, b []byte) gatewayAnswer {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), nil)
	if err != nil {
		t.Fatalf("%q: %v", b, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return gatewayAnswer{
		status: res.StatusCode,
		failed: res.Header.Get("X-RPCX-MessageStatusType") == "Error",
		text:   res.Header.Get("X-RPCX-ErrorMessage"),
		meta:   res.Header.Get("X-RPCX-Meta"),
		id:     res.Header.Get("X-RPCX-MessageID"),
		body:   string(body),
	}
}

// askRaw sends a request as it is.
func askRaw(t *testing.T, addr string, request []byte) gatewayAnswer {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(time.Minute))
	if _, err := nc.Write(request); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(nc)
	if err != nil {
		t.Fatal(err)
	}
	return readGatewayAnswer(t, text)
}

// A client as the examples of rpcx-gateway are: with rpcx's codec, its spelling of headers
// and no look at the status.
func TestGatewayClients(t *testing.T) {
	t.Parallel()
	for _, framework := range []string{"our", "rpcx"} {
		t.Run(framework, func(t *testing.T) {
			t.Parallel()
			_, addr := behindGateway(t, framework, "")
			at := inFront(t, client.Failover, addr)
			web := webClient(t)
			codec := new(realcodec.MsgpackCodec)
			args, err := codec.Encode(&GatewayArgs{10, 20})
			if err != nil {
				t.Fatal(err)
			}
			var callers sync.WaitGroup
			for range 4 {
				callers.Go(func() {
					for range 10 {
						req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+at+"/", bytes.NewReader(args))
						if err != nil {
							t.Error(err)
							return
						}
						req.Header.Set("X-RPCX-MessageID", "10000")
						req.Header.Set("X-RPCX-MesssageType", "0")
						req.Header.Set("X-RPCX-SerializeType", "3")
						req.Header.Set("X-RPCX-ServicePath", "Arith")
						req.Header.Set("X-RPCX-ServiceMethod", "Mul")
						res, err := web.Do(req)
						if err != nil {
							t.Error(err)
							return
						}
						data, err := io.ReadAll(res.Body)
						res.Body.Close()
						var reply GatewayReply
						if err = errors.Join(err, codec.Decode(data, &reply)); err != nil || reply.C != 200 || res.Header.Get("X-RPCX-MessageID") != "10000" {
							t.Errorf("%+v %v, %v", reply, res.Header, err)
						}
					}
				})
			}
			callers.Wait()
		})
	}
}

// Plain JSON reaches services that know nothing of it, and their errors come back.
func TestGatewayPlain(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		path, body string
		status     int
		part       string
		but        string // what must not be in it
	}{
		"success":         {"/Arith/Mul", `{"A":6,"B":7}`, 200, `{"C":42}`, "problem"},
		"function":        {"/Fn/Mul", `{"A":6,"B":7}`, 200, `{"C":42}`, "problem"},
		"error":           {"/Arith/Fail", `{}`, 500, `"detail":"arith failed: 除零","code":"unknown"`, ""},
		"unknown method":  {"/Arith/Pow", `{}`, 404, `rpcx: can't find method Pow`, ""},
		"unknown service": {"/Nobody/Pow", `{}`, 404, `rpcx: can't find service Nobody`, ""},
		"panic":           {"/Arith/Panic", `{}`, 500, `"code":"internal"`, "secret"},
		"no time":         {"/Arith/Wait", `{}`, 504, `"code":"deadline_exceeded"`, ""},
	}
	for _, framework := range []string{"our", "rpcx"} {
		_, addr := behindGateway(t, framework, "")
		at, web := inFront(t, client.Failover, addr), webClient(t)
		for name, tt := range tests {
			t.Run(framework+" "+name, func(t *testing.T) {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+at+tt.path, strings.NewReader(tt.body))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", "application/json")
				if tt.status == http.StatusGatewayTimeout {
					req.Header.Set("X-RPCX-Timeout", "50")
				}
				res, err := web.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				body, err := io.ReadAll(res.Body)
				if err != nil {
					t.Fatal(err)
				}
				if res.StatusCode != tt.status || !strings.Contains(string(body), tt.part) || tt.but != "" && strings.Contains(string(body), tt.but) {
					t.Errorf("%d %s", res.StatusCode, body)
				}
			})
		}
	}
}

// A server of rpcx closes the connection over a bad token, which at a gateway is
// everybody's. A call that this costs its answer is made again under Failover.
func TestGatewayBadToken(t *testing.T) {
	t.Parallel()
	for _, framework := range []string{"our", "rpcx"} {
		t.Run(framework, func(t *testing.T) {
			t.Parallel()
			arith, addr := behindGateway(t, framework, "good")
			at, web := inFront(t, client.Failover, addr), webClient(t)
			post := func(method, token string) (int, error) {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+at+"/Arith/"+method, strings.NewReader("{}"))
				if err != nil {
					return 0, err
				}
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Authorization", token)
				res, err := web.Do(req)
				if err != nil {
					return 0, err
				}
				return res.StatusCode, res.Body.Close()
			}
			done := make(chan int, 1)
			go func() {
				status, err := post("Wait", "good")
				if err != nil {
					t.Error(err)
				}
				done <- status
			}()
			<-arith.waiting
			want := []int{http.StatusUnauthorized}
			if framework == "rpcx" { // its error has no code
				want = []int{http.StatusInternalServerError}
			}
			if status, err := post("Mul", "bad"); err != nil || !slices.Contains(want, status) {
				t.Errorf("a bad token: %d, %v", status, err)
			}
			if framework == "rpcx" {
				<-arith.waiting // once more, on another connection; the first is never told
				arith.goOn <- struct{}{}
			}
			arith.goOn <- struct{}{}
			if status := <-done; status != http.StatusOK {
				t.Errorf("the call of somebody else: %d", status)
			}
		})
	}
}
