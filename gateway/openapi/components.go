// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/rpcx-go/rpcx/reflection"
)

// add adds the schemas of a service. The result says what becomes of a schema that refers
// to them. A service whose schemas are other ones than those that are there under the
// same names has all of its own apart.
func (c *components) add(s *reflection.Service) func(json.RawMessage) json.RawMessage {
	suffix := ""
	for name, text := range s.Defs {
		if there, taken := c.Schemas[name]; taken && !bytes.Equal(there, rewrite(text, "")) {
			suffix = c.freeSuffix(s)
			break
		}
	}
	for name, text := range s.Defs {
		if !unfit.MatchString(name) { // it is not from package reflection
			c.Schemas[name+suffix] = rewrite(text, suffix)
		}
	}
	return func(schema json.RawMessage) json.RawMessage { return rewrite(schema, suffix) }
}

// unfit matches what must not be in the name of a component.
var unfit = regexp.MustCompile(`[^A-Za-z0-9._-]+`) //nolint:gochecknoglobals // a constant

// freeSuffix returns what none of the names that are there ends with.
func (c *components) freeSuffix(s *reflection.Service) string {
	suffix := "-" + unfit.ReplaceAllString(s.Name, "_")
	for {
		taken := false
		for name := range c.Schemas {
			taken = taken || strings.HasSuffix(name, suffix)
		}
		if !taken {
			return suffix
		}
		suffix += "_"
	}
}

// definition matches a reference to a definition of the same service. The text is compact, and quotes within
// a text of JSON are escaped, so that nothing else looks like one.
var definition = regexp.MustCompile(`"\$ref":"#/\$defs/([A-Za-z0-9._-]+)"`) //nolint:gochecknoglobals // a constant

// rewrite makes references to definitions lead to components. What is no schema becomes
// one that permits everything.
func rewrite(schema json.RawMessage, suffix string) json.RawMessage {
	var compact bytes.Buffer
	if json.Compact(&compact, schema) != nil || !bytes.HasPrefix(compact.Bytes(), []byte("{")) {
		return json.RawMessage("{}")
	}
	return definition.ReplaceAll(compact.Bytes(), []byte(`"$$ref":"#/components/schemas/${1}`+suffix+`"`))
}
