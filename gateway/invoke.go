// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"unicode"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/httpcall"
	"github.com/rpcx-go/rpcx/protocol"
)

// The headers of rpcx's convention, as package http writes them. The type of a message
// is spelled in two ways, and read by nobody.
const (
	versionHeader   = "X-Rpcx-Version"
	idHeader        = "X-Rpcx-Messageid"
	onewayHeader    = "X-Rpcx-Oneway"
	serializeHeader = "X-Rpcx-Serializetype"
	compressHeader  = "X-Rpcx-Compresstype"
	serviceHeader   = "X-Rpcx-Servicepath"
	methodHeader    = "X-Rpcx-Servicemethod"
	statusHeader    = "X-Rpcx-Messagestatustype"
	errorHeader     = "X-Rpcx-Errormessage"
	codeHeader      = "X-Rpcx-Errorcode" // ours
)

// IsInvoke reports whether a request is a call by rpcx's headers. No page in a browser
// can send them to another site without asking that first.
func IsInvoke(r *http.Request) bool {
	return r.Header.Get(serializeHeader) != "" || r.Header.Get(serviceHeader) != "" || r.Header.Get(methodHeader) != ""
}

// allowed is what rpcx answers to other methods.
const allowed = "GET, OPTIONS, POST, PUT"

// invoke serves a call by rpcx's headers.
func (h *Handler) invoke(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodGet:
	default:
		refuseMethod(w, r)
		return
	}
	echo(w.Header(), r.Header)
	call, err := readInvoke(r)
	if call.Service != "" {
		w.Header().Set(serviceHeader, call.Service)
	}
	if err == nil {
		var reply *protocol.Message
		if reply, err = h.calls.Dispatch(r.Context(), httpcall.Peer(r), call); err == nil {
			w.Header().Set(httpcall.MetaHeader, httpcall.FormatMetadata(reply.Metadata))
			if !call.Oneway {
				h.zips.Write(w, r, http.StatusOK, mediaType(call.Serialize), reply.Payload)
			}
			return
		}
	}
	fail(w, err)
}

// fail answers with an error. Clients of rpcx look at the status header, others at the
// status.
func fail(w http.ResponseWriter, err error) {
	w.Header().Set(statusHeader, "Error")
	w.Header().Set(errorHeader, headerText(err.Error()))
	w.Header().Set(codeHeader, httpcall.CodeName(err))
	httpcall.Hints(w.Header(), err)
	w.WriteHeader(httpcall.Status(err))
}

// longestError is how much of an error's text is sent: a head that is longer than some
// KiB is refused by proxies and clients, and with it the answer.
const longestError = 4 << 10

// headerText makes a text fit for a header.
func headerText(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	return strings.ToValidUTF8(text[:min(len(text), longestError)], "")
}

// echo answers with what the request says of itself, as rpcx does: two of the headers
// even when the request lacks them.
func echo(to, from http.Header) {
	to[versionHeader] = []string{from.Get(versionHeader)}
	to[idHeader] = []string{from.Get(idHeader)}
	for _, name := range []string{serializeHeader, methodHeader} {
		if v := from.Get(name); v != "" {
			to.Set(name, v)
		}
	}
	to.Set("X-Content-Type-Options", "nosniff")
}

// readInvoke returns the call that a request asks for, or as much of it as is right. What
// is wrong with it is said in the words of rpcx, where rpcx has some.
func readInvoke(r *http.Request) (*protocol.Message, error) {
	h := r.Header
	m := &protocol.Message{Service: h.Get(serviceHeader), Method: h.Get(methodHeader)}
	if m.Service == "" {
		m.Service = strings.TrimPrefix(r.URL.Path, "/")
	}
	switch {
	case m.Service == "":
		return m, wrong("empty servicepath")
	case m.Method == "":
		return m, wrong("empty servicemethod")
	case h.Get(serializeHeader) == "":
		return m, wrong("empty serialized type")
	}
	if id := h.Get(idHeader); id != "" {
		seq, err := strconv.ParseUint(id, 10, 64)
		if err != nil {
			return m, wrong("%w", err)
		}
		m.Seq = seq
	}
	serialize, err := number(h, "X-RPCX-SerializeType", protocol.MaxSerializeType)
	if err != nil {
		return m, err
	}
	m.Serialize, m.Oneway = protocol.SerializeType(serialize), h.Get(onewayHeader) != ""
	if m.Metadata, err = httpcall.Metadata(h); err != nil {
		return m, err
	}
	if m.Payload, err = httpcall.Body(r); err != nil {
		return m, err
	}
	if r.Method == http.MethodGet && len(m.Payload) == 0 {
		return m, wrong("GET without a body: use POST") // all that a page in a browser can do
	}
	m.Compress, err = compression(h, m.Payload)
	return m, err
}

// gzipMagic is how a gzip stream begins.
const gzipMagic = "\x1f\x8b"

// compression says how a body is compressed. Real rpcx sends and accepts plain bodies
// with a type of compression, which it passes over; no plain payload of a struct begins
// as a gzip stream does.
func compression(h http.Header, body []byte) (protocol.CompressType, error) {
	if z := zipped(h); z != protocol.None || h.Get(compressHeader) == "" {
		return z, nil
	}
	n, err := number(h, "X-RPCX-CompressType", protocol.MaxCompressType)
	if err != nil {
		return 0, err
	}
	if protocol.CompressType(n) == protocol.Gzip && !bytes.HasPrefix(body, []byte(gzipMagic)) {
		return protocol.None, nil
	}
	return protocol.CompressType(n), nil
}

// number reads a header that is a number not greater than limit.
func number[T ~uint8](h http.Header, name string, limit T) (uint64, error) {
	n, err := strconv.ParseUint(h.Get(name), 10, 8)
	if err != nil || n > uint64(limit) {
		return 0, wrong("header %s is %.40q, want a number from 0 to %d", name, h.Get(name), uint8(limit))
	}
	return n, nil
}

func wrong(format string, args ...any) error {
	return rpcx.Errorf(rpcx.InvalidArgument, format, args...).NotExecuted()
}

// mediaType returns how HTTP calls the payloads of a codec.
func mediaType(t protocol.SerializeType) string {
	switch t {
	case protocol.JSON:
		return "application/json"
	case protocol.ProtoBuffer:
		return "application/protobuf"
	case protocol.MsgPack:
		return "application/msgpack"
	default:
		return "application/octet-stream"
	}
}

// refuseMethod answers a request with a method that is none of a call, in the words of rpcx.
func refuseMethod(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Allow", allowed)
	if r.Method != http.MethodOptions {
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
	}
}
