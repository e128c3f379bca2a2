// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"time"

	"github.com/rpcx-go/rpcx/server"
)

// framework is one of the two that are to understand each other.
type framework interface {
	String() string
	// serve starts a server.
	serve(s serverSetting) (serving, error)
	// open makes a client of one service.
	open(s clientSetting) (caller, error)
}

// frameworks returns both.
func frameworks() []framework { return []framework{ours{}, theirs{}} }

// serverSetting is how a server is to work.
type serverSetting struct {
	network *network
	log     *journal
	token   string          // what clients must show; "": nothing
	options []server.Option // of our server besides; a real one has none
}

// serving is a running server.
type serving interface {
	// address returns where clients reach it, as network@address; at leaves out the network.
	address() string
	at() string
	// deaf returns a channel that is closed when it listens no more, on a network below
	// which is UDP.
	deaf() <-chan struct{}
	// shutdown ends it once what has begun is answered.
	shutdown(ctx context.Context) error
	// stop ends it at once, and waits until it has.
	stop()
}

// The one token that servers with authentication take.
const goodToken = "bearer good"

// wrongToken is the text of the error for any other.
const wrongToken = "invalid token"

// clientSetting is how a client is to work.
type clientSetting struct {
	network *network
	address string
	dialect *dialect
	service string
	gzip    bool
	token   string

	heartbeat     time.Duration   // between heartbeats; 0: none
	heartbeatWait time.Duration   // for an answer; 0: heartbeatPatience
	pushed        chan<- *message // takes what servers push; nil: nobody
	tap           *tap            // sees all frames; may be nil
}

// message is a frame that belongs to no call, or one that the program makes itself.
type message struct {
	service, method string
	metadata        map[string]string
	payload         []byte
}

// caller is a client of one service. It never repeats a call.
type caller interface {
	// call makes a call and waits. The metadata of the reply comes back also with an
	// error of the service.
	call(ctx context.Context, method string, args, reply any, md map[string]string) (map[string]string, error)
	// begin makes a call and does not wait: its outcome comes through the channel.
	begin(ctx context.Context, method string, args, reply any) <-chan error
	// oneway makes a call that is not answered.
	oneway(ctx context.Context, method string, args any) error
	// raw sends a payload as it is, marked as being of the client's dialect, and
	// returns the one that answers it.
	raw(ctx context.Context, method string, payload []byte) ([]byte, error)
	// remote returns the text of an error that the peer sent, and whether err is one.
	remote(err error) (string, bool)
	// close ends the client.
	close()
}
