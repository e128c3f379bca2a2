// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"sync/atomic"

	realclient "github.com/smallnest/rpcx/client"
	realprotocol "github.com/smallnest/rpcx/protocol"
	realserver "github.com/smallnest/rpcx/server"
	"github.com/smallnest/rpcx/share"
)

// theirs is real rpcx.
type theirs struct{}

func (theirs) String() string { return "rpcx" }

type theirServer struct {
	*realserver.Server
	scheme string
	ln     *watched // nil: it has made its own
	ended  chan error
}

func (theirs) serve(s serverSetting) (serving, error) {
	var opts []realserver.OptionFn
	if s.network.server != nil {
		opts = append(opts, realserver.WithTLSConfig(s.network.server))
	}
	srv := &theirServer{Server: realserver.NewServer(opts...), scheme: s.network.scheme, ended: make(chan error, 1)}
	srv.HandleServiceError = func(error) {} // else each goes to the log
	if s.token != "" {
		srv.AuthFunc = func(_ context.Context, _ *realprotocol.Message, token string) error {
			if token != s.token {
				return errors.New(wrongToken)
			}
			return nil
		}
	}
	for name, rcvr := range receivers(&behaviour{log: s.log, in: theirSurroundings{srv.Server}}) {
		if err := srv.RegisterName(name, rcvr, ""); err != nil {
			return nil, err
		}
	}
	srv.Plugins.Add(garbler{})
	return srv, srv.listen(s.network)
}

// listen lets the server listen by itself, where it tells that it does.
func (s *theirServer) listen(n *network) error {
	address := n.address()
	if n.listen != nil {
		ln, err := n.listen()
		if err != nil {
			return err
		}
		s.ln, address = watch(ln), ln.Addr().String()
		n.prepared.Store(address, s.ln)
	}
	go func() { s.ended <- s.Serve(n.scheme, address) }()
	if s.ln != nil {
		return nil // clients can connect already
	}
	select {
	case <-s.Started:
		return nil
	case err := <-s.ended:
		return err
	}
}

func (s *theirServer) address() string { return s.scheme + "@" + s.at() }

func (s *theirServer) at() string {
	if s.ln != nil {
		return s.ln.Addr().String()
	}
	return s.Address().String()
}

func (s *theirServer) deaf() <-chan struct{} { return s.ln.closed }

func (s *theirServer) shutdown(ctx context.Context) error { return s.Shutdown(ctx) }

func (s *theirServer) stop() {
	_ = s.Close()
	if s.ln != nil {
		_ = s.ln.Close() // which the server may not have had yet
	}
	<-s.ended
}

// garbler makes the replies of Garble unreadable. A real handler cannot.
type garbler struct{}

func (garbler) PreWriteResponse(_ context.Context, req, res *realprotocol.Message, _ error) error {
	if req.ServiceMethod == garble {
		res.Payload = []byte{garbage}
	}
	return nil
}

// theirSurroundings is what handlers find on a real server.
type theirSurroundings struct{ *realserver.Server }

func (theirSurroundings) metadata(ctx context.Context) map[string]string {
	md, _ := ctx.Value(share.ReqMetaDataKey).(map[string]string)
	return md
}

func (theirSurroundings) reply(ctx context.Context, key, value string) {
	if md, ok := ctx.Value(share.ResMetaDataKey).(map[string]string); ok {
		md[key] = value
	}
}

func (theirSurroundings) conn(ctx context.Context) string {
	return fmt.Sprintf("%p", ctx.Value(realserver.RemoteConnContextKey))
}

func (s theirSurroundings) push(ctx context.Context, service, method string, md map[string]string, payload []byte) error {
	conn, _ := ctx.Value(realserver.RemoteConnContextKey).(net.Conn)
	return s.SendMessage(conn, service, method, md, payload)
}

type theirCaller struct {
	x       realclient.XClient
	service string
	dialect *dialect
	gzip    bool
	seq     atomic.Uint64 // of raw frames: rpcx sends them as they are
	done    chan struct{}
}

