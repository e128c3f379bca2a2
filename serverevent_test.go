// SPDX-License-Identifier: Apache-2.0

package rpcx_test

import (
	"context"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx"
)

// plainObserver wants to know of calls alone.
type plainObserver struct{}

func (plainObserver) CallStart(ctx context.Context, _ *rpcx.CallInfo) context.Context { return ctx }
func (plainObserver) CallEnd(context.Context, *rpcx.CallInfo, *rpcx.CallResult)       {}

type serverObserver struct {
	plainObserver
	told *[]rpcx.ServerEventKind
}

func (o serverObserver) ServerEvent(e *rpcx.ServerEvent) { *o.told = append(*o.told, e.Kind) }

// Whoever wants to know of a server's events is told, among others who do not.
func TestServerEventsReachAll(t *testing.T) {
	t.Parallel()
	var told []rpcx.ServerEventKind
	o := serverObserver{told: &told}
	all, ok := rpcx.MultiObserver(o, plainObserver{}, o).(rpcx.ServerObserver)
	if !ok {
		t.Fatal("several observers are no ServerObserver")
	}
	all.ServerEvent(&rpcx.ServerEvent{Kind: rpcx.CallRefused})
	if len(told) != 2 || told[0] != rpcx.CallRefused {
		t.Errorf("told %v", told)
	}
}

func TestServerEventKindsHaveNames(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for k := rpcx.ConnRefused; k <= rpcx.HealthChanged; k++ {
		if s := k.String(); seen[s] || strings.HasPrefix(s, "server event") {
			t.Errorf("%d is called %q", k, s)
		}
		seen[k.String()] = true
	}
	if got := rpcx.ServerEventKind(99).String(); got != "server event 99" {
		t.Error(got)
	}
}
