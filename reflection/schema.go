// SPDX-License-Identifier: Apache-2.0

package reflection

import (
	"bytes"
	"encoding/json"
)

// schema is a JSON Schema. Its zero value permits everything.
type schema struct {
	Ref                  string          `json:"$ref,omitempty"`
	Description          string          `json:"description,omitempty"`
	Deprecated           bool            `json:"deprecated,omitempty"`
	Type                 any             `json:"type,omitempty"` // a string or several
	Format               string          `json:"format,omitempty"`
	ContentEncoding      string          `json:"contentEncoding,omitempty"`
	Pattern              string          `json:"pattern,omitempty"`
	Minimum              *int64          `json:"minimum,omitempty"`
	Maximum              *int64          `json:"maximum,omitempty"`
	MinItems             *int            `json:"minItems,omitempty"`
	MaxItems             *int            `json:"maxItems,omitempty"`
	Items                *schema         `json:"items,omitempty"`
	Properties           members         `json:"properties,omitempty"`
	PropertyNames        *schema         `json:"propertyNames,omitempty"`
	AdditionalProperties *schema         `json:"additionalProperties,omitempty"`
	AnyOf                []*schema       `json:"anyOf,omitempty"`
	Not                  *schema         `json:"not,omitempty"`
	ReadOnly             bool            `json:"readOnly,omitempty"`
	GoType               string          `json:"x-go-type,omitempty"`
	OmitEmpty            bool            `json:"x-omitempty,omitempty"`
	MsgpackName          string          `json:"x-msgpack-name,omitempty"`
	MsgpackType          string          `json:"x-msgpack-type,omitempty"`
	MsgpackProperties    members         `json:"x-msgpack-properties,omitzero"` // if they are others
	ProtobufMessage      string          `json:"x-protobuf-message,omitempty"`
	ProtobufEnum         string          `json:"x-protobuf-enum,omitempty"`
	EnumValues           enumValues      `json:"x-enum-values,omitempty"`
	ProtobufNumber       int             `json:"x-protobuf-number,omitempty"`
	ProtobufType         string          `json:"x-protobuf-type,omitempty"`
	ProtobufJSONName     string          `json:"x-protobuf-json-name,omitempty"`
	ProtobufOneof        string          `json:"x-protobuf-oneof,omitempty"`
	ThriftID             string          `json:"x-thrift-id,omitempty"`
	Own                  json.RawMessage `json:"-"` // what a type says of itself, instead of all that
}

// member is a property. They stay in the order of the fields.
type member struct {
	name   string
	schema *schema
}

type members []member

// MarshalJSON writes an object.
func (ms members) MarshalJSON() ([]byte, error) {
	return object(ms, func(m member) (string, any) { return m.name, m.schema })
}

type enumValue struct {
	name   string
	number int32
}

type enumValues []enumValue

// MarshalJSON writes an object.
func (vs enumValues) MarshalJSON() ([]byte, error) {
	return object(vs, func(v enumValue) (string, any) { return v.name, v.number })
}

// object writes a JSON object whose members have an order.
func object[E any](elements []E, member func(E) (string, any)) ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, e := range elements {
		name, value := member(e)
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(key)
		out.WriteByte(':')
		out.Write(text)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// MarshalJSON writes the schema.
func (s *schema) MarshalJSON() ([]byte, error) {
	if s.Own != nil {
		return s.Own, nil
	}
	type plain schema
	return json.Marshal((*plain)(s))
}

// text returns the schema as JSON.
func (s *schema) text() json.RawMessage {
	text, err := json.Marshal(s)
	if err != nil { // what a type says of itself was checked; the rest always can be
		return json.RawMessage("{}")
	}
	return text
}

// orNull returns a schema that permits null besides. s is none of what a type says of
// itself.
func (s *schema) orNull() *schema {
	null := &schema{Type: "null"}
	switch {
	case s.Ref == "" && s.AnyOf == nil && s.Type == nil && s.Not == nil: // anything
		return s
	case s.AnyOf != nil:
		s.AnyOf = append(s.AnyOf, null)
		return s
	}
	if kind, ok := s.Type.(string); ok {
		s.Type = []string{kind, "null"}
		return s
	}
	if _, several := s.Type.([]string); several {
		return s
	}
	return &schema{AnyOf: []*schema{s, null}}
}
