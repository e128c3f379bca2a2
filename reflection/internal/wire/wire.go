// SPDX-License-Identifier: Apache-2.0

// Package wire holds the arguments and replies of the reflection service: text, in the
// form that each codec has for it. Bytes as such are raw. JSON has a string, and a
// document in itself. MessagePack has a str. In Protocol Buffers the text is field 1, as
// in google.protobuf.StringValue.
package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Name is the name of a service, "" for all of them. In JSON it may be an object or null
// as well, which is how gateways write that there are no arguments.
type Name []byte

// Text is Go source.
type Text []byte

// Document is a JSON document.
type Document []byte

var errNoText = errors.New("want the name of a service as text")

// UnmarshalJSON implements json.Unmarshaler.
func (n *Name) UnmarshalJSON(data []byte) error {
	if data[0] == '{' || data[0] == 'n' {
		*n = nil
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return errNoText
	}
	*n = Name(text)
	return nil
}

// MarshalJSON implements json.Marshaler.
func (n Name) MarshalJSON() ([]byte, error) { return json.Marshal(string(n)) }

// JSONSchema describes what UnmarshalJSON takes.
func (Name) JSONSchema() []byte {
	return []byte(`{"type":["string","object","null"],"description":"the name of a service; none says all of them"}`)
}

// MarshalJSON implements json.Marshaler.
func (t Text) MarshalJSON() ([]byte, error) { return json.Marshal(string(t)) }

// JSONSchema describes what MarshalJSON writes.
func (Text) JSONSchema() []byte { return []byte(`{"type":"string","description":"Go source"}`) }

// MarshalJSON implements json.Marshaler.
func (d Document) MarshalJSON() ([]byte, error) { return d, nil }

// JSONSchema describes what MarshalJSON writes.
func (Document) JSONSchema() []byte {
	return []byte(`{"type":"object","properties":{"services":{"type":"array","items":{"type":"object"}}}}`)
}

// MarshalMsg appends a str of MessagePack.
func (t Text) MarshalMsg(b []byte) ([]byte, error) { return AppendStr(b, t) }

// MarshalMsg appends a str of MessagePack.
func (d Document) MarshalMsg(b []byte) ([]byte, error) { return AppendStr(b, d) }

// UnmarshalMsg reads a str or bin of MessagePack; anything else is no name.
func (n *Name) UnmarshalMsg(b []byte) ([]byte, error) {
	text, rest, ok := CutStr(b)
	if !ok && len(b) > 0 && (b[0]&0xf0 == 0x80 || b[0] == 0xc0) { // a map, nil
		text, rest, ok = nil, nil, true
	}
	if !ok {
		return b, errNoText
	}
	*n = append((*n)[:0], text...)
	return rest, nil
}

// Marshal implements what generated messages do.
func (t Text) Marshal() ([]byte, error) { return AppendField(nil, t), nil }

// Marshal implements what generated messages do.
func (d Document) Marshal() ([]byte, error) { return AppendField(nil, d), nil }

// Unmarshal implements what generated messages do.
func (n *Name) Unmarshal(b []byte) error {
	text, err := Field(b)
	*n = append((*n)[:0], text...)
	return err
}

// AppendStr appends text as MessagePack.
func AppendStr(b, text []byte) ([]byte, error) {
	switch n := len(text); {
	case n < 32:
		b = append(b, 0xa0|byte(n))
	case n > math.MaxUint32:
		return b, errors.New("text is too long for MessagePack")
	default:
		b = binary.BigEndian.AppendUint32(append(b, 0xdb), uint32(n))
	}
	return append(b, text...), nil
}

// CutStr cuts a str or bin of MessagePack off b.
func CutStr(b []byte) (text, rest []byte, ok bool) {
	if len(b) == 0 {
		return nil, b, false
	}
	var n, head int
	switch kind := b[0]; {
	case kind&0xe0 == 0xa0:
		n, head = int(kind&0x1f), 1
	case (kind == 0xd9 || kind == 0xc4) && len(b) >= 2:
		n, head = int(b[1]), 2
	case (kind == 0xda || kind == 0xc5) && len(b) >= 3:
		n, head = int(binary.BigEndian.Uint16(b[1:])), 3
	case (kind == 0xdb || kind == 0xc6) && len(b) >= 5:
		n, head = int(binary.BigEndian.Uint32(b[1:])), 5
	default:
		return nil, b, false
	}
	if n > len(b)-head {
		return nil, b, false
	}
	return b[head : head+n], b[head+n:], true
}

// AppendField appends text as a message of Protocol Buffers.
func AppendField(b, text []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, 1, protowire.BytesType), text)
}

// Field returns field 1 of a message of Protocol Buffers.
func Field(b []byte) (text []byte, err error) {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		b = b[n:]
		if number == 1 && kind == protowire.BytesType {
			if text, n = protowire.ConsumeBytes(b); n < 0 {
				return nil, protowire.ParseError(n)
			}
		} else if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
			return nil, protowire.ParseError(n)
		}
		b = b[n:]
	}
	return text, nil
}
