module github.com/rpcx-go/rpcx

go 1.26.0

require (
	// MessagePack is rpcx's default codec; vmihailenco's encoder defines its bytes.
	github.com/vmihailenco/msgpack/v5 v5.4.1
	// Tests only: every package that starts goroutines proves that none is left.
	go.uber.org/goleak v1.3.0
	// nettest, the standard suite for net.Conn implementations; transporttest runs it.
	golang.org/x/net v0.62.0
	// Protocol Buffers' own runtime.
	google.golang.org/protobuf v1.36.12
)

require github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
