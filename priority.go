// SPDX-License-Identifier: Apache-2.0

package rpcx

import (
	"context"
	"fmt"

	"github.com/rpcx-go/rpcx/internal/callctx"
)

// Priority says which calls a server that has too many refuses first.
type Priority int8

// The priorities. What nobody waits for, such as the work of a batch, is low.
const (
	LowPriority    Priority = -1
	NormalPriority Priority = 0
	HighPriority   Priority = 1
)

// priorityKey is the metadata key of the priority. It means nothing to rpcx.
const priorityKey = "__rpcx_priority"

// String returns "low", "normal" or "high", as it is on the wire.
func (p Priority) String() string {
	switch p {
	case LowPriority:
		return "low"
	case NormalPriority:
		return "normal"
	case HighPriority:
		return "high"
	default:
		return fmt.Sprintf("priority %d", int8(p))
	}
}

// WithPriority returns a context whose calls have the given priority. Like all metadata
// it does not pass by itself from a call that came in to calls that go out.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return WithMetadata(ctx, Pairs(priorityKey, p.String()))
}

// PriorityOf returns the priority that a call's metadata says, NormalPriority if none or
// one that is not known.
func PriorityOf(header Metadata) Priority {
	switch header.Get(priorityKey) {
	case "low":
		return LowPriority
	case "high":
		return HighPriority
	default:
		return NormalPriority
	}
}

// IncomingPriority returns the priority of the call that a handler was given ctx for;
// NormalPriority outside of a handler.
func IncomingPriority(ctx context.Context) Priority {
	in, ok := ctx.Value(callctx.Key{}).(interface{ Metadata() Metadata })
	if !ok {
		return NormalPriority
	}
	return PriorityOf(in.Metadata())
}
