module github.com/rpcx-go/rpcx/transport/quic

go 1.26.0

require (
	github.com/quic-go/quic-go v0.65.0
	github.com/rpcx-go/rpcx v0.0.0
	go.uber.org/goleak v1.3.0
)

require (
	github.com/vmihailenco/msgpack/v5 v5.4.1 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

replace github.com/rpcx-go/rpcx => ../..
