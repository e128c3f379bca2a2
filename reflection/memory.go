// SPDX-License-Identifier: Apache-2.0

package reflection

import (
	"slices"
	"sync"

	"github.com/rpcx-go/rpcx"
)

// maxMemory is how many bytes of answers are kept.
const maxMemory = 16 << 20

// memory holds answers for as long as the same is registered: to make one of many types
// takes much longer than to ask for it.
type memory struct {
	mu      sync.Mutex // guards what follows
	of      []rpcx.ServiceInfo
	answers map[string][]byte
	bytes   int
}

// get returns the answer to a question about services, nil if it is not known.
func (m *memory) get(of []rpcx.ServiceInfo, question string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !same(m.of, of) {
		m.of, m.answers, m.bytes = of, make(map[string][]byte), 0
	}
	return m.answers[question]
}

// keep keeps an answer, unless it has been overtaken.
func (m *memory) keep(of []rpcx.ServiceInfo, question string, text []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.answers[question] != nil || !same(m.of, of) {
		return
	}
	if m.bytes += len(text); m.bytes > maxMemory {
		m.answers, m.bytes = make(map[string][]byte), len(text)
	}
	m.answers[question] = text
}

// same reports whether the same is registered.
func same(a, b []rpcx.ServiceInfo) bool {
	return slices.EqualFunc(a, b, func(a, b rpcx.ServiceInfo) bool {
		return a.Name == b.Name && a.Builtin == b.Builtin && slices.Equal(a.Methods, b.Methods)
	})
}
