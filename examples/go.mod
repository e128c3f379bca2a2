module github.com/rpcx-go/rpcx/examples

go 1.26.0

require (
	github.com/apache/thrift v0.25.0
	github.com/rpcx-go/rpcx v0.0.0
	github.com/rpcx-go/rpcx/codec/thrift v0.0.0
	github.com/rpcx-go/rpcx/compress/zstd v0.0.0
	google.golang.org/protobuf v1.36.12
)

require (
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/vmihailenco/msgpack/v5 v5.4.1 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
)

replace github.com/rpcx-go/rpcx => ..

replace github.com/rpcx-go/rpcx/codec/thrift => ../codec/thrift

replace github.com/rpcx-go/rpcx/compress/zstd => ../compress/zstd
