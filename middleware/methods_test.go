// SPDX-License-Identifier: Apache-2.0

package middleware

import "testing"

func TestMethodsFind(t *testing.T) {
	t.Parallel()
	m := newMethods(map[string]int{"*": 1, "Arith": 2, "Arith.Mul": 3, "pkg.Greeter.*": 4, "pkg.Greeter.Hi": 5})
	tests := []struct {
		service, method string
		want            int
	}{
		{"Arith", "Mul", 3},
		{"Arith", "Div", 2},
		{"Other", "Mul", 1},
		{"pkg.Greeter", "Hi", 5},
		{"pkg.Greeter", "Bye", 4},
		{"pkg", "Greeter.Hi", 1}, // not the same name, though it reads the same
	}
	for _, tt := range tests {
		if got, ok := m.find(tt.service, tt.method); !ok || got != tt.want {
			t.Errorf("find(%q, %q) = %d, %v, want %d", tt.service, tt.method, got, ok, tt.want)
		}
	}
	if got, ok := newMethods(map[string]int{"A.B": 1}).find("A", "C"); ok {
		t.Errorf("found %d for a method that no line names", got)
	}
}

func TestMethodsFindDoesNotAllocate(t *testing.T) {
	m := newMethods(map[string]int{"*": 1})
	if n := testing.AllocsPerRun(100, func() { m.find("Arith", "Mul") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
