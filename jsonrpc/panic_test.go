// SPDX-License-Identifier: Apache-2.0

package jsonrpc_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/jsonrpc"
	"github.com/rpcx-go/rpcx/protocol"
)

// thrower is a Dispatcher that panics.
type thrower struct{ cause any }

func (t thrower) Dispatch(context.Context, rpcx.Peer, *protocol.Message) (*protocol.Message, error) {
	panic(t.cause)
}

// A panic of the Dispatcher is that of the request, in a batch as well: whoever serves HTTP
// recovers from it, which he cannot on a goroutine of ours.
func TestPanicInDispatcher(t *testing.T) {
	t.Parallel()
	const one = `{"jsonrpc":"2.0","method":"S.Echo","params":{},"id":1}`
	for name, body := range map[string]string{"single": one, "batch": "[" + one + "," + one + "]"} {
		for _, cause := range []any{"oops", http.ErrAbortHandler} {
			func() {
				defer func() {
					r := recover()
					if r == nil || !strings.Contains(fmt.Sprint(r), fmt.Sprint(cause)) || cause == any(http.ErrAbortHandler) && r != cause {
						t.Errorf("%s: recovered %v, want %v", name, r, cause)
					}
				}()
				r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				jsonrpc.New(thrower{cause}).ServeHTTP(httptest.NewRecorder(), r)
			}()
		}
	}
}
