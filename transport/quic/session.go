// SPDX-License-Identifier: Apache-2.0

package quic

import (
	"net"
	"sync"
	"time"

	quicgo "github.com/quic-go/quic-go"
)

// Codes of streams and connections that end before they are through.
const (
	codeNone    = 0 // nothing is wrong
	codeRefused = 1 // the server does not accept streams any more
)

// session is a QUIC connection, on either side, and the number of its streams. When it
// has had none for a while it ends.
type session struct {
	conn    *quicgo.Conn
	local   net.Addr
	single  bool                 // the peer is real rpcx: one stream, ever
	running *sync.WaitGroup      // the goroutines that wait for the end of streams
	grace   func() time.Duration // how long it may be without streams
	reaper  *time.Timer
	guest   *guest // of a listener; nil for a client

	mu      sync.Mutex // guards what follows
	streams int
	used    bool // had a stream
	ended   bool
}

func newSession(conn *quicgo.Conn, local net.Addr, running *sync.WaitGroup, grace func() time.Duration) *session {
	s := &session{
		conn:    conn,
		local:   local,
		single:  conn.ConnectionState().TLS.NegotiatedProtocol != protocolStreams,
		running: running,
		grace:   grace,
	}
	s.guest, _ = conn.Context().Value(guestKey{}).(*guest)
	s.reaper = time.AfterFunc(streamless, s.endIfEmpty)
	return s
}

// acquire takes the place of a stream. It reports false when there is none.
func (s *session) acquire() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.single && s.used {
		return false
	}
	s.used = true
	s.streams++
	s.reaper.Stop()
	return true
}

// release gives the place of a stream back.
func (s *session) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams--
	if s.streams == 0 {
		s.reaper.Reset(s.grace())
	}
}

// hurry has a session without streams end as soon as its grace now says.
func (s *session) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams == 0 && !s.ended {
		s.reaper.Reset(s.grace())
	}
}

// endIfEmpty closes the connection unless it has a stream.
func (s *session) endIfEmpty() {
	s.mu.Lock()
	empty := s.streams == 0
	s.ended = s.ended || empty
	s.mu.Unlock()
	if empty {
		_ = s.conn.CloseWithError(codeNone, "") // its error says that it was closed before
	}
}
