// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// Outcomes of a hostile input.
const (
	closes  = "the connection is closed, with no answer but good ones to what came before"
	fails   = "an error is answered, and the connection can be used"
	refuses = "one of the two"
	answers = "a good answer, and the connection can be used"
	echoes  = "a heartbeat comes back, and the connection can be used"
	silence = "no answer, and the connection can be used"
)

// input is what a hostile or broken peer sends, and what must come of it.
type input struct {
	name string
	send []byte
	want string
	// answers is how many answers are expected; 0 means one where one is expected, and
	// none before the connection is closed.
	answers int
	// runs is how often S.count may run.
	runs int64
	// memory is how much the process may allocate for it, 0 means 8 MiB.
	memory uint64
	// abandon leaves without reading: by FIN, or else by RST.
	abandon string
}

// target is the default server under attack.
type target struct {
	*world
	ran        atomic.Int64
	goroutines int
	heap       uint64
}

// newTarget serves a method of each kind of arguments with the limits that everybody
// gets. Tests that use it do not run in parallel.
func newTarget(t *testing.T, opts ...server.Option) *target {
	t.Helper()
	w := &target{world: onTCP(t, opts...).arith()}
	w.handle("count", func(context.Context, *Args, *Reply) error {
		w.ran.Add(1)
		return nil
	})
	for _, err := range []error{
		server.Handle(w.Server, "S", "any", func(_ context.Context, args *any, _ *Reply) error {
			w.ran.Add(1)
			return nil
		}),
		server.Handle(w.Server, "S", "proto", func(context.Context, *structpb.Value, *structpb.Value) error {
			w.ran.Add(1)
			return nil
		}),
		server.Handle(w.Server, "S", "echo", func(_ context.Context, args *[]byte, reply *[]byte) error {
			w.ran.Add(1)
			*reply = *args
			return nil
		}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	w.mustWork(t)
	w.settle()
	w.goroutines, w.heap = runtime.NumGoroutine(), heap()
	return w
}

// heap returns the bytes that are in use after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // empties the pools as well
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// settle waits until no connection is left.
func (w *target) settle() {
	w.t.Helper()
	eventually(w.t, "all connections are gone", func() bool { return w.Stats().Conns == 0 })
}

// intact checks that the server has survived: it answers somebody else within a
// second, and holds no more than before.
func (w *target) intact(t *testing.T) {
	t.Helper()
	began := time.Now()
	w.mustWork(t)
	if took := time.Since(began); took > time.Second {
		t.Errorf("a good call on another connection took %v", took)
	}
	w.settle()
	eventually(t, "the goroutines are gone", func() bool { return runtime.NumGoroutine() <= w.goroutines+w.IdleWorkers()+4 })
	if now := heap(); now > w.heap+4<<20 {
		t.Errorf("%d KiB of heap are held, %d before", now>>10, w.heap>>10)
	}
	if st := w.Stats(); st.Panics != 0 || st.Handlers != 0 {
		t.Errorf("%d panics, %d handlers are said to run", st.Panics, st.Handlers)
	}
}

// attack sends one input and checks what comes of it.
func (w *target) attack(t *testing.T, in input) {
	t.Helper()
	before := w.ran.Load()
	p := w.dial(t)
	got := allocated(func() {
		go func() {
			_, _ = p.Write(in.send) // fails where the server has seen enough
			switch in.abandon {
			case "FIN":
				_ = p.Conn.(*net.TCPConn).CloseWrite()
			case "RST":
				_ = p.Conn.(*net.TCPConn).SetLinger(0)
				_ = p.Close()
			default:
				if in.want != closes {
					_, _ = p.Write(encode(t, numbered(marker, request("Arith", "Mul", `{"A":6,"B":7}`))))
				}
			}
		}()
		if in.abandon != "RST" {
			w.judge(t, in, p)
		}
	})
	p.Close()
	w.settle()
	if most := max(in.memory, 8<<20); got > most {
		t.Errorf("the process allocated %d KiB for it, want %d at most", got>>10, most>>10)
	}
	if ran := w.ran.Load() - before; ran != in.runs {
		t.Errorf("%d calls were executed, want %d", ran, in.runs)
	}
}

// marker is the sequence id of the good call behind an input.
const marker = 1 << 41

// judge reads what the server answers.
func (w *target) judge(t *testing.T, in input, p *peer) {
	t.Helper()
	good, bad, beats := 0, 0, 0
	usable, closed := false, false
	want := in.answers
	if want == 0 && in.want != closes && in.want != silence {
		want = 1
	}
	for !closed && (!usable || good+bad+beats < want) {
		m, err := p.next()
		switch {
		case err != nil:
			closed = true
		case m.Seq == marker:
			usable = true
		case m.Heartbeat:
			beats++
		case m.Status == protocol.Error:
			bad++
		default:
			good++
		}
	}
	got := fmt.Sprintf("%d good answers, %d errors, %d heartbeats; usable %t, closed %t", good, bad, beats, usable, closed)
	ok := false
	switch in.want {
	case closes:
		ok = closed && good == want && bad == 0 && beats == 0
	case fails:
		ok = usable && bad == want && good == 0 && beats == 0
	case refuses:
		ok = good == 0 && (closed && bad == 0 || usable && bad == want)
	case answers:
		ok = usable && good == want && bad == 0
	case echoes:
		ok = usable && beats == want && good == 0 && bad == 0
	case silence:
		ok = usable && good == 0 && bad == 0 && beats == 0
	}
	if !ok {
		t.Errorf("%s; want that %s (%d answers)", got, in.want, want)
	}
}

// frame is a request of S.count that a test then spoils. Its parts begin at fixed
// places.
type spoiled []byte

const (
	atFlags   = 2
	atCodec   = 3
	atSeq     = 4
	atTotal   = 12
	atService = 16 // "S"
	atMethod  = atService + 4 + len("S")
	atMeta    = atMethod + 4 + len("count")
	atPayload = atMeta + 4 // when there is no metadata
)

func good(t testing.TB) spoiled { return encode(t, request("S", "count", `{}`)) }

func (f spoiled) put32(at int, v uint32) spoiled {
	b := bytes.Clone(f)
	binary.BigEndian.PutUint32(b[at:], v)
	return b
}

func (f spoiled) put8(at int, v byte) spoiled {
	b := bytes.Clone(f)
	b[at] = v
	return b
}

// sized fills in the total length.
func (f spoiled) sized() spoiled { return f.put32(atTotal, uint32(len(f)-protocol.HeaderSize)) }

// withMeta puts raw bytes where the metadata is.
func withMeta(t testing.TB, block []byte) spoiled {
	f := good(t)
	b := bytes.Clone(f[:atMeta])
	b = binary.BigEndian.AppendUint32(b, uint32(len(block)))
	b = append(b, block...)
	return spoiled(append(b, f[atPayload:]...)).sized()
}

// TestHostileFrames: headers, lengths, names and metadata that no honest peer sends.
func TestHostileFrames(t *testing.T) {
	w := newTarget(t)
	g := good(t)
	total := uint32(len(g) - protocol.HeaderSize)
	twice := func(a, b []byte) []byte { return append(bytes.Clone(a), b...) }
	inputs := []input{
		{name: "nothing, then FIN", want: closes, abandon: "FIN"},
		{name: "magic, then FIN", send: []byte{protocol.Magic}, want: closes, abandon: "FIN"},
		{name: "nothing, then RST", abandon: "RST"},
		{name: "half a frame, then RST", send: g[:len(g)/2], abandon: "RST"},
		{name: "wrong magic in the second frame", send: twice(g, twice(g.put8(0, 9), g)), want: closes, answers: 1, runs: 1},

		{name: "response", send: g.put8(atFlags, 0x80), want: silence},
		{name: "response, one-way", send: g.put8(atFlags, 0xa0), want: silence},
		{name: "response, error", send: g.put8(atFlags, 0x81), want: silence},
		{name: "5000 responses", send: bytes.Repeat(g.put8(atFlags, 0x80), 5000), want: silence},
		{name: "heartbeat with names", send: g.put8(atFlags, 0x40), want: echoes},
		{name: "heartbeat, one-way", send: g.put8(atFlags, 0x60), want: echoes},
		{name: "heartbeat, unknown compressor", send: g.put8(atFlags, 0x40|7<<2), want: echoes},
		{name: "status in a request", send: g.put8(atFlags, 0x03), want: answers, runs: 1},
		{name: "sequence id 2^63", send: g.put8(atSeq, 0x80), want: answers, runs: 1},
		{name: "sequence id 2^64-1", send: twice(twice(g[:atSeq], bytes.Repeat([]byte{0xff}, 8)), g[atTotal:]), want: answers, runs: 1},
		{name: "one sequence id 1000 times", send: bytes.Repeat(g, 1000), want: answers, answers: 1000, runs: 1000},

		{name: "total 16, all zero", send: append(append(bytes.Clone(g[:atTotal]), 0, 0, 0, 16), make([]byte, 16)...), want: fails},
		{name: "part lengths add up past 2^32", send: g.put32(atService, math.MaxUint32).put32(atMethod, 1), want: closes},
		{name: "the service swallows the rest", send: g.put32(atService, total-4), want: closes},
		{name: "the service swallows all but its lengths", send: append(append(bytes.Clone(g[:atService]), 0, 0, 0, 17), make([]byte, 17+12)...), want: closes},
		{name: "payload length 0 though bytes follow", send: g.put32(atPayload, 0), want: closes},
		{name: "payload length one short", send: g.put32(atPayload, 1), want: closes},
		{name: "payload length one long", send: g.put32(atPayload, 3), want: closes},
		{name: "junk behind the payload", send: append(bytes.Clone(g), "junk"...), want: closes, answers: 1, runs: 1},
		{name: "junk inside the frame", send: spoiled(append(bytes.Clone(g), "junk"...)).sized(), want: closes},
		{name: "total one short", send: g.put32(atTotal, total-1), want: closes},
		{name: "ends before the method", send: g[:atMethod].sized(), want: closes},
		{name: "ends before the metadata", send: g[:atMeta].sized(), want: closes},
		{name: "ends before the payload", send: g[:atPayload].sized(), want: closes},

		{name: "metadata of 1 byte", send: withMeta(t, make([]byte, 1)), want: closes},
		{name: "metadata of 3 bytes", send: withMeta(t, make([]byte, 3)), want: closes},
		{name: "a key without a value", send: withMeta(t, []byte("\x00\x00\x00\x01k")), want: closes},
		{name: "a key past the end", send: withMeta(t, []byte("\x00\x00\x00\xffk")), want: closes},
		{name: "a key length that wraps", send: withMeta(t, []byte("\xff\xff\xff\xffk\x00\x00\x00\x00")), want: closes},
		{name: "a value length that wraps", send: withMeta(t, []byte("\x00\x00\x00\x01k\xff\xff\xff\xfc")), want: closes},
		{name: "2 bytes behind the last pair", send: withMeta(t, []byte("\x00\x00\x00\x01k\x00\x00\x00\x01v\x00\x00")), want: closes},
		{name: "empty pair", send: withMeta(t, make([]byte, 8)), want: answers, runs: 1},
		{name: "as many pairs as may be", send: withMeta(t, make([]byte, 8*protocol.DefaultPairsLimit)), want: answers, runs: 1},
		{name: "one pair too many", send: withMeta(t, make([]byte, 8*(protocol.DefaultPairsLimit+1))), want: closes},
		{name: "400000 empty pairs", send: withMeta(t, make([]byte, 8*400_000)), want: closes, memory: 16 << 20},
		{name: "a value of 3 MiB", send: encode(t, with(request("S", "count", `{}`), "k", strings.Repeat("v", 3<<20))), want: closes, memory: 16 << 20},
		{name: "as much metadata as may be", send: encode(t, with(request("S", "count", `{}`), "k", strings.Repeat("v", protocol.DefaultMetadataLimit-9))), want: answers, runs: 1},
		{name: "a service name of 1 MiB", send: encode(t, request(strings.Repeat("S", 1<<20), "count", `{}`)), want: closes, memory: 16 << 20},
		{name: "a method name one too long", send: encode(t, request("S", strings.Repeat("m", protocol.DefaultNameLimit+1), `{}`)), want: closes},
		{name: "names as long as may be", send: encode(t, request(strings.Repeat("S", protocol.DefaultNameLimit), strings.Repeat("m", protocol.DefaultNameLimit), `{}`)), want: fails},
	}
	for cut := 1; cut < len(g); cut++ {
		inputs = append(inputs, input{name: fmt.Sprintf("cut after %d bytes", cut), send: g[:cut], want: closes, abandon: "FIN"})
	}
	for total := range uint32(16) {
		inputs = append(inputs, input{name: fmt.Sprintf("total %d", total), send: g.put32(atTotal, total), want: closes})
	}
	for _, total := range []uint32{protocol.DefaultFrameLimit + 1, 1 << 28, 1 << 30, 1<<31 - 1, 1 << 31, math.MaxUint32 - 15, math.MaxUint32} {
		inputs = append(inputs, input{name: fmt.Sprintf("total %d", total), send: claim(total), want: closes})
	}
	for part, at := range map[string]int{"service": atService, "method": atMethod, "metadata": atMeta, "payload": atPayload} {
		for _, n := range []uint32{total + 1, 1 << 31, math.MaxUint32 - 3, math.MaxUint32} {
			inputs = append(inputs, input{name: fmt.Sprintf("%s of %d", part, n), send: g.put32(at, n), want: closes})
		}
	}
	for n := byte(2); n <= 7; n++ {
		inputs = append(inputs, input{name: fmt.Sprintf("compressor %d", n), send: g.put8(atFlags, n<<2), want: fails})
	}
	for n := byte(4); n <= 15; n++ {
		inputs = append(inputs, input{name: fmt.Sprintf("codec %d", n), send: g.put8(atCodec, n<<4), want: fails})
	}
	for _, n := range []byte{0, 2} {
		inputs = append(inputs, input{name: fmt.Sprintf("codec %d for a plain struct", n), send: g.put8(atCodec, n<<4), want: fails})
	}
	for _, name := range [][2]string{
		{"", ""},
		{"S", ""},
		{"", "count"},
		{"s", "count"},
		{"S", "Count"},
		{"S.count", ""},
		{"S/", "count"},
		{"/S", "/count"},
		{"S\x00", "count"},
		{" S", "count"},
		{"S", "count "},
		{"../../etc/passwd", "x"},
		{"S", "../count"},
		{"\x1b[31mS", "count"},
		{"\r\nS: x", "count\r\n"},
		{"\xff\xfe", "\x80"},
		{"_rpcx", "cancel"},
		{"_rpcx", "drain"},
	} {
		inputs = append(inputs, input{name: fmt.Sprintf("names %q", name), send: encode(t, request(name[0], name[1], `{}`)), want: fails})
	}
	for _, v := range []string{"-1", "-9223372036854775808"} {
		inputs = append(inputs, input{name: fmt.Sprintf("__ServerTimeout %.20q", v), send: encode(t, with(request("S", "count", `{}`), "__ServerTimeout", v)), want: fails})
	}
	for _, v := range []string{"9223372036854775807", "9223372036854775808", "NaN", "", "1e9", strings.Repeat("9", 60_000)} {
		inputs = append(inputs, input{name: fmt.Sprintf("__ServerTimeout %.20q", v), send: encode(t, with(request("S", "count", `{}`), "__ServerTimeout", v)), want: answers, runs: 1})
	}
	for _, in := range inputs {
		t.Run(in.name, func(t *testing.T) {
			w := w
			if in.want == closes && in.runs > 0 { // what is bad comes at once after a call, and ends one that waits in the pool
				w = newTarget(t) // where no call was slow
			}
			w.attack(t, in)
		})
	}
	w.intact(t)
}

// Each first byte but one, among them those of HTTP and TLS.
func TestHostileFirstBytes(t *testing.T) {
	w := newTarget(t)
	for b := range 256 {
		if byte(b) == protocol.Magic {
			continue
		}
		t.Run(fmt.Sprintf("%#02x", b), func(t *testing.T) {
			w.attack(t, input{send: good(t).put8(0, byte(b)), want: closes})
		})
	}
	w.intact(t)
}

// Each version byte is answered, with the same.
func TestHostileVersions(t *testing.T) {
	w := newTarget(t)
	p := w.dial(t)
	for v := range 256 {
		if _, err := p.Write(good(t).put8(1, byte(v))); err != nil {
			t.Fatal(err)
		}
		if got := p.receive(); got.Version != byte(v) || got.Status != protocol.Normal {
			t.Errorf("version %d is answered with %+v", v, got.Header)
		}
	}
	p.Close()
	w.intact(t)
}

// Each combination of flags: a call runs only when it is one that was understood as a
// whole, and is answered unless nobody wants that.
func TestHostileFlags(t *testing.T) {
	w := newTarget(t)
	for flags := range 256 {
		response, heartbeat, oneway, compressed := flags&0x80 != 0, flags&0x40 != 0, flags&0x20 != 0, flags&0x1c != 0
		in := input{send: good(t).put8(atFlags, byte(flags))}
		switch {
		case response:
			in.want = silence
		case heartbeat:
			in.want = echoes
		case compressed && oneway:
			in.want = silence
		case compressed:
			in.want = fails
		case oneway:
			in.want, in.runs = silence, 1
		default:
			in.want, in.runs = answers, 1
		}
		t.Run(fmt.Sprintf("%08b", flags), func(t *testing.T) { w.attack(t, in) })
	}
	w.intact(t)
}

// bomb is a gzip stream of 1 GiB of zeros, in some 1 MiB: the same member many times.
func bomb() []byte { return bytes.Repeat(gzipped(make([]byte, 1<<20)), 1<<10) }

// TestHostilePayloads: what codecs and compressors must survive.
func TestHostilePayloads(t *testing.T) {
	w := newTarget(t)
	msg := func(method string, codec protocol.SerializeType, payload []byte) *protocol.Message {
		m := request("S", method, "")
		m.Serialize, m.Payload = codec, payload
		return m
	}
	zipped := func(payload []byte) *protocol.Message {
		m := msg("count", protocol.JSON, payload)
		m.Compress = protocol.Gzip
		return m
	}
	nested := func(n int, open string) []byte { return []byte(strings.Repeat(open, n)) }
	inField := func(field string, b []byte) []byte { // a MessagePack map with one pair
		return append(append([]byte{0x81, 0xa0 | byte(len(field))}, field...), b...)
	}
	const claim32 = "\xff\xff\xff\xff"
	zip := gzipped([]byte(`{"A":1}`))
	badSum := bytes.Clone(zip)
	badSum[len(badSum)-8] ^= 1
	const mib = 1 << 20
	boom := bomb()
	inputs := []input{
		{name: "not JSON", send: encode(t, msg("count", protocol.JSON, []byte("\x00\xff{"))), want: fails},
		{name: "nothing", send: encode(t, msg("count", protocol.JSON, nil)), want: fails},
		{name: "nothing, MessagePack", send: encode(t, msg("count", protocol.MsgPack, nil)), want: fails},
		{name: "wrong types", send: encode(t, msg("count", protocol.JSON, []byte(`{"A":"x"}`))), want: fails},
		{name: "wrong types, MessagePack", send: encode(t, msg("count", protocol.MsgPack, []byte("\x81\xa1A\xa1x"))), want: fails},
		{name: "2 M nested arrays", send: encode(t, msg("any", protocol.JSON, nested(2_000_000, "["))), want: fails, memory: 64 * mib},
		{name: "2 M nested objects", send: encode(t, msg("any", protocol.JSON, nested(2_000_000, `{"a":`))), want: fails, memory: 64 * mib},
		{name: "2 M nested arrays in an unknown field", send: encode(t, msg("count", protocol.JSON, append([]byte(`{"x":`), nested(2_000_000, "[")...))), want: fails, memory: 64 * mib},
		{name: "a number of 1 MB", send: encode(t, msg("count", protocol.JSON, []byte(`{"A":`+strings.Repeat("9", 1_000_000)+`}`))), want: fails, memory: 32 * mib},
		{name: "1e999999999", send: encode(t, msg("count", protocol.JSON, []byte(`{"A":1e999999999}`))), want: fails},

		{name: "nested arrays in an unknown field, MessagePack", send: encode(t, msg("count", protocol.MsgPack, inField("x", nested(3_000_000, "\x91")))), want: fails, memory: 32 * mib},
		{name: "16 M nested arrays, MessagePack", send: encode(t, msg("any", protocol.MsgPack, nested(16<<20-100, "\x91"))), want: fails, memory: 64 * mib},
		{name: "nested maps in an unknown field, MessagePack", send: encode(t, msg("count", protocol.MsgPack, inField("x", nested(4_000_000, "\x81\xa0")))), want: fails, memory: 64 * mib},

		{name: "protobuf, nested groups", send: encode(t, msg("proto", protocol.ProtoBuffer, nested(2_000_000, "\x0b"))), want: fails, memory: 64 * mib},
		{name: "protobuf, nested lists", send: encode(t, msg("proto", protocol.ProtoBuffer, nestedLists(2_000))), want: fails, memory: 64 * mib},
		{name: "protobuf, length past the end", send: encode(t, msg("proto", protocol.ProtoBuffer, []byte("\x1a\xff\xff\xff\xff\x0fx"))), want: fails},
		{name: "protobuf, rubbish", send: encode(t, msg("proto", protocol.ProtoBuffer, []byte("\xff\xff\xff"))), want: fails},
		{name: "raw bytes for a struct", send: encode(t, msg("count", protocol.SerializeNone, []byte("x"))), want: fails},

		{name: "not gzip", send: encode(t, zipped([]byte("this is no gzip at all"))), want: fails},
		{name: "nothing for gzip", send: encode(t, zipped(nil)), want: fails},
		{name: "15 MiB that are no gzip", send: encode(t, zipped(make([]byte, 15*mib))), want: fails, memory: 64 * mib},
		{name: "gzip that is cut", send: encode(t, zipped(zip[:len(zip)-9])), want: fails},
		{name: "gzip without its end", send: encode(t, zipped(zip[:len(zip)-1])), want: fails},
		{name: "gzip with a wrong sum", send: encode(t, zipped(badSum)), want: fails},
		{name: "gzip with junk behind", send: encode(t, zipped(append(bytes.Clone(zip), "junk"...))), want: fails},
		{name: "gzip of gzip", send: encode(t, zipped(gzipped(zip))), want: fails},
		{name: "gzip, many members", send: encode(t, zipped(bytes.Repeat(gzipped(nil), 100_000))), want: fails, memory: 32 * mib},
		{name: "a bomb", send: encode(t, zipped(boom)), want: fails, memory: 64 * mib},
		{name: "a bomb, one-way", send: encode(t, oneway(zipped(boom))), want: silence, memory: 64 * mib},
		{name: "a bomb for nobody", send: encode(t, &protocol.Message{Header: protocol.Header{Compress: protocol.Gzip}, Service: "Nope", Payload: boom}), want: fails, memory: 16 * mib},
		{name: "a bomb as a heartbeat", send: encode(t, &protocol.Message{Header: protocol.Header{Compress: protocol.Gzip, Heartbeat: true}, Payload: boom}), want: closes, memory: 16 * mib},
		{name: "a bomb in a response", send: encode(t, &protocol.Message{Header: protocol.Header{Compress: protocol.Gzip, Type: protocol.Response}, Payload: boom}), want: silence, memory: 16 * mib},
		{name: "one byte over the limit", send: encode(t, zipped(append(bytes.Repeat(gzipped(make([]byte, mib)), protocol.DefaultFrameLimit/mib), gzipped([]byte("x"))...))), want: fails, memory: 64 * mib},
	}
	for kind, head := range map[string]string{"array32": "\xdd", "map32": "\xdf", "bin32": "\xc6", "str32": "\xdb", "ext32": "\xc9"} {
		b := []byte(head + claim32 + "\x05")
		for where, payload := range map[string][]byte{
			"at the top":          b,
			"in a known field":    inField("A", b),
			"in an unknown field": inField("x", b),
			"as a key":            append([]byte{0x81}, b...),
		} {
			inputs = append(inputs, input{name: kind + " of 4 Gi " + where, send: encode(t, msg("count", protocol.MsgPack, payload)), want: fails})
			inputs = append(inputs, input{name: kind + " of 4 Gi " + where + " of anything", send: encode(t, msg("any", protocol.MsgPack, payload)), want: fails})
		}
	}
	for _, in := range inputs {
		t.Run(in.name, func(t *testing.T) {
			began := time.Now()
			w.attack(t, in)
			if took := time.Since(began); took > patience/2 {
				t.Errorf("it took %v", took)
			}
		})
	}
	w.intact(t)

	t.Run("unknown keys", func(t *testing.T) { // which are not wrong, and must not be dear
		var b strings.Builder
		b.WriteString(`{"A":1`)
		for i := range 200_000 {
			fmt.Fprintf(&b, `,"k%d":0`, i)
		}
		b.WriteString("}")
		w.attack(t, input{send: encode(t, msg("count", protocol.JSON, []byte(b.String()))), want: answers, runs: 1, memory: 64 * mib})
	})
	t.Run("bytes that mean something elsewhere", func(t *testing.T) {
		p := w.dial(t)
		defer p.Close()
		for _, v := range []string{"\r\n\r\nGET / HTTP/1.1", "\x00", "\x1b[2J", "\xff", strings.Repeat("é", 1000)} {
			m := msg("echo", protocol.SerializeNone, []byte(v))
			if got := p.call(m); string(got.Payload) != v {
				t.Errorf("%q comes back as %q %v", v, got.Payload, got.Metadata.Map())
			}
		}
	})
	w.intact(t)
}

// nestedLists is a structpb.Value with lists in lists.
func nestedLists(depth int) []byte {
	var b []byte
	for range depth {
		for _, field := range []byte{1, 6} { // ListValue.values, Value.list_value
			head := append([]byte{field<<3 | 2}, binary.AppendUvarint(nil, uint64(len(b)))...)
			b = append(head, b...)
		}
	}
	return b
}

// Eight bombs at once, before anybody was authenticated.
func TestHostileBombsAtOnce(t *testing.T) {
	t.Run("with the right token", func(t *testing.T) { testBombs(t, "right", 8*64<<20) })
	t.Run("without", func(t *testing.T) { testBombs(t, "", 64<<20) })
}

func testBombs(t *testing.T, token string, memory uint64) {
	w := newTarget(t)
	guarded := newTarget(t, server.WithAuth(func(_ context.Context, _, method, token string) error {
		if method == "count" && token != "right" {
			return rpcx.Unauthenticated
		}
		return nil
	}))
	m := with(request("S", "count", ""), "__AUTH", token)
	m.Compress, m.Payload = protocol.Gzip, bomb()
	frame := encode(t, m)
	peers := make([]*peer, 8)
	for i := range peers {
		peers[i] = guarded.dial(t)
	}
	began := time.Now()
	got := allocated(func() {
		for _, p := range peers {
			go func() { _, _ = p.Write(frame) }()
		}
		for _, p := range peers {
			if got := p.receive(); got.Status != protocol.Error {
				t.Errorf("answered with %+v", got.Header)
			}
			p.Close()
		}
	})
	if got > memory {
		t.Errorf("the process allocated %d MiB, want %d at most", got>>20, memory>>20)
	}
	if took := time.Since(began); took > patience/2 {
		t.Errorf("it took %v", took)
	}
	guarded.intact(t)
	w.intact(t)
}

// Twenty thousand malformed frames, each well delimited: the first of a connection ends
// it, and none costs more than that.
func TestHostileMalformedFlood(t *testing.T) {
	w := newTarget(t)
	bad := bytes.Repeat(good(t).put32(atPayload, 1), 100)
	const conns = 200
	before := w.Stats().Malformed
	got := allocated(func() {
		for range conns {
			p := w.dial(t)
			_, _ = p.Write(bad)
			p.drained()
			p.Close()
		}
		w.settle()
	})
	if n := w.Stats().Malformed - before; n != conns {
		t.Errorf("%d malformed frames are counted, want one for each of %d connections", n, conns)
	}
	if got > conns*128<<10 {
		t.Errorf("the process allocated %d KiB", got>>10)
	}
	if w.ran.Load() != 0 {
		t.Errorf("%d calls were executed", w.ran.Load())
	}
	w.intact(t)
}

// Mutations of good frames, and bodies of random bytes: whatever the server makes of
// them, it lives.
func TestHostileMutations(t *testing.T) {
	w := newTarget(t)
	rng := rand.New(rand.NewPCG(20, 26))
	seeds := [][]byte{
		good(t),
		encode(t, with(request("Arith", "Mul", `{"A":6,"B":7}`), "k", "v", "__ServerTimeout", "1000")),
		encode(t, &protocol.Message{Header: protocol.Header{Serialize: protocol.MsgPack}, Service: "S", Method: "any", Payload: []byte("\x82\xa1A\x06\xa1B\xd3\x00\x00\x00\x00\x00\x00\x00\x07")}),
		encode(t, &protocol.Message{Header: protocol.Header{Heartbeat: true}, Metadata: rpcx.Pairs("__rpcx_offer", "cancel drain compress:zstd=7")}),
		encode(t, cancelFrame(1)),
	}
	frames, bodies := 4000, 2000
	if testing.Short() {
		frames, bodies = 400, 200
	}
	p := w.dial(t)
	shoot := func(b []byte) {
		t.Helper()
		if _, err := p.Write(b); err != nil || rng.IntN(20) == 0 {
			p.Close()
			p = w.dial(t)
		}
	}
	for range frames {
		b := bytes.Clone(seeds[rng.IntN(len(seeds))])
		for range 1 + rng.IntN(4) {
			switch at := rng.IntN(len(b)); rng.IntN(4) {
			case 0:
				b[at] = byte(rng.Uint32())
			case 1:
				b[at] ^= 1 << rng.IntN(8)
			case 2:
				b = append(b[:at], b[min(len(b), at+1+rng.IntN(4)):]...)
			case 3:
				b = append(b[:at:at], append([]byte{0, 0xff, 0x7f, 1}[:1+rng.IntN(4)], b[at:]...)...)
			}
			if len(b) == 0 {
				b = []byte{protocol.Magic}
			}
		}
		shoot(b)
	}
	for range bodies {
		body := make([]byte, 16+rng.IntN(200))
		for i := range body {
			body[i] = byte(rng.Uint32() >> rng.IntN(25)) // small numbers are likely lengths
		}
		shoot(append(claim(uint32(len(body))), body...))
	}
	p.Close()
	w.settle()
	w.intact(t)
}

// A good peer is served however its bytes arrive: guards must not break it.
func TestGoodCallInPieces(t *testing.T) {
	w := newTarget(t)
	frame := encode(t, request("Arith", "Mul", `{"A":6,"B":7}`))
	t.Run("byte by byte", func(t *testing.T) {
		p := w.dial(t)
		defer p.Close()
		for range 3 {
			for _, b := range frame {
				if _, err := p.Write([]byte{b}); err != nil {
					t.Fatal(err)
				}
			}
			if got := p.receive(); string(got.Payload) != `{"C":42}` {
				t.Errorf("answered with %s", got.Payload)
			}
		}
	})
	t.Run("in two at each byte", func(t *testing.T) {
		p := w.dial(t)
		defer p.Close()
		for at := range frame {
			for _, part := range [][]byte{frame[:at], frame[at:]} {
				if _, err := p.Write(part); err != nil {
					t.Fatal(err)
				}
			}
			if got := p.receive(); string(got.Payload) != `{"C":42}` {
				t.Errorf("cut at %d: answered with %s", at, got.Payload)
			}
		}
	})
	w.intact(t)
}
