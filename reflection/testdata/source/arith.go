// SPDX-License-Identifier: Apache-2.0

// Package arith is not compiled: it is source whose comments are read.
package arith

// Arith does sums.
type Arith struct{}

// Mul multiplies.
//
// Deprecated: use Add, often.
func (t *Arith) Mul(a, b int) int { return a * b }

// Sum is a function.
func Sum() {}

type (
	// Args are two numbers.
	Args struct {
		// A is the first.
		A    int
		B    int // the second
		C, D int // others
		E    int
	}

	Bare int
)

// List is generic.
type List[T any] []T

// Len is a method of a generic type.
func (l List[T]) Len() int { return len(l) }
