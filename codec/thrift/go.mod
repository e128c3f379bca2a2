module github.com/rpcx-go/rpcx/codec/thrift

go 1.26.0

require (
	// Apache Thrift's own runtime, which is in the signatures of generated code.
	github.com/apache/thrift v0.25.0
	github.com/rpcx-go/rpcx v0.0.0
)

replace github.com/rpcx-go/rpcx => ../..
