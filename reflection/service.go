// SPDX-License-Identifier: Apache-2.0

package reflection

import (
	"encoding/json"
	"errors"
	"reflect"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/reflection/internal/wire"
)

// Description is the reply of Describe and List, for every codec but raw bytes, which
// hold its JSON.
type Description struct {
	Services []Service `json:"services"`
}

// Service is a service as it is described. It is a document of its own: references in
// its schemas lead to Defs.
//
// A schema describes the plain JSON of a type. What other codecs do differently is said
// beside: x-msgpack-name and x-msgpack-type for MessagePack, x-protobuf-number and
// x-protobuf-type for Protocol Buffers, x-thrift-id for Thrift; x-go-type is the type's
// name in Go. No member is required: what a request lacks is zero. A reply has all
// members but those with x-omitempty.
type Service struct {
	Name    string   `json:"name"`
	Doc     string   `json:"doc,omitempty"`
	Builtin bool     `json:"builtin,omitempty"` // reflection and health, not a user's
	Methods []Method `json:"methods"`
	// Defs holds the schemas of types that have a name.
	Defs map[string]json.RawMessage `json:"$defs,omitempty"`
}

// Method is a method of a Service.
type Method struct {
	Name       string `json:"name"`
	Doc        string `json:"doc,omitempty"`
	Deprecated bool   `json:"deprecated,omitempty"` // its comment says so
	// Raw says that a handler of frames serves the method, of which nothing else is known.
	Raw   bool            `json:"raw,omitempty"`
	Args  json.RawMessage `json:"args,omitempty"`  // JSON Schema 2020-12
	Reply json.RawMessage `json:"reply,omitempty"` // JSON Schema 2020-12
	// Codecs are the names of the codecs that it can be called with, "json" first.
	Codecs []string `json:"codecs,omitempty"`
}

// Schema returns one of the schemas of s, such as a method's Args, as a document of its own.
func (s *Service) Schema(of json.RawMessage) json.RawMessage {
	document := struct {
		Schema string                     `json:"$schema"`
		AllOf  []json.RawMessage          `json:"allOf"`
		Defs   map[string]json.RawMessage `json:"$defs,omitempty"`
	}{"https://json-schema.org/draft/2020-12/schema", []json.RawMessage{of}, s.Defs}
	text, err := json.Marshal(document)
	if err != nil { // of is none of s
		return json.RawMessage("false")
	}
	return text
}

// Describe describes services. docs are comments as Comments finds them, or nil.
func Describe(services []rpcx.ServiceInfo, docs Docs) Description {
	d := Description{Services: make([]Service, 0, len(services))}
	left := maxNodes
	for _, info := range services {
		d.Services = append(d.Services, describe(info, docs, &left))
	}
	return d
}

// describe describes a service. left is how many schemas all of it may have.
func describe(info rpcx.ServiceInfo, docs Docs, left *int) Service {
	s := Service{Name: info.Name, Builtin: builtin(info), Methods: make([]Method, 0, len(info.Methods))}
	b := newBuilder(docs, left)
	for _, m := range info.Methods {
		method := Method{Name: m.Name, Raw: m.Args == nil, Doc: docs[m.Func]}
		method.Deprecated = deprecated(method.Doc)
		if s.Doc == "" {
			s.Doc = docs[receiverOf(m.Func)]
		}
		if !method.Raw {
			method.Args, method.Reply = b.schema(m.Args, 0).text(), b.schema(m.Reply, 0).text()
			method.Codecs = codecs(m.Args, m.Reply)
		}
		s.Methods = append(s.Methods, method)
	}
	s.Defs = b.texts()
	return s
}

// names returns services without anything but names.
func names(services []rpcx.ServiceInfo) Description {
	d := Description{Services: make([]Service, 0, len(services))}
	for _, info := range services {
		s := Service{Name: info.Name, Builtin: builtin(info), Methods: make([]Method, 0, len(info.Methods))}
		for _, m := range info.Methods {
			s.Methods = append(s.Methods, Method{Name: m.Name, Raw: m.Args == nil})
		}
		d.Services = append(d.Services, s)
	}
	return d
}

// builtin reports whether a service is one that a user did not write.
func builtin(info rpcx.ServiceInfo) bool { return info.Builtin || info.Name == ServiceName }

// codecs returns the names of the codecs by which a method with these types can be called.
func codecs(args, reply reflect.Type) []string {
	fit := []string{"json", "msgpack"}
	if isBytes(args) && isBytes(reply) {
		fit = append(fit, "raw")
	}
	if readsMessage(args) && writesMessage(reply) {
		fit = append(fit, "protobuf")
	}
	if isThrift(args) && isThrift(reply) {
		fit = append(fit, "thrift")
	}
	return fit
}

func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

// isThrift reports whether a type has the methods of generated structs.
func isThrift(t reflect.Type) bool {
	write, ok := reflect.PointerTo(t).MethodByName("Write")
	return ok && write.Type.NumIn() == 3 && write.Type.In(2).String() == "thrift.TProtocol"
}

var errNoDescription = errors.New("reflection: the reply is no description")

// UnmarshalMsg reads MessagePack.
func (d *Description) UnmarshalMsg(b []byte) ([]byte, error) {
	text, rest, ok := wire.CutStr(b)
	if !ok {
		return b, errNoDescription
	}
	return rest, json.Unmarshal(text, d)
}

// MarshalMsg appends MessagePack.
func (d Description) MarshalMsg(b []byte) ([]byte, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return b, err
	}
	return wire.AppendStr(b, text)
}

// Unmarshal reads Protocol Buffers.
func (d *Description) Unmarshal(b []byte) error {
	text, err := wire.Field(b)
	if err != nil {
		return err
	}
	if len(text) == 0 {
		return errNoDescription
	}
	return json.Unmarshal(text, d)
}

// Marshal returns Protocol Buffers.
func (d Description) Marshal() ([]byte, error) {
	text, err := json.Marshal(d)
	return wire.AppendField(nil, text), err
}
