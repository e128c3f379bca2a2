// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/rpctest"
)

// Large replies keep the memory of their frames, and small ones are copied: whichever
// way, each caller gets its own, also when it reads long after.
func TestLargeReplies(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t)
	handle(t, s.Server, "Large", func(_ context.Context, args, reply *[]byte) error {
		*reply = bytes.Repeat(*args, 1<<(10+int((*args)[0])%8))
		return nil
	})
	for name, opt := range map[string]client.Option{
		"plain":       {},
		"compressed":  {CompressType: protocol.Gzip},
		"MessagePack": {SerializeType: protocol.MsgPack},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := s.Client(t, "S", opt)
			var callers sync.WaitGroup
			for g := range 4 {
				callers.Go(func() {
					var kept [8][]byte
					for i := range 40 {
						args := []byte{byte(i), byte(g), 'x', 'y'}
						var reply []byte
						if err := x.Call(t.Context(), "Large", args, &reply); err != nil {
							t.Errorf("call %d: %v", i, err)
							return
						}
						kept[i%8] = reply
						if i%8 == 7 {
							check(t, kept, i-7, g)
						}
					}
				})
			}
			callers.Wait()
		})
	}
}

// check compares the replies to eight calls in a row.
func check(t *testing.T, replies [8][]byte, first, caller int) {
	t.Helper()
	for i, reply := range replies {
		args := []byte{byte(first + i), byte(caller), 'x', 'y'}
		if !bytes.Equal(reply, bytes.Repeat(args, 1<<(10+(first+i)%8))) {
			t.Errorf("call %d of caller %d: a reply of %d bytes is not its own", first+i, caller, len(reply))
		}
	}
}

// A raw answer is the caller's for good.
func TestLargeRawAnswer(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t)
	handle(t, s.Server, "M", echo)
	c := s.Dial(t, client.Option{})
	send := func(fill byte) []byte {
		m := &protocol.Message{Service: "S", Method: "M", Payload: bytes.Repeat([]byte{fill}, 300<<10)}
		answer, err := c.SendRaw(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		return answer.Payload
	}
	first := send('a')
	send('b')
	if !bytes.Equal(first, bytes.Repeat([]byte("a"), 300<<10)) {
		t.Error("the answer changed with the next call")
	}
}
