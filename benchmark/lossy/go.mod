module github.com/rpcx-go/rpcx/benchmark/lossy

go 1.26.0

require (
	github.com/rpcx-go/rpcx v0.0.0
	github.com/rpcx-go/rpcx/transport/kcp v0.0.0
	github.com/rpcx-go/rpcx/transport/quic v0.0.0
	github.com/rpcx-go/rpcx/transport/utp v0.0.0
	golang.org/x/sys v0.49.0
)

require (
	github.com/anacrolix/missinggo v1.3.0 // indirect
	github.com/anacrolix/missinggo/perf v1.0.0 // indirect
	github.com/anacrolix/missinggo/v2 v2.5.1 // indirect
	github.com/anacrolix/sync v0.4.0 // indirect
	github.com/anacrolix/utp v0.2.0 // indirect
	github.com/huandu/xstrings v1.3.1 // indirect
	github.com/klauspost/cpuid/v2 v2.2.6 // indirect
	github.com/klauspost/reedsolomon v1.12.0 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/quic-go/quic-go v0.65.0 // indirect
	github.com/tjfoc/gmsm v1.4.1 // indirect
	github.com/vmihailenco/msgpack/v5 v5.4.1 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	github.com/xtaci/kcp-go/v5 v5.6.72 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/time v0.14.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

replace github.com/rpcx-go/rpcx => ../..

replace github.com/rpcx-go/rpcx/transport/kcp => ../../transport/kcp

replace github.com/rpcx-go/rpcx/transport/quic => ../../transport/quic

replace github.com/rpcx-go/rpcx/transport/utp => ../../transport/utp
