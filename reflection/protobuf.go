// SPDX-License-Identifier: Apache-2.0

package reflection

import (
	"reflect"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// readsMessage reports whether the codec for Protocol Buffers decodes into a type.
func readsMessage(t reflect.Type) bool {
	return has[protoreflect.ProtoMessage](t) || has[interface{ Unmarshal([]byte) error }](t) || has[interface{ UnmarshalVT([]byte) error }](t)
}

// writesMessage reports whether the codec for Protocol Buffers encodes a type.
func writesMessage(t reflect.Type) bool {
	return has[protoreflect.ProtoMessage](t) || has[interface{ Marshal() ([]byte, error) }](t) ||
		has[interface{ MarshalToSizedBufferVT([]byte) (int, error) }](t)
}

// describeMessage adds what Protocol Buffers know of a message or an enumeration. JSON
// and MessagePack see the struct that was generated for a message, and an enumeration is
// a number for them.
func describeMessage(s *schema, t reflect.Type) {
	defer func() { _ = recover() }() // a message that was not made by generated code
	switch {
	case has[protoreflect.ProtoMessage](t):
		m, _ := reflect.New(t).Interface().(protoreflect.ProtoMessage)
		d := m.ProtoReflect().Descriptor()
		s.ProtobufMessage = string(d.FullName())
		if d.Fields().Len() > 0 && len(s.Properties) == 0 && s.Type == "object" {
			s.Description = "only Protocol Buffers carry what this message holds: its fields have no names in Go"
		}
	case has[protoreflect.Enum](t):
		e, _ := reflect.Zero(t).Interface().(protoreflect.Enum)
		d := e.Descriptor()
		s.ProtobufEnum = string(d.FullName())
		if s.Type == nil { // of proto2, which reads names as well
			s.Type, s.Description = []string{"integer", "string"}, ""
		}
		values := d.Values()
		for i := range values.Len() {
			v := values.Get(i)
			s.EnumValues = append(s.EnumValues, enumValue{string(v.Name()), int32(v.Number())})
		}
	}
}

// describeField adds what the tags of generated code say about a field.
func describeField(s *schema, f field) {
	s.ProtobufOneof = f.Tag.Get("protobuf_oneof")
	if id := strings.Split(f.Tag.Get("thrift"), ","); len(id) > 1 {
		s.ThriftID = id[1]
	}
	tag := strings.Split(f.Tag.Get("protobuf"), ",")
	if len(tag) < 2 {
		return
	}
	s.ProtobufType = tag[0]
	s.ProtobufNumber, _ = strconv.Atoi(tag[1]) // as generated code has it
	for _, option := range tag[2:] {
		if name, ok := strings.CutPrefix(option, "json="); ok {
			s.ProtobufJSONName = name
		}
	}
}
