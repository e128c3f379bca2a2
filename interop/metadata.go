// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"fmt"
	"maps"
)

// metadata sends pairs and gets others back.
func metadata(ctx context.Context, c *cell) (noteID, error) {
	sent := map[string]string{"caller": c.name, "empty": "", "": "no key", "schlüssel": "värde ключ 鍵", "bytes": "\x00\xff\r\n"}
	cl, err := c.open()
	if err != nil {
		return good, err
	}
	defer cl.close()
	given := maps.Clone(sent)
	reply := c.dialect.reply()
	got, err := cl.call(ctx, "Meta", c.dialect.args(c.ask("meta")), reply, given)
	if err != nil {
		return good, fmt.Errorf("Meta: %w", err)
	}
	if n := c.dialect.read(reply).C; n != int64(len(sent)) {
		return good, fmt.Errorf("the handler saw %d pairs, want %d", n, len(sent))
	}
	for k, v := range sent {
		if back, there := got["re:"+k]; !there || back != v {
			return good, fmt.Errorf("%q came back as %q, %v, want %q", k, back, there, v)
		}
	}
	if !maps.Equal(given, sent) {
		return good, fmt.Errorf("the caller's map was changed to %q", given)
	}
	// Nothing of it may stick to the connection.
	reply = c.dialect.reply() // an empty payload would leave the old one as it is
	if got, err = cl.call(ctx, "Meta", c.dialect.args(c.ask("none")), reply, nil); err != nil {
		return good, err
	}
	if n := c.dialect.read(reply).C; n != 0 || len(got) != 0 {
		return good, fmt.Errorf("a call without metadata arrived with %d pairs and came back with %q", n, got)
	}
	return good, nil
}
