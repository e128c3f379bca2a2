// SPDX-License-Identifier: Apache-2.0

package rpctest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/rpcx-go/rpcx/rpctest"
)

// Args and Reply are what the service of the tests takes and gives.
type (
	Args  struct{ A, B int }
	Reply struct{ C int }
	Arith struct{}
)

// Mul multiplies.
func (*Arith) Mul(_ context.Context, args *Args, reply *Reply) error {
	reply.C = args.A * args.B
	return nil
}

// TestMul is what a test of the service looks like.
func TestMul(t *testing.T) {
	t.Parallel()
	arith := rpctest.Serve(t, "Arith", new(Arith))
	reply := new(Reply)
	if err := arith.Call(t.Context(), "Mul", &Args{6, 7}, reply); err != nil || reply.C != 42 {
		t.Errorf("6 times 7 is %d, %v", reply.C, err)
	}
}

func Example() {
	t := new(exampleT) // in a test: t *testing.T
	defer t.end()

	arith := rpctest.Serve(t, "Arith", new(Arith))
	reply := new(Reply)
	err := arith.Call(t.Context(), "Mul", &Args{6, 7}, reply)
	fmt.Println(reply.C, err)
	// Output: 42 <nil>
}

// exampleT stands for the *testing.T that an example does not have.
type exampleT struct {
	testing.TB
	cleanups []func()
}

func (t *exampleT) Helper()                  {}
func (t *exampleT) Context() context.Context { return context.Background() }
func (t *exampleT) Cleanup(f func())         { t.cleanups = append(t.cleanups, f) }

// end runs what was left to the end of the test.
func (t *exampleT) end() {
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
}
