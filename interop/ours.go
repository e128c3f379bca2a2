// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/codec/thrift"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
)

// ours is this project.
type ours struct{}

func (ours) String() string { return "our" }

// optionalCodecs are those that a program must ask for.
func optionalCodecs() []codec.Codec { return []codec.Codec{thrift.Codec{}} }

// quiet is for what is provoked on purpose.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

type ourServer struct {
	*server.Server
	scheme string
	ln     *watched // nil: it has made its own
	ended  chan error
}

func (ours) serve(s serverSetting) (serving, error) {
	opts := []server.Option{
		server.WithCodec(optionalCodecs()...), server.WithTransport(s.network.transport), server.WithLogger(quiet()),
	}
	opts = append(opts, s.options...)
	if s.network.server != nil {
		opts = append(opts, server.WithTLSConfig(s.network.server))
	}
	if s.token != "" {
		opts = append(opts, server.WithAuth(func(_ context.Context, _, _, token string) error {
			if token != s.token {
				return errors.New(wrongToken)
			}
			return nil
		}))
	}
	srv := &ourServer{Server: server.NewServer(opts...), scheme: s.network.scheme, ended: make(chan error, 1)}
	for name, rcvr := range receivers(&behaviour{log: s.log, in: ourSurroundings{}}) {
		if err := srv.RegisterName(name, rcvr, ""); err != nil {
			return nil, err
		}
		if err := srv.HandleRaw(name, garble, writeGarbage); err != nil {
			return nil, err
		}
	}
	if err := srv.listen(s.network); err != nil {
		return nil, err
	}
	select {
	case <-srv.Started():
		return srv, nil
	case err := <-srv.ended:
		return nil, err
	}
}

// listen lets the server listen by itself, where one can tell from outside whether it does.
func (s *ourServer) listen(n *network) error {
	if n.below != "udp" {
		go func() { s.ended <- s.Serve(n.scheme, n.address()) }()
		return nil
	}
	ln, err := n.transport.Listen(context.Background(), n.scheme, n.address(), transport.Settings{TLS: n.server})
	if err != nil {
		return err
	}
	s.ln = watch(ln)
	go func() { s.ended <- s.ServeListener(n.scheme, s.ln) }()
	return nil
}

func (s *ourServer) address() string { return s.scheme + "@" + s.at() }

func (s *ourServer) at() string { return s.Address().String() }

func (s *ourServer) deaf() <-chan struct{} { return s.ln.closed }

func (s *ourServer) shutdown(ctx context.Context) error { return s.Shutdown(ctx) }

func (s *ourServer) stop() {
	_ = s.Close() // a test server has no registry to fail
	<-s.ended
}

func writeGarbage(_ context.Context, _, out *protocol.Message) error {
	out.Payload = []byte{garbage}
	return nil
}

// ourSurroundings is what handlers find on our server.
type ourSurroundings struct{}

func (ourSurroundings) metadata(ctx context.Context) map[string]string {
	return rpcx.IncomingMetadata(ctx).Map()
}

func (ourSurroundings) reply(ctx context.Context, key, value string) {
	_ = rpcx.SetReplyMetadata(ctx, key, value) // what is missing in the reply shows there
}

func (ourSurroundings) conn(ctx context.Context) string {
	return fmt.Sprintf("%p", server.ConnFrom(ctx))
}

func (ourSurroundings) push(ctx context.Context, service, method string, md map[string]string, payload []byte) error {
	return server.ConnFrom(ctx).Push(ctx, service, method, rpcx.NewMetadata(md), payload)
}

type ourCaller struct {
	x       *client.XClient
	dialect *dialect
	gzip    bool
}

func (ours) open(s clientSetting) (caller, error) {
	opt := client.Option{
		SerializeType:  s.dialect.codec,
		TLSConfig:      s.network.client,
		Codecs:         optionalCodecs(),
		Transports:     []transport.Transport{tapTransport{s.network.transport, s.tap}},
		ConnectTimeout: dialTimeout,
		Logger:         quiet(),
	}
	if s.gzip {
		opt.CompressType = protocol.Gzip
	}
	if s.heartbeat > 0 {
		opt.Heartbeat, opt.HeartbeatInterval, opt.MaxWaitForHeartbeat = true, s.heartbeat, cmp.Or(s.heartbeatWait, heartbeatPatience)
	}
	if s.pushed != nil {
		opt.OnPush = func(m *protocol.Message) {
			s.pushed <- &message{m.Service, m.Method, m.Metadata.Map(), m.Payload}
		}
	}
	x := client.NewXClient(s.service, client.Failfast, client.RandomSelect, client.NewPeer2PeerDiscovery(s.address, ""), opt)
	if s.token != "" {
		x.Auth(s.token)
	}
	return &ourCaller{x: x, dialect: s.dialect, gzip: s.gzip}, nil
}

// serializeType is needed because 0 in an Option means the default.
func (c *ourCaller) serializeType() client.CallOption {
	return client.WithSerializeType(c.dialect.codec)
}

func (c *ourCaller) call(ctx context.Context, method string, args, reply any, md map[string]string) (map[string]string, error) {
	var trailer rpcx.Metadata
	err := c.x.Call(ctx, method, args, reply, c.serializeType(), client.WithMetadata(rpcx.NewMetadata(md)), client.WithTrailer(&trailer))
	return trailer.Map(), err
}

func (c *ourCaller) begin(ctx context.Context, method string, args, reply any) <-chan error {
	call := c.x.Go(ctx, method, args, reply, nil, c.serializeType())
	outcome := make(chan error, 1)
	go func() { outcome <- (<-call.Done).Error }()
	return outcome
}

func (c *ourCaller) oneway(ctx context.Context, method string, args any) error {
	return c.x.Oneshot(ctx, method, args, c.serializeType())
}

func (c *ourCaller) raw(ctx context.Context, method string, payload []byte) ([]byte, error) {
	m := &protocol.Message{Header: protocol.Header{Serialize: c.dialect.codec}, Method: method, Payload: payload}
	if c.gzip {
		m.Compress = protocol.Gzip
	}
	_, answer, err := c.x.SendRaw(ctx, m)
	return answer, err
}

func (c *ourCaller) remote(err error) (string, bool) {
	var e *rpcx.Error
	if errors.As(err, &e) && e.Remote() {
		return e.Message(), true
	}
	return "", false
}

func (c *ourCaller) close() { _ = c.x.Close() } // it never fails

// Times that no cell should come near, on however slow a machine.
const (
	dialTimeout       = 20 * time.Second
	heartbeatPatience = 20 * time.Second
)