func (theirs) open(s clientSetting) (caller, error) {
	opt := realclient.DefaultOption
	opt.SerializeType = realprotocol.SerializeType(s.dialect.codec)
	opt.TLSConfig = s.network.client
	opt.ConnectTimeout = dialTimeout
	if s.gzip {
		opt.CompressType = realprotocol.Gzip
	}
	if s.heartbeat > 0 {
		opt.Heartbeat, opt.HeartbeatInterval, opt.MaxWaitForHeartbeat = true, s.heartbeat, cmp.Or(s.heartbeatWait, heartbeatPatience)
	}
	d, err := realclient.NewPeer2PeerDiscovery(s.address, "")
	if err != nil {
		return nil, err
	}
	c := &theirCaller{service: s.service, dialect: s.dialect, gzip: s.gzip, done: make(chan struct{})}
	c.seq.Store(1 << 40)
	if s.pushed == nil {
		c.x = realclient.NewXClient(s.service, realclient.Failfast, realclient.RandomSelect, d, opt)
	} else {
		ch := make(chan *realprotocol.Message, 2*pushes)
		c.x = realclient.NewBidirectionalXClient(s.service, realclient.Failfast, realclient.RandomSelect, d, opt, ch)
		go c.forward(ch, s.pushed)
	}
	c.x.Auth(s.token)
	if s.tap != nil {
		c.x.GetPlugins().Add(tapPlugin{s.tap})
	}
	return c, nil
}

// forward passes on what servers push, until the client is closed.
func (c *theirCaller) forward(from <-chan *realprotocol.Message, to chan<- *message) {
	for {
		select {
		case m := <-from:
			if m.MessageStatusType() == realprotocol.Normal { // else the library's own, about the connection
				to <- &message{m.ServicePath, m.ServiceMethod, m.Metadata, m.Payload}
			}
		case <-c.done:
			return
		}
	}
}

// call uses Go under the race detector, which finds that the real Call reads its
// sequence id without a lock when the context ends. What is sent is the same.
func (c *theirCaller) call(ctx context.Context, method string, args, reply any, md map[string]string) (map[string]string, error) {
	sent := make(map[string]string, len(md))
	maps.Copy(sent, md) // the real client adds to the map that it is given
	ctx = context.WithValue(ctx, share.ReqMetaDataKey, sent)
	if raceDetector {
		call, err := c.x.Go(ctx, method, args, reply, make(chan *realclient.Call, 1))
		if err != nil {
			return nil, err
		}
		select {
		case <-call.Done:
			return call.ResMetadata, call.Error
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	trailer := make(map[string]string)
	ctx = context.WithValue(ctx, share.ResMetaDataKey, trailer)
	err := c.x.Call(ctx, method, args, reply)
	return trailer, err
}

func (c *theirCaller) begin(ctx context.Context, method string, args, reply any) <-chan error {
	outcome := make(chan error, 1)
	call, err := c.x.Go(ctx, method, args, reply, make(chan *realclient.Call, 1))
	if err != nil {
		outcome <- err
		return outcome
	}
	go func() {
		select {
		case <-call.Done:
			outcome <- call.Error
		case <-ctx.Done():
			outcome <- ctx.Err()
		}
	}()
	return outcome
}

func (c *theirCaller) oneway(ctx context.Context, method string, args any) error {
	return c.x.Oneshot(ctx, method, args)
}

func (c *theirCaller) raw(ctx context.Context, method string, payload []byte) ([]byte, error) {
	m := realprotocol.NewMessage()
	m.SetSeq(c.seq.Add(1))
	m.SetSerializeType(realprotocol.SerializeType(c.dialect.codec))
	if c.gzip && len(payload) > 1024 {
		m.SetCompressType(realprotocol.Gzip)
	}
	m.ServicePath, m.ServiceMethod = c.service, method
	m.Payload = payload
	_, answer, err := c.x.SendRaw(ctx, m)
	return answer, err
}

func (c *theirCaller) remote(err error) (string, bool) {
	var e realclient.ServiceError
	if errors.As(err, &e) && e.IsServiceError() {
		return e.Error(), true
	}
	return "", false
}

func (c *theirCaller) close() {
	close(c.done)
	_ = c.x.Close() // says that it is closed already when it is
}
