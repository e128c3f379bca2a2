// SPDX-License-Identifier: Apache-2.0

package reflection_test

import (
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Fake says that it is a message, and is none.
type Fake struct{ A int }

func (*Fake) ProtoReflect() protoreflect.Message { panic("not generated") }

func TestProtobuf(t *testing.T) {
	t.Parallel()
	field := describe[descriptorpb.FieldDescriptorProto](nil)
	enum := string(field.Defs["descriptorpb.FieldDescriptorProto_Label"])
	tests := map[string]struct{ got, want string }{
		"message": {
			def(describe[timestamppb.Timestamp](nil)), `{"type":"object","properties":{` +
				`"seconds":{"type":"integer","format":"int64","x-omitempty":true,"x-msgpack-name":"Seconds","x-protobuf-number":1,"x-protobuf-type":"varint"},` +
				`"nanos":{"type":"integer","format":"int32","minimum":-2147483648,"maximum":2147483647,"x-omitempty":true,"x-msgpack-name":"Nanos","x-protobuf-number":2,"x-protobuf-type":"varint"}},` +
				`"x-go-type":"timestamppb.Timestamp","x-protobuf-message":"google.protobuf.Timestamp"}`,
		},
		"enumeration": {
			enum, `{"type":["integer","string"],"x-go-type":"descriptorpb.FieldDescriptorProto_Label",` +
				`"x-protobuf-enum":"google.protobuf.FieldDescriptorProto.Label","x-enum-values":{"LABEL_OPTIONAL":1,"LABEL_REPEATED":3,"LABEL_REQUIRED":2}}`,
		},
		"open enumeration": {
			def(describe[structpb.NullValue](nil)), `{"type":"integer","format":"int32","minimum":-2147483648,"maximum":2147483647,"x-go-type":"structpb.NullValue",` +
				`"x-protobuf-enum":"google.protobuf.NullValue","x-enum-values":{"NULL_VALUE":0}}`,
		},
		"panics": {def(describe[Fake](nil)), `{"type":"object","properties":{"A":{"type":"integer","format":"int64"}},"x-go-type":"reflection_test.Fake"}`},
	}
	for name, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", name, tt.got, tt.want)
		}
	}
	var def struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(field.Defs["descriptorpb.FieldDescriptorProto"], &def); err != nil {
		t.Fatal(err)
	}
	if got := string(def.Properties["type_name"]); !strings.Contains(got, `"x-protobuf-json-name":"typeName"`) || !strings.Contains(got, `"x-msgpack-name":"TypeName"`) {
		t.Errorf("names: %s", got)
	}
	if got := field.Methods[0].Codecs; strings.Join(got, " ") != "json msgpack protobuf" {
		t.Errorf("codecs: %v", got)
	}
}
