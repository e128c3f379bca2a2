// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"strings"
	"testing"
)

// Clients may leave the arguments out, or put them into a list as if they went by position.
func TestJSONRPCParams(t *testing.T) {
	t.Parallel()
	w := onTCP(t).arith()
	for params, want := range map[string]string{
		``:                          `"result":{"C":0}`,
		`,"params":{"A":6,"B":7}`:   `"result":{"C":42}`,
		`,"params":[{"A":6,"B":7}]`: `"result":{"C":42}`,
		`,"params":[6,7]`:           `"message":"params must be an object, unless Arith.Mul takes a list: arguments of Arith.Mul`,
		`,"params":[{},{}]`:         `"message":"params must be an object, unless Arith.Mul takes a list: arguments of Arith.Mul`,
		`,"params":null`:            `"message":"params is null, want an object, or none"`,
	} {
		body := `{"jsonrpc":"2.0","method":"Arith.Mul","id":1` + params + `}`
		if res, text := w.post(t, "/", body, "Content-Type", jsonType); res.StatusCode != 200 || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s, want %s", body, res.StatusCode, text, want)
		}
	}
}
